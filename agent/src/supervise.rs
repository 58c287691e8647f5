//! `supervise`: what the app container's main process does at a signal, at its program's end, and for a restart in place.
//! Without it the program itself was that process, so it decides when the container ends, and with which code.

const SIGINT: u32 = 2;
const SIGQUIT: u32 = 3;
const SIGTERM: u32 = 15;
const SIGCHLD: u32 = 17;
const SIGCONT: u32 = 18;
const SIGTSTP: u32 = 20;
const SIGTTIN: u32 = 21;
const SIGTTOU: u32 = 22;
const SIGURG: u32 = 23;
/// si_code of what the kernel sends by itself (asm-generic/siginfo.h).
const SI_KERNEL: i32 = 0x80;
/// Milliseconds for what the program left behind to go; what may not be killed is left there.
const CLEAR_MS: u64 = 2_000;

/// A signal that came (signalfd(2)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Came {
    /// Its number.
    pub signal: u32,
    /// si_code: who sent it, in kind.
    pub code: i32,
    /// The sender; 0 from another PID namespace: the container runtime, by the kubelet's word.
    pub sender: u32,
}

impl Came {
    /// Whether the program gets it. What the kernel sends by itself (a terminal's Ctrl-C, dnotify) goes to the whole
    /// process group, the program included, or is meant for us.
    pub fn is_forwarded(self) -> bool {
        self.signal != SIGCHLD && self.code < SI_KERNEL
    }

    /// Whether the container is to end. Its STOPSIGNAL may be any, and nobody tells us which: it comes from the runtime.
    pub fn is_stop(self) -> bool {
        let harmless = [SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG].contains(&self.signal);
        self.is_forwarded() && ([SIGINT, SIGQUIT, SIGTERM].contains(&self.signal) || (self.sender == 0 && !harmless))
    }
}

/// A shell's exit code of a program that ended of a signal.
pub fn code_of_signal(signal: i32) -> i32 {
    128 + signal
}

/// A shell's exit code where a program could not be started.
pub fn code_of_start(is_missing: bool) -> i32 {
    if is_missing { 127 } else { 126 }
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// Wait.
    Nothing,
    /// Send the program SIGKILL.
    Kill,
    /// End what it left behind, then say `cleared`.
    Clear,
    /// Start the program.
    Start,
    /// End the container with this code.
    Exit(i32),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Running,
    /// To be started again; SIGKILL at this time, None: never.
    Ending(Option<u64>),
    /// It has ended with this code, to be started again; what it left is waited for until this time.
    Clearing(i32, u64),
}

/// The program's life. Times are milliseconds since boot.
#[derive(Debug)]
pub struct Life {
    stage: Stage,
    stopping: bool,
}

impl Default for Life {
    fn default() -> Life {
        Life { stage: Stage::Running, stopping: false }
    }
}

impl Life {
    /// The container is to end: no restart any more, and no time limit of ours.
    pub fn stop(&mut self) -> Act {
        self.stopping = true;
        match self.stage {
            Stage::Running => Act::Nothing,
            Stage::Ending(_) => {
                self.stage = Stage::Ending(None);
                Act::Nothing
            }
            Stage::Clearing(code, _) => Act::Exit(code),
        }
    }

    /// Whether the container is to end.
    pub fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// The program was told to end, and is killed at `kill_at`.
    pub fn end(&mut self, kill_at: u64) {
        self.stage = Stage::Ending(Some(kill_at));
    }

    /// The program has ended.
    pub fn ended(&mut self, now: u64, code: i32) -> Act {
        if self.stopping || self.stage == Stage::Running {
            return Act::Exit(code);
        }
        self.stage = Stage::Clearing(code, now + CLEAR_MS);
        Act::Clear
    }

    /// Time has passed.
    pub fn tick(&mut self, now: u64) -> Act {
        match self.stage {
            Stage::Ending(Some(kill_at)) if now >= kill_at => {
                self.stage = Stage::Ending(None);
                Act::Kill
            }
            Stage::Clearing(_, until) if now >= until => self.cleared(),
            Stage::Clearing(..) => Act::Clear,
            _ => Act::Nothing,
        }
    }

    /// Nothing is left of the old program.
    pub fn cleared(&mut self) -> Act {
        self.stage = Stage::Running;
        Act::Start
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
    fn who_gets_a_signal_and_which_ends_the_container() {
        const USER: i32 = 0;
        let table = [
            // signal, code, sender, forwarded, stop
            (SIGTERM, USER, 0, true, true),
            (SIGTERM, USER, 9, true, true),
            (SIGINT, SI_KERNEL, 0, false, false), // Ctrl-C: the terminal has told the program, too
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
            let came = Came { signal, code, sender };
            assert_eq!((came.is_forwarded(), came.is_stop()), (forwarded, stop), "{came:?}");
        }
    }

    #[derive(Debug)]
    enum Event {
        End(u64),
        Stop,
        Tick(u64),
        Ended(i32),
        Cleared,
    }
    use Event::{Cleared, End, Ended, Stop, Tick};

    #[test]
    fn a_life_by_its_events() {
        let table: [(&str, &[(Event, Act)]); 8] = [
            ("ends by itself", &[(Tick(9), Act::Nothing), (Ended(3), Act::Exit(3))]),
            ("stopped", &[(Stop, Act::Nothing), (Tick(u64::MAX), Act::Nothing), (Ended(0), Act::Exit(0))]),
            ("restarted", &[(End(50), Act::Nothing), (Ended(143), Act::Clear), (Cleared, Act::Start)]),
            (
                "runs again",
                &[(End(50), Act::Nothing), (Ended(0), Act::Clear), (Cleared, Act::Start), (Ended(1), Act::Exit(1))],
            ),
            (
                "too slow",
                &[(End(50), Act::Nothing), (Tick(49), Act::Nothing), (Tick(50), Act::Kill), (Tick(51), Act::Nothing)],
            ),
            (
                "stopped while it ends",
                &[(End(50), Act::Nothing), (Stop, Act::Nothing), (Tick(99), Act::Nothing), (Ended(7), Act::Exit(7))],
            ),
            ("stopped when it has ended", &[(End(50), Act::Nothing), (Ended(7), Act::Clear), (Stop, Act::Exit(7))]),
            (
                "what it left can't be ended",
                &[(End(50), Act::Nothing), (Ended(7), Act::Clear), (Tick(1), Act::Clear), (Tick(CLEAR_MS), Act::Start)],
            ),
        ];
        for (name, events) in table {
            let mut life = Life::default();
            for (event, wanted) in events {
                let act = match event {
                    End(kill_at) => {
                        life.end(*kill_at);
                        Act::Nothing
                    }
                    Stop => life.stop(),
                    Tick(now) => life.tick(*now),
                    Ended(code) => life.ended(0, *code),
                    Cleared => life.cleared(),
                };
                assert_eq!(act, *wanted, "{name}: {event:?}");
            }
        }
    }

    #[test]
    fn due_when_something_is_to_be_done() {
        let mut life = Life::default();
        assert_eq!(life.deadline(), None);
        life.end(50);
        assert_eq!(life.deadline(), Some(50));
        life.ended(60, 0);
        assert_eq!(life.deadline(), Some(60 + CLEAR_MS));
        assert_eq!((code_of_signal(15), code_of_start(true), code_of_start(false)), (143, 127, 126));
    }
}
