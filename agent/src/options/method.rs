//! The reload methods: `--reload` and the flags that each method needs. host/methods/ performs them.

use super::bad_value;
use crate::errors::{Code, Problem};
use crate::http::ReloadRequest;
use alloc::{format, string::String, vec::Vec};

/// How a change reaches the program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReloadMethod {
    /// The agent sends the program a signal.
    Signal(u32),
    /// The agent sends the program a request.
    Http(ReloadRequest),
    /// The agent runs a command in the program's image.
    Exec(Vec<String>),
    /// The agent ends the container, and the kubelet starts it again.
    Restart(Termination),
    /// The agent records the change for the container's liveness probe.
    Probe,
    /// The agent, as the container's main process, ends the program and starts it again.
    Supervise(Termination),
    /// The program watches its files itself.
    None,
}

/// How a container, or the program in it, is ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Termination {
    /// The first signal.
    pub signal: u32,
    /// Milliseconds from it to SIGKILL.
    pub grace: u64,
}

/// The flags of the methods, as far as they were given.
#[derive(Default)]
pub(super) struct MethodFlags {
    pub reload: Option<String>,
    pub signal: Option<u32>,
    pub url: Option<ReloadRequest>,
    pub status_code: Option<u16>,
    pub command: Option<Vec<String>>,
    pub grace: Option<u64>,
}

/// The words of `--reload`.
const NAMES: &str = "signal, http, exec, restart, probe, supervise or none";
/// SIGTERM, as the kubelet does it.
const SIGTERM: u32 = 15;
/// The default of terminationGracePeriodSeconds.
const GRACE_MS: u64 = 30_000;

impl ReloadMethod {
    /// The word of `--reload`.
    pub fn name(&self) -> &'static str {
        match self {
            ReloadMethod::Signal(_) => "signal",
            ReloadMethod::Http(_) => "http",
            ReloadMethod::Exec(_) => "exec",
            ReloadMethod::Restart(_) => "restart",
            ReloadMethod::Probe => "probe",
            ReloadMethod::Supervise(_) => "supervise",
            ReloadMethod::None => "none",
        }
    }
}

impl MethodFlags {
    /// The method that `--reload` names, with the flags that it needs.
    pub fn method(&mut self) -> Result<ReloadMethod, Problem> {
        let needs = |flag: &str, name: &str| Problem::new(Code::BadOption, format!("--reload={name} needs {flag}"));
        match self.reload.as_deref() {
            Some("signal") => self.signal.map(ReloadMethod::Signal).ok_or_else(|| needs("--signal", "signal")),
            Some("http") => {
                let request = self.url.take().ok_or_else(|| needs("--url", "http"))?;
                Ok(ReloadMethod::Http(ReloadRequest { expected: self.status_code, ..request }))
            }
            Some("exec") => self.command.take().map(ReloadMethod::Exec).ok_or_else(|| needs("--command", "exec")),
            Some("restart") => Ok(ReloadMethod::Restart(self.termination())),
            Some("probe") => Ok(ReloadMethod::Probe),
            Some("supervise") => Ok(ReloadMethod::Supervise(self.termination())),
            Some("none") => Ok(ReloadMethod::None),
            Some(other) => Err(bad_value("--reload", other, NAMES)),
            None => Err(Problem::new(Code::BadOption, format!("--reload is missing; use {NAMES}"))),
        }
    }

    /// How a restart ends the container. `--signal` counts only where the method ends the program: with
    /// `--reload=signal` it is the signal of the reload.
    pub fn termination(&self) -> Termination {
        let own = self.signal.filter(|_| matches!(self.reload.as_deref(), Some("restart" | "supervise")));
        Termination { signal: own.unwrap_or(SIGTERM), grace: self.grace.unwrap_or(GRACE_MS) }
    }
}
