//! `signal`: finds the target, makes sure that it is still the process that was judged, and sends the signal. For two
//! seconds afterwards the agent watches whether the process ends.

use super::proof::Confirmation;
use super::{Begun, Context, InFlight, Target, no_proc};
use crate::host::{clock, files, procfs::Proc};
use crate::runtime;
use agent::engine::Outcome;
use agent::errors::{Code, Problem};
use agent::proc::{Masks, Process};
use agent::signals;
use agent::target::{self, NoTarget, TargetSelector};
use agent::verdict::{self, Candidate, Verdict, YOUNG_MS};
use alloc::{boxed::Box, format, string::String};
use core::time::Duration;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, kill_process, pidfd_open, pidfd_send_signal};

/// If a process ends within this time after a signal, the signal ended it.
const WATCH_MS: u64 = 2_000;
/// Between the two checks of a young process.
const SECOND_CHECK: Duration = Duration::from_millis(10);

/// The process that got the last signal, and the means to notice its end.
pub struct SignalledProcess {
    pub process: Process,
    /// Readable after the process has ended, and never another process; None on kernels before 5.3.
    pub handle: Option<OwnedFd>,
    /// Until this time the signal counts as the cause of its end, milliseconds since boot; then None.
    pub until: Option<u64>,
    pub signal: u32,
    /// Just before the signal, milliseconds since boot.
    pub sent_at: u64,
    /// Programs of this kind may catch the signal only to exit.
    pub may_exit: bool,
}

/// The result of `send`.
pub enum Sent {
    Signalled(SignalledProcess),
    /// The container started after the change, so its program has read the new content.
    AlreadyFresh(Process),
}

/// Sends the signal, unless it has ended the program before.
pub fn begin(context: &mut Context<'_>, signal: u32) -> Begun {
    let Some(proc) = context.proc else { return Begun::Ended(no_proc()) };
    let (selector, changed) = (&context.options.target, context.change.since);
    let has_killed = context.saved.state.killed.contains(&signal);
    Begun::Ended(match send(proc, selector, signal, changed, context.target, has_killed) {
        Ok(Sent::Signalled(signalled)) => {
            context.counters.signals += 1;
            context.target.process = Some(signalled.process.clone());
            context.target.may_exit = signalled.may_exit;
            let search = |proof| Confirmation::new(proof, proc, &signalled);
            let confirmation = context.options.confirm.as_ref().map(search);
            context.target.signalled = Some(signalled);
            match confirmation {
                Some(confirmation) => return Begun::InFlight(InFlight::Proof(Box::new(confirmation))),
                None => Outcome::Sent,
            }
        }
        Ok(Sent::AlreadyFresh(process)) => {
            context.target.process = Some(process);
            Outcome::NotNeeded
        }
        Err(outcome) => outcome,
    })
}

/// Sends `signal`, unless the container started after `changed` (milliseconds since boot). The process that got
/// the last signal stays the target as long as it runs the same program. `has_killed`: the signal has ended a program before.
pub fn send(
    proc: &Proc,
    selector: &TargetSelector,
    signal: u32,
    changed: u64,
    last: &mut Target,
    has_killed: bool,
) -> Result<Sent, Outcome> {
    let (process, masks) = current(proc, selector, signal, last).map_err(|none| match none {
        NoTarget::NotYet(problem) => Outcome::NoTarget(problem),
        NoTarget::Refused(problem) => Outcome::Refused(problem),
    })?;
    if process.started_ms() > changed && is_root_younger(proc, selector, changed) {
        return Ok(Sent::AlreadyFresh(process));
    }
    if has_killed {
        return Err(Outcome::Final(killed(signal, &process.comm, false)));
    }
    let kept = last.signalled.as_mut().and_then(|last| last.handle.take_if(|_| masks.is_some()));
    judge_and_send(proc, selector, signal, process, kept.zip(masks)).map(Sent::Signalled)
}

/// Whether the container's root started after `changed`. A child that did proves nothing: a script may start one every
/// few seconds. Where the runtime does not show the root, the target's own start has to do.
fn is_root_younger(proc: &Proc, selector: &TargetSelector, changed: u64) -> bool {
    let Some(container) = proc.pod.as_ref().and(selector.container.as_ref()) else { return true };
    target::root(&proc.processes(), container).is_some_and(|root| root.started_ms() > changed)
}

