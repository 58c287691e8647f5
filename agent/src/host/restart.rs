//! Ends the target container, so that the kubelet starts it again: with the new environment, and the new files read.
//! SIGTERM (or what the user chose) to the program, through a wrapper; SIGKILL to the container's root after the grace
//! period. The kubelet's own preStop and STOPSIGNAL are not run: docs/limits.md.

use super::procfs::Proc;
use super::signal::is_still;
use super::{clock, files};
use crate::runtime;
use agent::engine::Outcome;
use agent::errors::{Code, Problem};
use agent::memory::Restarted;
use agent::options::Restart;
use agent::proc::Process;
use agent::target::{self, Miss, Want};
use alloc::format;
use rustix::fd::OwnedFd;
use rustix::io::{self, Errno};
use rustix::process::{Pid, PidfdFlags, kill_process, pidfd_open, pidfd_send_signal};

/// One restart in this time for each container: the kubelet's back-off grows with each (0.6, 13, 26, 57, 82 s) and is
/// forgotten after 10 calm minutes.
const EVERY_MS: u64 = 600_000;
/// Environment is resolved before the process starts: in doubt, one that started this soon after the change has not got it.
const ENV_LAG_MS: u64 = 10_000;

/// A container being ended.
pub struct Ending {
    root: Process,
    /// Stays readable once the root has ended.
    pub handle: Option<OwnedFd>,
    /// When SIGKILL is due, milliseconds since boot.
    pub kill_at: u64,
}

/// What is to be brought in.
pub struct Change {
    /// When it came, milliseconds since boot.
    pub at: u64,
    /// Its digest.
    pub digest: u128,
    /// Whether environment is part of it.
    pub env: bool,
}

/// What came of it.
pub enum Begun {
    /// The signal is on its way.
    Ending(Ending, Restarted),
    /// The container has started with the content.
    Fresh(Process),
}

/// Ends the container unless it has started after the change, or was ended too recently.
pub fn begin(
    proc: &Proc,
    want: &Want,
    how: Restart,
    change: &Change,
    last: Option<&Restarted>,
) -> Result<Begun, Outcome> {
    let all = proc.processes();
    let (root, program) = find(&all, proc, want)?;
    let ours = last.filter(|last| last.digest == change.digest);
    let lag = if change.env { ENV_LAG_MS } else { 0 };
    if ours.is_some_and(|last| root.started > last.root) || root.started_ms() > change.at + lag {
        return Ok(Begun::Fresh(root.clone()));
    }
    let now = clock::wall();
    match last {
        Some(last) if !(ours.is_some() && last.root == root.started) && now < last.at + EVERY_MS => {
            return Err(Outcome::Later(clock::now() + last.at + EVERY_MS - now));
        }
        _ => {}
    }
    let handle = send(proc, program, how.signal).map_err(|error| failed(program, error))?;
    // Where the program and the root are not the same, the root's end is what counts.
    let handle = if program.pid == root.pid { handle } else { open(root.pid).ok() };
    let restarted = Restarted { at: now, root: root.started, digest: change.digest };
    Ok(Begun::Ending(Ending { root: root.clone(), handle, kill_at: clock::now() + how.grace }, restarted))
}

/// The container's root, and the program to tell; the root itself where the program can't be told apart.
fn find<'a>(all: &'a [Process], proc: &Proc, want: &Want) -> Result<(&'a Process, &'a Process), Outcome> {
    let chosen = target::choose(all, want, proc.pod.as_deref(), proc.me, &|pid| proc.command(pid));
    let root = match (&proc.pod, &want.container) {
        (Some(_), Some(container)) => target::root(all, container),
        _ => chosen.as_ref().ok().copied(),
    };
    match (root, chosen) {
        (Some(root), Ok(program)) => Ok((root, program)),
        (Some(root), Err(_)) => Ok((root, root)),
        (None, Err(Miss::Refused(problem))) => Err(Outcome::Refused(problem)),
        (None, Err(Miss::NotYet(problem))) => Err(Outcome::NoTarget(problem)),
        (None, Ok(program)) => Err(Outcome::NoTarget(gone(program))),
    }
}

fn open(pid: u32) -> io::Result<OwnedFd> {
    pidfd_open(Pid::from_raw(pid as i32).ok_or(Errno::SRCH)?, PidfdFlags::empty())
}

fn send(proc: &Proc, process: &Process, signal: u32) -> io::Result<Option<OwnedFd>> {
    let (pid, number) =
        (Pid::from_raw(process.pid as i32).ok_or(Errno::SRCH)?, runtime::signal_of(signal).ok_or(Errno::INVAL)?);
    let handle = match open(process.pid) {
        Err(Errno::SRCH) => return Err(Errno::SRCH),
        found => found.ok(),
    };
    if !is_still(proc, process) {
        return Err(Errno::SRCH);
    }
    match &handle {
        Some(handle) => pidfd_send_signal(handle, number)?,
        None => kill_process(pid, number)?,
    }
    Ok(handle)
}

impl Ending {
    /// What is being ended.
    pub fn command(&self) -> &str {
        &self.root.comm
    }

    /// Goes on; the outcome once the root has ended: the kubelet's turn.
    pub fn advance(&mut self, proc: &Proc) -> Option<Outcome> {
        if !is_still(proc, &self.root)
            && proc.stat(self.root.pid).is_none_or(|now| now.zombie || now.started != self.root.started)
        {
            let message = format!(
                "process {} ({}) ended; waiting for the container to start again",
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

fn gone(process: &Process) -> Problem {
    Problem::new(Code::NoProcess, format!("process {} ended; waiting for the next", process.pid))
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
