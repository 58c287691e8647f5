//! The agent's state as values; status.rs and metrics.rs write them as text. Anyone who reaches the Pod's IP can read
//! both pages, so a report holds no key or content of a Secret and no output of a validator.

mod compat_metrics;
pub mod counters;
mod metrics;
mod prometheus_text;
mod routes;
mod status;

use self::counters::Counters;
use crate::engine::{Engine, IdleReason};
use crate::errors::{Code, Problem};
use crate::gate::Unhealthy;
use crate::options::method::ReloadMethod;
use alloc::{string::String, vec::Vec};

/// One watched volume.
pub struct VolumeReport<'a> {
    /// Its name.
    pub name: &'a str,
    /// `inotify`, `dnotify`, `poll`.
    pub watch: &'a str,
    /// The target of `..data` at the last read; None for volumes written in place.
    pub seen: Option<&'a str>,
    /// The target of `..data` when the content was loaded.
    pub loaded: Option<&'a str>,
    /// Whether the content is loaded.
    pub current: bool,
    /// The time of the load, milliseconds since 1970; 0: never.
    pub loaded_at: u64,
    /// SHA-256 of the loaded content, ConfigMaps only.
    pub sha256: Option<&'a str>,
    /// Its gate, if it has one.
    pub gate: Option<GateReport<'a>>,
}

/// What the program may see of a gated volume.
pub struct GateReport<'a> {
    /// SHA-256 of what the program sees.
    pub published: Option<&'a str>,
    /// Whether that was refused, and published because there was nothing else.
    pub is_unproved: bool,
    /// Until when that is on trial, milliseconds since 1970.
    pub trial: Option<u64>,
    /// The mounted content, if the program could not live with it, and why.
    pub reverted: Option<(&'a str, &'a Unhealthy)>,
    /// Why the program is not healthy with what is on trial.
    pub unhealthy: Option<&'a Unhealthy>,
    /// The content that the program does not see.
    pub held: Option<Held<'a>>,
}

/// Content that the validator has refused.
pub struct Held<'a> {
    /// SHA-256 of it.
    pub sha256: &'a str,
    /// How often it was refused.
    pub refusals: u32,
    /// The first and the last time, milliseconds since 1970.
    pub since: u64,
    /// The last time.
    pub last: u64,
    /// Seconds since the first time.
    pub seconds: u64,
}

/// The process that the agent notified last.
pub struct TargetReport<'a> {
    /// Its id.
    pub pid: u32,
    /// Command name.
    pub comm: &'a str,
    /// The container's instance.
    pub instance: Option<&'a str>,
    /// Programs of this kind may catch the signal only to exit.
    pub may_exit: bool,
}

/// Everything that the pages show.
pub struct Report<'a> {
    /// The UID of the agent's Pod; None where the runtime does not show it. A Pod with hostNetwork shares its ports with
    /// others, so a reader needs it.
    pub pod: Option<&'a str>,
    /// The target container.
    pub container: &'a str,
    /// `signal`, `http`, …
    pub reload: &'a str,
    /// A word from `state`, or that of the gates.
    pub state: &'a str,
    /// The word from `state`.
    pub reload_state: &'a str,
    /// The problem that keeps content from being loaded, and its time.
    pub problem: Option<(&'a Problem, u64)>,
    /// Problems that stop nothing.
    pub warnings: &'a [Problem],
    /// The process that the agent notified last.
    pub target: Option<TargetReport<'a>>,
    /// The volumes.
    pub volumes: Vec<VolumeReport<'a>>,
    /// The counters.
    pub counters: &'a Counters,
    /// Log lines that were dropped.
    pub log_lines_dropped: u64,
    /// The time of the last success, milliseconds since 1970; 0: never.
    pub success_at: u64,
    /// The URL, where the agent also shows configmap-reload's metrics.
    pub webhook: Option<String>,
}

/// The word for the gates, if there is something to say; it replaces a state in which nothing else is to be done.
pub fn gate_state(volumes: &[VolumeReport<'_>]) -> Option<&'static str> {
    let has = |is_so: fn(&GateReport<'_>) -> bool| volumes.iter().filter_map(|volume| volume.gate.as_ref()).any(is_so);
    // The worst first.
    match () {
        () if has(|gate| gate.held.is_some()) => "held",
        () if has(|gate| gate.reverted.is_some()) => "reverted",
        () if has(|gate| gate.unhealthy.is_some()) => "unhealthy",
        () if has(|gate| gate.is_unproved) => "unproved",
        () if has(|gate| gate.trial.is_some()) => "baking",
        () => return None,
    }
    .into()
}

/// The engine's state in one word. `is_confirmed`: the program has confirmed every reload that it was sent.
pub fn state(engine: &Engine, method: &ReloadMethod, is_confirmed: bool) -> &'static str {
    match engine.idle_reason() {
        None if engine.is_validating() => "validating",
        None => "reloading",
        Some(IdleReason::Loaded) if is_confirmed => "loaded",
        Some(IdleReason::Loaded) => match method {
            ReloadMethod::Probe => "recorded",
            ReloadMethod::None => "refreshed",
            _ => "signalled",
        },
        Some(IdleReason::Settling) => "settling",
        Some(IdleReason::Staggered) => "staggered",
        Some(IdleReason::NoTarget) => "waiting",
        Some(IdleReason::Retry) => "retrying",
        Some(IdleReason::Postponed) => "postponed",
        Some(IdleReason::Stopped) => match engine.problem.as_ref().map(|problem| problem.code) {
            Some(Code::ValidationFailed) => "invalid",
            Some(Code::Killed) => "killed",
            Some(Code::Unconfirmed) => "unconfirmed",
            Some(Code::KeyRemoved | Code::VolumeRemoved) => "removed",
            _ => "refused",
        },
    }
}
