//! What the agent says of itself, as values; status.rs and metrics.rs write them. Anyone who reaches the Pod's IP may read
//! both, so: no keys or contents of a Secret, no output of a validator.

use crate::counters::Counters;
use crate::engine::{Engine, Why};
use crate::errors::{Code, Problem};
use alloc::{string::String, vec::Vec};

/// One watched volume.
pub struct VolumeReport<'a> {
    /// Its name.
    pub name: &'a str,
    /// `inotify`, `dnotify`, `poll`.
    pub watch: &'a str,
    /// What `..data` led to when last read; None for volumes written in place.
    pub seen: Option<&'a str>,
    /// The same of what is loaded.
    pub loaded: Option<&'a str>,
    /// Whether what was seen is what is loaded.
    pub current: bool,
    /// When it was loaded, milliseconds since 1970; 0: never.
    pub loaded_at: u64,
    /// SHA-256 of what is loaded, ConfigMaps only.
    pub sha256: Option<&'a str>,
}

/// The process told last.
pub struct TargetReport<'a> {
    /// Its id.
    pub pid: u32,
    /// Command name.
    pub comm: &'a str,
    /// The container's instance.
    pub instance: Option<&'a str>,
    /// Of a kind that catches the signal only to exit.
    pub may_exit: bool,
}

/// Everything said.
pub struct Report<'a> {
    /// The target container.
    pub container: &'a str,
    /// `signal`, `http`, …
    pub reload: &'a str,
    /// A word from `state`.
    pub state: &'a str,
    /// What went wrong last, and when.
    pub problem: Option<(&'a Problem, u64)>,
    /// Warnings that stop nothing.
    pub warnings: &'a [Problem],
    /// Whom it told.
    pub target: Option<TargetReport<'a>>,
    /// The volumes.
    pub volumes: Vec<VolumeReport<'a>>,
    /// The counters.
    pub counters: &'a Counters,
    /// Last success, milliseconds since 1970; 0: never.
    pub success_at: u64,
    /// The URL, where configmap-reload's own metrics are wanted.
    pub webhook: Option<String>,
}

/// One word for what the engine is at.
pub fn state(engine: &Engine) -> &'static str {
    match engine.resting() {
        None if engine.validating() => "validating",
        None => "reloading",
        Some(Why::Loaded) => "loaded",
        Some(Why::Settling) => "settling",
        Some(Why::Stagger) => "staggered",
        Some(Why::Target) => "waiting",
        Some(Why::Retry) => "retrying",
        Some(Why::Postponed) => "postponed",
        Some(Why::Stopped) => match engine.problem.as_ref().map(|problem| problem.code) {
            Some(Code::ValidationFailed) => "invalid",
            Some(Code::Killed) => "killed",
            Some(Code::KeyRemoved) => "removed",
            _ => "refused",
        },
    }
}
