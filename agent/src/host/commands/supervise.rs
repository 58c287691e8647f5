//! `supervise`: the main process of the app's container. It starts the container's command as its child, watches beside
//! it, and after a change ends the child and starts it again. The container keeps running, so the kubelet's back-off does
//! not apply. In everything else the container behaves as if the command were its main process.

use crate::host::agent::Agent;
use crate::host::child::{self, Ended};
use crate::host::events::bit;
use crate::host::layout::Layout;
use crate::host::main_loop::{MainLoop, Role};
use crate::host::procfs::Proc;
use crate::host::{clock, files, log};
use crate::panics;
use crate::runtime::{self, Spawn};
use agent::child_lifecycle::{ChildAction, ChildLifecycle, ReceivedSignal, code_of_signal, code_of_start};
use agent::engine::Outcome;
use agent::errors::{Code, Problem};
use agent::options::method::Termination;
use agent::options::watch;
use alloc::vec::Vec;
use core::ffi::CStr;
use rustix::io::{self, Errno};
use rustix::process::{Pid, WaitOptions, set_child_subreaper, waitpid};

const SIGKILL: u32 = 9;
const SIGPIPE: u32 = 13;
const SIGSTOP: u32 = 19;
/// Every signal but the two that can't be caught, and SIGPIPE: it is ignored, but the kernel would queue it if it were
/// blocked.
const FORWARDED: u64 = !(bit(SIGKILL) | bit(SIGSTOP) | bit(SIGPIPE));

/// The supervisor of one program.
struct Supervisor<'a> {
    argv: &'a [&'static CStr],
    pid: i32,
    /// When the program started, milliseconds since boot; 0 after a panic of the supervisor, when it is unknown.
    started_at: u64,
    lifecycle: ChildLifecycle,
    /// The actions that follow from the events since the last turn of the loop.
    actions: Vec<ChildAction>,
    proc: Option<Proc>,
}

/// `words` and `raw` are the same arguments: flags, `--`, the command. The exit code is the command's; 128 plus the
/// signal that ended it; 127 if it was not found, 126 if it can't be executed.
#[inline(never)] // inlined beside watch, its locals would occupy the idle agent's stack
pub fn supervise(words: &[&str], raw: &[&'static CStr], layout: Layout, environment: &[&'static CStr]) -> i32 {
    let split = words.iter().position(|word| *word == "--").unwrap_or(words.len());
    let (options, problems) = watch::supervise(&words[..split]);
    let Some(signals) = runtime::signal_fd(FORWARDED) else { return not_started("signalfd", Errno::NOSYS) };
    // Orphans become our children even if another process is PID 1 (a shared process namespace), so a restart ends them.
    let _ = set_child_subreaper(Some(rustix::process::getpid()));
    // Bad options do not keep the program from starting: the supervisor then watches nothing, and /status shows why.
    let mut main_loop = MainLoop::new(options, problems, layout, environment);
    let mut supervisor = Supervisor {
        argv: raw.get(split + 1..).unwrap_or_default(),
        pid: 0,
        started_at: 0,
        lifecycle: ChildLifecycle::default(),
        actions: Vec::new(),
        proc: Proc::open().ok(),
    };
    match panics::supervised(environment).filter(|pid| is_running(*pid)) {
        Some(pid) => supervisor.set_pid(pid),
        None => {
            if let Err(code) = supervisor.start() {
                return code;
            }
        }
    }
    if let Some(agent) = main_loop.agent() {
        agent.set_program(supervisor.program());
    }
    main_loop.run(Some(&signals), &mut supervisor)
}

