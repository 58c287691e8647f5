//! What the agent says of itself: /status for programs and people, /metrics for Prometheus. Anyone who reaches the Pod's
//! IP may read both, so: no keys or contents of a Secret, no output of a validator.

use crate::engine::{Engine, Why};
use crate::errors::{Code, Problem};
use crate::json::{self, Object, quoted};
use crate::time::rfc3339;
use alloc::{format, string::String, vec::Vec};
use core::fmt::Write;

/// How often things happened since the agent's start.
#[derive(Clone, Default, Debug)]
pub struct Counters {
    /// Volumes whose content became another.
    pub changes: u64,
    /// Swaps that brought nothing new.
    pub unchanged: u64,
    /// Reloads done.
    pub reloaded: u64,
    /// Changes that the target had read at its own start.
    pub not_needed: u64,
    /// Reloads that failed and are tried again.
    pub failed: u64,
    /// Reloads not done.
    pub refused: u64,
    /// Signals sent.
    pub signals: u64,
    /// Containers, and supervised programs, ended to be started again.
    pub restarts: u64,
    /// Targets that ended of a signal.
    pub killed: u64,
    /// Validations passed and not passed.
    pub validations: [u64; 2],
    /// Lost symlinks put back.
    pub links_lost: u64,
    /// Starts after a panic.
    pub panics: u64,
    /// Answers to reload requests by status code.
    pub answers: Vec<(u16, u64)>,
    /// Reload requests without an answer, and with one that was not asked for.
    pub request_errors: [u64; 2],
    /// The last reload request: whether it failed, and its milliseconds.
    pub last_request: (bool, u64),
}

impl Counters {
    /// A reload request has ended.
    pub fn request(&mut self, code: Option<u16>, done: bool, milliseconds: u64) {
        if let Some(code) = code {
            match self.answers.iter_mut().find(|(known, _)| *known == code) {
                Some((_, count)) => *count += 1,
                None => self.answers.push((code, 1)),
            }
        }
        if !done {
            self.request_errors[usize::from(code.is_some())] += 1;
        }
        self.last_request = (!done, milliseconds);
    }
}

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

fn time(milliseconds: u64) -> Option<String> {
    (milliseconds > 0).then(|| rfc3339(milliseconds))
}

fn problem(problem: &Problem) -> Object {
    Object::new().string("code", problem.code.text()).string("message", &problem.message)
}

