//! Sends the signal: finds the target, makes sure that it is still the process that was judged, tells it, and watches
//! for two seconds whether it ends of it.

use super::{clock, files, procfs::Proc};
use crate::runtime;
use agent::engine::Outcome;
use agent::errors::{Code, Problem};
use agent::proc::Process;
use agent::signals;
use agent::target::{self, Miss, Verdict, Want, YOUNG_MS};
use alloc::{format, string::String};
use core::time::Duration;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, kill_process, pidfd_open, pidfd_send_signal};

/// A process that ends within this time of a signal has ended of it.
pub const WATCH_MS: u64 = 2_000;
/// Between the two looks at a young process.
const SECOND_LOOK: Duration = Duration::from_millis(10);

/// The process told last, and how to notice its end.
pub struct Told {
    /// The process.
    pub process: Process,
    /// Stays readable once it has ended; None on kernels before 5.3.
    pub handle: Option<OwnedFd>,
    /// Until when its end counts as caused, milliseconds since boot.
    pub until: u64,
    /// The signal.
    pub signal: u32,
    /// It belongs to a kind that catches the signal only to exit.
    pub may_exit: bool,
}

/// What sending came to.
pub enum Sent {
    /// It was sent.
    Told(Told),
    /// Not needed: the process started after the content came.
    Younger(Process),
    /// Not sent.
    Not(Outcome),
}

/// Sends `signal`, unless the target started after `changed` (milliseconds since boot). `known` is the last target:
/// still the right one as long as it lives and has not become another program.
pub fn send(proc: &Proc, want: &Want, signal: u32, changed: u64, known: Option<&Process>) -> Sent {
    let process = match current(proc, want, known) {
        Ok(process) => process,
        Err(Miss::NotYet(problem)) => return Sent::Not(Outcome::NoTarget(problem)),
        Err(Miss::Refused(problem)) => return Sent::Not(Outcome::Refused(problem)),
    };
    if process.started_ms() > changed {
        return Sent::Younger(process);
    }
    match tell(proc, want, signal, process) {
        Ok(told) => Sent::Told(told),
        Err(outcome) => Sent::Not(outcome),
    }
}

fn current(proc: &Proc, want: &Want, known: Option<&Process>) -> Result<Process, Miss> {
    if let Some(known) = known.filter(|known| is_still(proc, known)) {
        return Ok(known.clone());
    }
    let all = proc.processes();
    target::choose(&all, want, proc.pod.as_deref(), proc.me, &|pid| proc.command(pid)).cloned()
}

/// Whether a process still is what it was: not another that got its id, not another program, not dead.
pub fn is_still(proc: &Proc, process: &Process) -> bool {
    let same = |now: Process| now.started == process.started && now.comm == process.comm && !now.zombie;
    proc.stat(process.pid).is_some_and(same)
}

/// First the handle, then the look: what is judged can then not be another process than what is told.
fn tell(proc: &Proc, want: &Want, signal: u32, process: Process) -> Result<Told, Outcome> {
    let gone = || {
        Outcome::NoTarget(Problem::new(Code::NoProcess, format!("process {} ended; waiting for the next", process.pid)))
    };
    let (Some(pid), Some(number)) = (Pid::from_raw(process.pid as i32), runtime::signal_of(signal)) else {
        return Err(gone());
    };
    let handle = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => Some(handle),
        Err(Errno::SRCH) => return Err(gone()),
        Err(_) => None,
    };
    let age = clock::now().saturating_sub(process.started_ms());
    let mut may_exit = judged(proc, want, signal, &process, age).map_err(|outcome| outcome.unwrap_or_else(gone))?;
    if age < YOUNG_MS {
        clock::sleep(SECOND_LOOK);
        may_exit = judged(proc, want, signal, &process, age).map_err(|outcome| outcome.unwrap_or_else(gone))?;
    }
    let sent = match &handle {
        Some(handle) => pidfd_send_signal(handle, number),
        None => kill_process(pid, number),
    };
    match sent {
        Ok(()) => Ok(Told { until: clock::now() + WATCH_MS, process, handle, signal, may_exit }),
        Err(Errno::SRCH) => Err(gone()),
        Err(Errno::PERM) => Err(Outcome::Refused(not_permitted(signal, &process))),
        Err(error) => {
            let message = format!("{} to process {}: {}", signals::name(signal), process.pid, files::describe(error));
            Err(Outcome::Failed(Problem::new(Code::SignalFailed, message)))
        }
    }
}

/// Whether the target may exit of the signal; Err(None) when it is gone.
fn judged(proc: &Proc, want: &Want, signal: u32, process: &Process, age: u64) -> Result<bool, Option<Outcome>> {
    let masks = proc.masks(process.pid).filter(|_| is_still(proc, process)).ok_or(None)?;
    let vouched = !want.processes.is_empty();
    let blocked = if agent::proc::holds(masks.caught, signal) { masks.blocked } else { proc.blocked(process.pid) };
    match target::judge(process, masks, blocked, signal, vouched, age) {
        Verdict::Send { may_exit } => Ok(may_exit),
        Verdict::NotYet(problem) => Err(Some(Outcome::NoTarget(problem))),
        Verdict::Refuse(problem) => Err(Some(Outcome::Refused(problem))),
    }
}

fn not_permitted(signal: u32, process: &Process) -> Problem {
    let (name, Process { pid, comm, .. }) = (signals::name(signal), process);
    let message = format!(
        "{name} not sent: process {pid} ({comm}) runs as another user than the agent; give the agent the program's runAsUser, or set hotreload.dev/reload: rollout"
    );
    Problem::new(Code::SignalNotPermitted, message)
}

impl Told {
    /// Whether the process has ended of the signal.
    pub fn has_ended(&self, proc: &Proc) -> bool {
        !is_still(proc, &self.process)
            && proc.stat(self.process.pid).is_none_or(|now| now.zombie || now.started != self.process.started)
    }

    /// What to say then.
    pub fn killed(&self) -> Problem {
        killed(self.signal, &self.process.comm)
    }
}

/// The refusal to send a signal again that ended its receiver.
pub fn killed(signal: u32, comm: &str) -> Problem {
    let name: String = signals::name(signal);
    let message = format!(
        "{comm} ended within 2 s of {name}, which is not sent again in this Pod; set hotreload.dev/reload: rollout"
    );
    Problem::new(Code::Killed, message)
}