impl Role for Supervisor<'_> {
    /// While the container stops, changes do not matter any more.
    fn is_watching(&self) -> bool {
        !self.lifecycle.is_stopping()
    }

    fn serve(&mut self, agent: &mut Agent) {
        agent.restart_program(|termination, since| self.end(termination, since));
    }

    fn deadline(&self) -> Option<u64> {
        self.lifecycle.deadline()
    }

    fn on_signal(&mut self, received: ReceivedSignal) {
        if received.is_forwarded()
            && self.pid > 0
            && let Err(error) = runtime::kill_child(self.pid, received.signal)
        {
            log::error("signal not forwarded")
                .number("signal", received.signal.into())
                .string("error", &files::describe(error))
                .write();
        }
        if received.is_stop() {
            self.actions.push(self.lifecycle.stop());
        }
    }

    fn child_ended(&mut self, pid: i32, status: Ended) -> bool {
        if pid != self.pid {
            return false;
        }
        self.set_pid(0);
        let code = match status {
            Ended::Code(code) => code,
            Ended::Signal(signal) => code_of_signal(signal),
            Ended::TimedOut => code_of_signal(SIGKILL as i32),
        };
        self.actions.push(self.lifecycle.ended(clock::now(), code));
        true
    }

    fn exit_code(&mut self, agent: Option<&mut Agent>) -> Option<i32> {
        self.actions.push(self.lifecycle.tick(clock::now()));
        let actions = core::mem::take(&mut self.actions);
        let exit = |action: &ChildAction| if let ChildAction::Exit(code) = action { Some(*code) } else { None };
        if let Some(code) = actions.iter().find_map(exit) {
            if code == 0 && !self.lifecycle.is_stopping() && !self.remaining().is_empty() {
                log::error("the program went to the background")
                    .string("remedy", "start it in the foreground, e.g. nginx -g 'daemon off;'; the container ends with its main process")
                    .write();
            }
            return Some(code);
        }
        if actions.contains(&ChildAction::Kill) {
            let _ = runtime::kill_child(self.pid, SIGKILL);
        }
        let is_cleared = actions.contains(&ChildAction::Clear) && self.kill_remaining();
        if (is_cleared && self.lifecycle.cleared() == ChildAction::Start) || actions.contains(&ChildAction::Start) {
            if let Err(code) = self.start() {
                return Some(code);
            }
            if let Some(agent) = agent {
                agent.set_program(self.program());
                agent.finish(Outcome::Done);
            }
        }
        None
    }
}

impl Supervisor<'_> {
    /// Starts the program; the exit code if that fails.
    fn start(&mut self) -> Result<(), i32> {
        let name = self.argv.first().map_or("", |word| word.to_str().unwrap_or("\u{fffd}"));
        self.started_at = clock::now();
        let pid = child::find(name)
            .and_then(|path| runtime::spawn(&Spawn { path: &path, argv: self.argv, output: None, own_group: false }));
        self.set_pid(pid.map_err(|error| not_started(name, error))?);
        Ok(())
    }

    fn set_pid(&mut self, pid: i32) {
        self.pid = pid;
        panics::set_supervised(pid);
    }

    /// The program as a process.
    fn program(&self) -> Option<agent::proc::Process> {
        self.proc.as_ref().and_then(|proc| proc.stat(self.pid as u32))
    }

    /// Ends the program for a restart, unless it started after the change.
    fn end(&mut self, termination: Termination, since: u64) -> Result<(), Outcome> {
        if self.started_at > since {
            return Err(Outcome::NotNeeded);
        }
        runtime::kill_child(self.pid, termination.signal).map_err(|error| {
            let message =
                files::describe(error) + "; set the container's runAsUser to the user that the program runs as";
            Outcome::Refused(Problem::new(Code::SignalNotPermitted, message))
        })?;
        self.lifecycle.restart(clock::now() + termination.grace);
        log::info("restarting the program").number("pid", self.pid as u64).write();
        Ok(())
    }

    /// The processes that the program left behind: our children that still run.
    fn remaining(&self) -> Vec<i32> {
        let Some(proc) = &self.proc else { return Vec::new() };
        let all = proc.processes();
        all.iter().filter(|one| one.parent == proc.me && !one.zombie).map(|one| one.pid as i32).collect()
    }

    /// Kills the remaining processes; whether there were none. Nobody has reaped them, so their ids are still theirs. Their
    /// own children become ours as they end.
    fn kill_remaining(&self) -> bool {
        let remaining = self.remaining();
        for pid in &remaining {
            let _ = runtime::kill_child(*pid, SIGKILL);
        }
        remaining.is_empty()
    }
}

/// Whether `pid` is our child and has not ended. A child that has ended stays to be reaped.
fn is_running(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| matches!(waitpid(Some(pid), WaitOptions::NOHANG), Ok(None)))
}

/// Logs the error; the exit code.
fn not_started(command: &str, error: io::Errno) -> i32 {
    log::error("program not started").string("command", command).string("error", &files::describe(error)).write();
    code_of_start(error == Errno::NOENT)
}