impl Report<'_> {
    /// One of the pages, with its content type.
    pub fn page(&self, path: &str) -> Option<(&'static str, String)> {
        Some(match path {
            "/status" => ("application/json", self.status() + "\n"),
            "/metrics" => ("text/plain; version=0.0.4; charset=utf-8", self.metrics()),
            "/healthz" => ("text/plain; charset=utf-8", "ok\n".into()),
            _ => return None,
        })
    }

    /// The JSON of /status.
    pub fn status(&self) -> String {
        let error = match &self.problem {
            Some((found, at)) => problem(found).optional("at", time(*at).as_deref()).finish(),
            None => "null".into(),
        };
        let target = match &self.target {
            Some(target) => Object::new()
                .number("pid", target.pid.into())
                .string("command", target.comm)
                .optional("instance", target.instance)
                .boolean("mayExit", target.may_exit)
                .finish(),
            None => "null".into(),
        };
        Object::new()
            .string("version", env!("CARGO_PKG_VERSION"))
            .string("container", self.container)
            .string("reload", self.reload)
            .string("state", self.state)
            .raw("error", &error)
            .raw("warnings", &json::list(self.warnings.iter().map(|warning| problem(warning).finish())))
            .raw("target", &target)
            .raw("volumes", &json::list(self.volumes.iter().map(volume)))
            .optional("lastReloadAt", time(self.success_at).as_deref())
            .raw("counters", &self.counters())
            .finish()
    }

    fn counters(&self) -> String {
        let c = self.counters;
        Object::new()
            .number("changes", c.changes)
            .number("unchanged", c.unchanged)
            .number("reloaded", c.reloaded)
            .number("notNeeded", c.not_needed)
            .number("failed", c.failed)
            .number("refused", c.refused)
            .number("signals", c.signals)
            .number("restarts", c.restarts)
            .number("killed", c.killed)
            .number("validationsPassed", c.validations[0])
            .number("validationsFailed", c.validations[1])
            .number("linksLost", c.links_lost)
            .number("panics", c.panics)
            .finish()
    }

    /// The text of /metrics (Prometheus exposition format 0.0.4).
    pub fn metrics(&self) -> String {
        let (mut text, c) = (String::new(), self.counters);
        let info =
            labels(&[("version", env!("CARGO_PKG_VERSION")), ("container", self.container), ("reload", self.reload)]);
        let result = |name: &str| labels(&[("result", name)]);
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, u64)]| {
            write_family(&mut text, &format!("hotreload_agent_{name}"), kind, help, samples);
        };
        let plain = |value: u64| [(String::new(), value)];
        family("info", "gauge", "The agent and what it does.", &[(info, 1)]);
        family("state", "gauge", "1 for the present state.", &[(labels(&[("state", self.state)]), 1)]);
        family("changes_total", "counter", "Volumes whose content became another.", &plain(c.changes));
        family("unchanged_total", "counter", "Swaps that brought nothing new.", &plain(c.unchanged));
        let reloads =
            [("success", c.reloaded), ("not_needed", c.not_needed), ("failure", c.failed), ("refused", c.refused)];
        family("reloads_total", "counter", "Reloads by result.", &reloads.map(|(name, value)| (result(name), value)));
        family(
            "reload_failures_total",
            "counter",
            "Reloads that failed or were refused.",
            &plain(c.failed + c.refused + c.killed),
        );
        let good = u64::from(self.problem.is_none());
        family(
            "last_reload_successful",
            "gauge",
            "1 unless something is not loaded because of a problem.",
            &plain(good),
        );
        family(
            "last_reload_success_timestamp_seconds",
            "gauge",
            "Time of the last reload done; 0: never.",
            &plain(self.success_at / 1000),
        );
        family("signals_sent_total", "counter", "Signals sent.", &plain(c.signals));
        family("restarts_total", "counter", "Containers ended to be started again.", &plain(c.restarts));
        family("targets_killed_total", "counter", "Targets that ended within 2 s of a signal.", &plain(c.killed));
        let validations = [("passed", c.validations[0]), ("failed", c.validations[1])];
        family(
            "validations_total",
            "counter",
            "Validations by result.",
            &validations.map(|(name, value)| (result(name), value)),
        );
        family("links_lost_total", "counter", "Lost symlinks put back.", &plain(c.links_lost));
        family("panics_total", "counter", "Starts after a panic.", &plain(c.panics));
        let codes = self.problem.iter().map(|(problem, _)| *problem).chain(self.warnings);
        let codes: Vec<(String, u64)> = codes.map(|problem| (labels(&[("code", problem.code.text())]), 1)).collect();
        family("problem", "gauge", "1 for each problem there is; the codes are in docs/agent.md.", &codes);
        let volumes: Vec<(String, u64)> = self
            .volumes
            .iter()
            .map(|volume| (labels(&[("volume", volume.name), ("watch", volume.watch)]), u64::from(volume.current)))
            .collect();
        family("volume_current", "gauge", "1 where what is mounted is what is loaded.", &volumes);
        let hashes: Vec<(String, u64)> = self
            .volumes
            .iter()
            .filter_map(|volume| Some((labels(&[("volume", volume.name), ("sha256", volume.sha256?)]), 1)))
            .collect();
        family("config_info", "gauge", "SHA-256 of what is loaded, ConfigMap volumes only.", &hashes);
        if let Some(url) = &self.webhook {
            text.push_str(&crate::compat::metrics(url, c));
        }
        text
    }
}

/// `{name="value",…}`.
pub(crate) fn labels(names: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = names.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

/// One metric with its samples.
pub(crate) fn write_family<V: core::fmt::Display>(
    text: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    samples: &[(String, V)],
) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in samples {
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

fn volume(volume: &VolumeReport<'_>) -> String {
    Object::new()
        .string("name", volume.name)
        .string("watch", volume.watch)
        .optional("seen", volume.seen)
        .optional("loaded", volume.loaded)
        .boolean("current", volume.current)
        .optional("loadedAt", time(volume.loaded_at).as_deref())
        .optional("sha256", volume.sha256)
        .finish()
}