/// The last process that got a signal as long as it runs the same program, else one that the selector chooses. With its
/// masks, if the handle of the last signal shows that it is the same process.
fn current(
    proc: &Proc,
    selector: &TargetSelector,
    signal: u32,
    last: &Target,
) -> Result<(Process, Option<Masks>), NoTarget> {
    if let Some(SignalledProcess { process: known, handle, .. }) = &last.signalled {
        if let Some(masks) = handle.as_ref().and_then(|_| proc.masks_of(known)) {
            return Ok((known.clone(), Some(masks)));
        }
        if proc.is_still(known) {
            return Ok((known.clone(), None));
        }
    }
    proc.choose(&proc.processes(), selector, Some(signal)).map(|process| (process.clone(), None))
}

/// Opens the pidfd before reading /proc, so that the process that is judged is the one that gets the signal, even if
/// another process gets its pid. `kept` are the pidfd of the last signal, which is of this process, and its masks since.
fn judge_and_send(
    proc: &Proc,
    selector: &TargetSelector,
    signal: u32,
    process: Process,
    kept: Option<(OwnedFd, Masks)>,
) -> Result<SignalledProcess, Outcome> {
    let gone = || Outcome::NoTarget(gone(&process));
    let (Some(pid), Some(number)) = (Pid::from_raw(process.pid as i32), runtime::signal_of(signal)) else {
        return Err(gone());
    };
    let is_kept = kept.is_some();
    let read = || proc.masks_of(&process).filter(|_| is_kept || proc.is_still(&process)).ok_or_else(gone);
    let (handle, masks) = match kept {
        Some((handle, masks)) => (Some(handle), masks),
        None => match pidfd_open(pid, PidfdFlags::empty()) {
            Err(Errno::SRCH) => return Err(gone()),
            opened => (opened.ok(), read()?),
        },
    };
    let age = clock::now().saturating_sub(process.started_ms());
    let judge = |masks| judge(proc, selector, signal, &process, masks, age);
    let mut may_exit = judge(masks)?;
    if age < YOUNG_MS {
        clock::sleep(SECOND_CHECK);
        may_exit = judge(read()?)?;
    }
    let sent_at = clock::now();
    let sent = match &handle {
        Some(handle) => pidfd_send_signal(handle, number),
        None => kill_process(pid, number),
    };
    match sent {
        Ok(()) => {
            let until = Some(clock::now() + WATCH_MS);
            Ok(SignalledProcess { until, process, handle, signal, sent_at, may_exit })
        }
        Err(Errno::SRCH) => Err(gone()),
        Err(Errno::PERM) => Err(Outcome::Refused(not_permitted(signal, &process))),
        Err(error) => {
            let message = format!("{} to process {}: {}", signals::name(signal), process.pid, files::describe(error));
            Err(Outcome::Failed(Problem::new(Code::SignalFailed, message)))
        }
    }
}

/// Whether the target may exit because of the signal.
fn judge(
    proc: &Proc,
    selector: &TargetSelector,
    signal: u32,
    process: &Process,
    masks: Masks,
    age: u64,
) -> Result<bool, Outcome> {
    let is_named = !selector.processes.is_empty();
    let blocked = if agent::proc::holds(masks.caught, signal) { masks.blocked } else { proc.blocked(process.pid) };
    match verdict::judge(&Candidate { process, masks, blocked, signal, is_named, age }) {
        Verdict::Send { may_exit } => Ok(may_exit),
        Verdict::NotYet(problem) => Err(Outcome::NoTarget(problem)),
        Verdict::Refuse(problem) => Err(Outcome::Refused(problem)),
    }
}

/// The process ended before the signal.
pub fn gone(process: &Process) -> Problem {
    Problem::new(Code::NoProcess, format!("process {} ended; waiting for the next", process.pid))
}

fn not_permitted(signal: u32, process: &Process) -> Problem {
    let (name, Process { pid, comm, .. }) = (signals::name(signal), process);
    let message = format!(
        "{name} not sent: process {pid} ({comm}) runs as another user than the agent; give the agent the program's runAsUser, or set hotreload.dev/reload: rollout"
    );
    Problem::new(Code::SignalNotPermitted, message)
}

/// The signal ended its receiver. `is_again`: the agent sends it again, after the next edit.
pub fn killed(signal: u32, comm: &str, is_again: bool) -> Problem {
    let name: String = signals::name(signal);
    let again = if is_again { "" } else { ", which is not sent again in this Pod" };
    Problem::new(Code::Killed, format!("{comm} ended within 2 s of {name}{again}; set hotreload.dev/reload: rollout"))
}
