//! `restart`: ends the target container, so that the kubelet starts it again with the new environment, and it reads the
//! new files. The program gets SIGTERM (or the user's choice), also below a wrapper; the container's root gets SIGKILL
//! after the grace period. The kubelet's own preStop and STOPSIGNAL do not run: docs/limits.md.

use super::signal::gone;
use super::{Begun, Context, InFlight, no_proc};
use crate::host::procfs::Proc;
use crate::host::{clock, files, log};
use crate::runtime;
use agent::engine::Outcome;
use agent::errors::{Code, Problem};
use agent::options::method::Termination;
use agent::proc::Process;
use agent::saved_state::LastRestart;
use agent::target::{self, NoTarget, TargetSelector};
use alloc::format;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::OwnedFd;
use rustix::io::{self, Errno};
use rustix::process::{Pid, PidfdFlags, kill_process, pidfd_open, pidfd_send_signal};

/// At most one restart in this time for each container: the kubelet's back-off grows with each (0.6, 13, 26, 57, 82 s),
/// and ends after 10 minutes without a restart.
const EVERY_MS: u64 = 600_000;
/// The kubelet resolves the environment before it starts the process: in doubt, a process that started this soon after
/// the change does not have it.
const ENV_LAG_MS: u64 = 10_000;

/// A container that is ending.
pub struct Ending {
    root: Process,
    /// Readable after the root has ended.
    handle: Option<OwnedFd>,
    /// When SIGKILL is due, milliseconds since boot.
    pub kill_at: u64,
}

/// Ends the container, unless it started after the change or the last restart is too recent.
pub fn begin(context: &mut Context<'_>, termination: Termination) -> Begun {
    let Some(proc) = context.proc else { return Begun::Ended(no_proc()) };
    let all = proc.processes();
    let (root, program) = match find(&all, proc, &context.options.target) {
        Ok(found) => found,
        Err(outcome) => return Begun::Ended(outcome),
    };
    let last = context.saved.state.last_restart;
    let same_change = last.filter(|last| last.digest == context.change.digest);
    let lag = if context.change.env { ENV_LAG_MS } else { 0 };
    if same_change.is_some_and(|last| root.started > last.root) || root.started_ms() > context.change.since + lag {
        context.target.process = Some(root.clone());
        return Begun::Ended(if same_change.is_some() { Outcome::Done } else { Outcome::NotNeeded });
    }
    let now = clock::wall();
    let has_begun = same_change.is_some_and(|last| last.root == root.started);
    // After the clock was set back, the last restart may be in the future: it must not hold up the next one.
    let age = last.and_then(|last| now.checked_sub(last.at)).unwrap_or(EVERY_MS);
    if !has_begun && age < EVERY_MS {
        return Begun::Ended(Outcome::Later(clock::now() + EVERY_MS - age));
    }
    let handle = match send(proc, program, termination.signal) {
        // If the program is not the root, the end of the root counts.
        Ok(handle) if program.pid == root.pid => handle,
        Ok(_) => open(root.pid).ok(),
        Err(error) => return Begun::Ended(failed(program, error)),
    };
    log::info("restarting the container").string("command", &root.comm).write();
    context.counters.restarts += 1;
    // Its end now is this restart's, and not that of a signal just before.
    context.target.signalled = None;
    let restart = LastRestart { at: now, root: root.started, digest: context.change.digest };
    context.saved.state.last_restart = Some(restart);
    context.saved.save();
    Begun::InFlight(InFlight::Restart(Ending { root: root.clone(), handle, kill_at: clock::now() + termination.grace }))
}

/// The container's root, and the program to signal: the root itself if the program can't be identified.
pub fn find<'a>(
    all: &'a [Process],
    proc: &Proc,
    selector: &TargetSelector,
) -> Result<(&'a Process, &'a Process), Outcome> {
    let chosen = proc.choose(all, selector, None);
    let root = match (&proc.pod, &selector.container) {
        (Some(_), Some(container)) => target::root(all, container),
        _ => chosen.as_ref().ok().copied(),
    };
    match (root, chosen) {
        (Some(root), Ok(program)) => Ok((root, program)),
        (Some(root), Err(_)) => Ok((root, root)),
        (None, Err(NoTarget::Refused(problem))) => Err(Outcome::Refused(problem)),
        (None, Err(NoTarget::NotYet(problem))) => Err(Outcome::NoTarget(problem)),
        (None, Ok(program)) => Err(Outcome::NoTarget(gone(program))),
    }
}

/// A descriptor that is readable once the process has ended.
pub fn open(pid: u32) -> io::Result<OwnedFd> {
    pidfd_open(Pid::from_raw(pid as i32).ok_or(Errno::SRCH)?, PidfdFlags::empty())
}

fn send(proc: &Proc, process: &Process, signal: u32) -> io::Result<Option<OwnedFd>> {
    let (pid, number) =
        (Pid::from_raw(process.pid as i32).ok_or(Errno::SRCH)?, runtime::signal_of(signal).ok_or(Errno::INVAL)?);
    let handle = match open(process.pid) {
        Err(Errno::SRCH) => return Err(Errno::SRCH),
        found => found.ok(),
    };
    if !proc.is_still(process) {
        return Err(Errno::SRCH);
    }
    match &handle {
        Some(handle) => pidfd_send_signal(handle, number)?,
        None => kill_process(pid, number)?,
    }
    Ok(handle)
}

impl Ending {
    /// The descriptor to poll.
    pub fn descriptor(&self) -> Option<PollFd<'_>> {
        self.handle.as_ref().map(|handle| PollFd::new(handle, PollFlags::IN))
    }

    /// Continues; the outcome once the root has ended and the kubelet has to start the container again.
    pub fn advance(&mut self, proc: &Proc) -> Option<Outcome> {
        if proc.has_ended(&self.root) {
            let message = format!(
                "process {} ({}) ended, and the container has not started again; waiting for it",
                self.root.pid, self.root.comm
            );
            return Some(Outcome::NoTarget(Problem::new(Code::Restarting, message)));
        }
        if clock::now() >= self.kill_at {
            self.kill_at = clock::now() + 1_000;
            if let Err(error @ (Errno::PERM | Errno::INVAL)) = send(proc, &self.root, 9) {
                return Some(failed(&self.root, error));
            }
        }
        None
    }
}

fn failed(process: &Process, error: Errno) -> Outcome {
    if error == Errno::SRCH {
        return Outcome::NoTarget(gone(process));
    }
    let message = format!("process {} ({}) not ended: {}", process.pid, process.comm, files::describe(error));
    if error == Errno::PERM {
        return Outcome::Refused(Problem::new(
            Code::SignalNotPermitted,
            message + "; set hotreload.dev/reload: rollout",
        ));
    }
    Outcome::Failed(Problem::new(Code::SignalFailed, message))
}
