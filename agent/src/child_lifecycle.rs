//! Decides for `supervise`, the main process of the app's container, what follows from a signal, from the end of the
//! program, and from a restart in place. It decides when the container ends, and with which exit code.

const SIGINT: u32 = 2;
const SIGQUIT: u32 = 3;
const SIGTERM: u32 = 15;
const SIGCHLD: u32 = 17;
const SIGCONT: u32 = 18;
const SIGTSTP: u32 = 20;
const SIGTTIN: u32 = 21;
const SIGTTOU: u32 = 22;
const SIGURG: u32 = 23;
/// si_code of signals that the kernel itself sends (asm-generic/siginfo.h).
const SI_KERNEL: i32 = 0x80;
/// Milliseconds for the processes that the program left behind to end. Processes that can't be killed stay.
const CLEAR_MS: u64 = 2_000;

/// A signal that this process received (signalfd(2)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReceivedSignal {
    /// Its number.
    pub signal: u32,
    /// si_code: the kind of sender.
    pub code: i32,
    /// The sender's process id; 0 for another PID namespace: the container runtime, which acts for the kubelet.
    pub sender: u32,
}

impl ReceivedSignal {
    /// Whether the program gets the signal from us. A signal of the kernel itself (a terminal's Ctrl-C, dnotify) goes to
    /// the whole process group, which includes the program, or is meant for us.
    pub fn is_forwarded(self) -> bool {
        self.signal != SIGCHLD && self.code < SI_KERNEL
    }

    /// Whether the signal asks the container to end. STOPSIGNAL may be any signal and we do not know which, so every
    /// signal from the runtime counts.
    pub fn is_stop(self) -> bool {
        let harmless = [SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG].contains(&self.signal);
        self.is_forwarded() && ([SIGINT, SIGQUIT, SIGTERM].contains(&self.signal) || (self.sender == 0 && !harmless))
    }
}

/// The exit code, as a shell has it, of a program that a signal ended.
pub fn code_of_signal(signal: i32) -> i32 {
    128 + signal
}

/// The exit code, as a shell has it, where a program could not be started.
pub fn code_of_start(is_missing: bool) -> i32 {
    if is_missing { 127 } else { 126 }
}

/// The next action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChildAction {
    /// Wait.
    Nothing,
    /// Send the program SIGKILL.
    Kill,
    /// End the processes that it left behind, then call `cleared`.
    Clear,
    /// Start the program.
    Start,
    /// End the container with this code.
    Exit(i32),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Running,
    /// A restart has begun; SIGKILL is due at this time, None: never.
    Ending(Option<u64>),
    /// The program ended with this code during a restart; its remaining processes have until this time.
    Clearing(i32, u64),
}

/// The program's state. Times are milliseconds since boot.
#[derive(Debug)]
pub struct ChildLifecycle {
    stage: Stage,
    is_stopping: bool,
}

impl Default for ChildLifecycle {
    fn default() -> ChildLifecycle {
        ChildLifecycle { stage: Stage::Running, is_stopping: false }
    }
}

impl ChildLifecycle {
    /// The container is to end: nothing is restarted from now on, and the program has as long as the Pod grants.
    pub fn stop(&mut self) -> ChildAction {
        self.is_stopping = true;
        match self.stage {
            Stage::Running => ChildAction::Nothing,
            Stage::Ending(_) => {
                self.stage = Stage::Ending(None);
                ChildAction::Nothing
            }
            Stage::Clearing(code, _) => ChildAction::Exit(code),
        }
    }

    /// Whether the container is to end.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    /// A restart has begun: the program got its signal, and SIGKILL is due at `kill_at`.
    pub fn restart(&mut self, kill_at: u64) {
        self.stage = Stage::Ending(Some(kill_at));
    }

    /// The program has ended.
    pub fn ended(&mut self, now: u64, code: i32) -> ChildAction {
        if self.is_stopping || self.stage == Stage::Running {
            return ChildAction::Exit(code);
        }
        self.stage = Stage::Clearing(code, now + CLEAR_MS);
        ChildAction::Clear
    }

    /// Time has passed.
    pub fn tick(&mut self, now: u64) -> ChildAction {
        match self.stage {
            Stage::Ending(Some(kill_at)) if now >= kill_at => {
                self.stage = Stage::Ending(None);
                ChildAction::Kill
            }
            Stage::Clearing(_, until) if now >= until => self.cleared(),
            Stage::Clearing(..) => ChildAction::Clear,
            _ => ChildAction::Nothing,
        }
    }

    /// No process of the old program is left.
    pub fn cleared(&mut self) -> ChildAction {
        self.stage = Stage::Running;
        ChildAction::Start
    }

