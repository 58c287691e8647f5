//! Whether the chosen process may get the signal.

use crate::errors::{Code, Problem};
use crate::proc::{Masks, Process, holds};
use crate::signals;
use crate::wrappers::catches_everything;
use alloc::format;

/// Runtimes whose handler for SIGHUP only exits cleanly.
const CATCH_TO_EXIT: [&str; 3] = ["java", "ruby", "dotnet"];
/// Milliseconds after its start in which a program without a handler may still install one. Measured from start to
/// handler: nginx 10 ms, postgres 48, java 79, gunicorn 182; this is fifty times the slowest, for a Pod with little CPU.
const STARTING_MS: u64 = 10_000;
/// Milliseconds of age below which the handler is checked twice: a wrapper's handler disappears with exec.
pub const YOUNG_MS: u64 = 1_000;

/// Whether the chosen process may get the signal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Send the signal.
    Send {
        /// Programs of this kind may catch the signal only to exit cleanly.
        may_exit: bool,
    },
    /// The process may not have installed its handler yet.
    NotYet(Problem),
    /// Do not send the signal.
    Refuse(Problem),
}

/// A process that is about to get a signal.
pub struct Candidate<'a> {
    /// The process.
    pub process: &'a Process,
    /// Its signal masks.
    pub masks: Masks,
    /// The signals that any of its threads blocks.
    pub blocked: u64,
    /// The signal.
    pub signal: u32,
    /// Whether it was chosen by name: then a blocked signal is enough, as a thread in sigwait may wait for it.
    pub is_named: bool,
    /// Milliseconds since its start.
    pub age: u64,
}

/// Judges a candidate.
pub fn judge(candidate: &Candidate<'_>) -> Verdict {
    let Candidate { process, masks, blocked, signal, is_named, age } = *candidate;
    let (name, subject) = (signals::name(signal), format!("process {} ({})", process.pid, process.comm));
    if holds(masks.ignored, signal) {
        let message = format!("{name} not sent: {subject} ignores it; set hotreload.dev/reload: rollout");
        return Verdict::Refuse(Problem::new(Code::SignalIgnored, message));
    }
    if process.comm == "bash" && catches_everything(masks) {
        let message = format!(
            "{name} not sent: {subject} has a trap for EXIT, and ends on every signal that its script does not trap; remove that trap, or run the script with sh"
        );
        return Verdict::Refuse(Problem::new(Code::SignalRefused, message));
    }
    if holds(masks.caught, signal) {
        return Verdict::Send { may_exit: is_go(masks) || CATCH_TO_EXIT.contains(&process.comm.as_str()) };
    }
    if is_named && holds(blocked, signal) {
        return Verdict::Send { may_exit: false };
    }
    if age < STARTING_MS {
        return Verdict::NotYet(Problem::new(
            Code::NoProcess,
            format!("{subject} does not handle {name} yet; waiting for it to start"),
        ));
    }
    let message =
        format!("{name} not sent: {subject} does not handle it and would end; set hotreload.dev/reload: rollout");
    Verdict::Refuse(Problem::new(Code::SignalRefused, message))
}

/// Go's runtime catches every real-time signal from 35 to 64 (it leaves 34 to musl); no other program does.
fn is_go(masks: Masks) -> bool {
    (35..=64).all(|signal| holds(masks.caught, signal))
}