    /// When `tick` is due.
    pub fn deadline(&self) -> Option<u64> {
        match self.stage {
            Stage::Ending(kill_at) => kill_at,
            Stage::Clearing(_, until) => Some(until),
            Stage::Running => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_forwarded_or_stop_the_container() {
        const USER: i32 = 0;
        let table = [
            // signal, code, sender, forwarded, stop
            (SIGTERM, USER, 0, true, true),
            (SIGTERM, USER, 9, true, true),
            (SIGINT, SI_KERNEL, 0, false, false), // Ctrl-C: the terminal sends it to the program, too
            (SIGQUIT, USER, 9, true, true),
            (1, USER, 9, true, false), // kubectl exec … kill -HUP 1
            (1, USER, 0, true, true),  // STOPSIGNAL SIGHUP
            (10, -6, 9, true, false),
            (28, USER, 0, true, true),        // httpd's STOPSIGNAL
            (28, SI_KERNEL, 0, false, false), // the terminal's size
            (37, -1, 0, true, true),          // systemd's STOPSIGNAL
            (SIGCONT, USER, 0, true, false),
            (SIGURG, USER, 0, true, false),
            (SIGCHLD, 1, 9, false, false),
            (29, SI_KERNEL, 0, false, false), // dnotify
        ];
        for (signal, code, sender, forwarded, stop) in table {
            let received = ReceivedSignal { signal, code, sender };
            assert_eq!((received.is_forwarded(), received.is_stop()), (forwarded, stop), "{received:?}");
        }
    }

    #[derive(Debug)]
    enum Event {
        Restart(u64),
        Stop,
        Tick(u64),
        Ended(i32),
        Cleared,
    }
    use Event::{Cleared, Ended, Restart, Stop, Tick};

    #[test]
    fn events_lead_to_actions() {
        let table: [(&str, &[(Event, ChildAction)]); 8] = [
            ("ends by itself", &[(Tick(9), ChildAction::Nothing), (Ended(3), ChildAction::Exit(3))]),
            (
                "stopped",
                &[
                    (Stop, ChildAction::Nothing),
                    (Tick(u64::MAX), ChildAction::Nothing),
                    (Ended(0), ChildAction::Exit(0)),
                ],
            ),
            (
                "restarted",
                &[(Restart(50), ChildAction::Nothing), (Ended(143), ChildAction::Clear), (Cleared, ChildAction::Start)],
            ),
            (
                "runs again",
                &[
                    (Restart(50), ChildAction::Nothing),
                    (Ended(0), ChildAction::Clear),
                    (Cleared, ChildAction::Start),
                    (Ended(1), ChildAction::Exit(1)),
                ],
            ),
            (
                "too slow",
                &[
                    (Restart(50), ChildAction::Nothing),
                    (Tick(49), ChildAction::Nothing),
                    (Tick(50), ChildAction::Kill),
                    (Tick(51), ChildAction::Nothing),
                ],
            ),
            (
                "stopped while it ends",
                &[
                    (Restart(50), ChildAction::Nothing),
                    (Stop, ChildAction::Nothing),
                    (Tick(99), ChildAction::Nothing),
                    (Ended(7), ChildAction::Exit(7)),
                ],
            ),
            (
                "stopped when it has ended",
                &[(Restart(50), ChildAction::Nothing), (Ended(7), ChildAction::Clear), (Stop, ChildAction::Exit(7))],
            ),
            (
                "a process that it left can't be ended",
                &[
                    (Restart(50), ChildAction::Nothing),
                    (Ended(7), ChildAction::Clear),
                    (Tick(1), ChildAction::Clear),
                    (Tick(CLEAR_MS), ChildAction::Start),
                ],
            ),
        ];
        for (name, events) in table {
            let mut lifecycle = ChildLifecycle::default();
            for (event, expected) in events {
                let action = match event {
                    Restart(kill_at) => {
                        lifecycle.restart(*kill_at);
                        ChildAction::Nothing
                    }
                    Stop => lifecycle.stop(),
                    Tick(now) => lifecycle.tick(*now),
                    Ended(code) => lifecycle.ended(0, *code),
                    Cleared => lifecycle.cleared(),
                };
                assert_eq!(action, *expected, "{name}: {event:?}");
            }
        }
    }

    #[test]
    fn the_deadline_is_the_next_action() {
        let mut lifecycle = ChildLifecycle::default();
        assert_eq!(lifecycle.deadline(), None);
        lifecycle.restart(50);
        assert_eq!(lifecycle.deadline(), Some(50));
        lifecycle.ended(60, 0);
        assert_eq!(lifecycle.deadline(), Some(60 + CLEAR_MS));
        assert_eq!((code_of_signal(15), code_of_start(true), code_of_start(false)), (143, 127, 126));
    }
}
