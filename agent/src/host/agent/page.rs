//! The agent's state for its pages.

use super::Agent;
use crate::host::{log, procfs::Proc};
use agent::engine::IdleReason;
use agent::errors::{Code, Problem};
use agent::options::method::ReloadMethod;
use agent::options::watch::Options;
use agent::proc::Process;
use agent::report::counters::Counters;
use agent::report::{Report, TargetReport, VolumeReport, gate_state, state};
use alloc::string::String;
use alloc::vec::Vec;

impl Agent {
    /// The content type and body of a page. `watch` is the way in which a volume is watched.
    pub fn page(&self, path: &str, watch: &dyn Fn(usize) -> &'static str) -> Option<(&'static str, String)> {
        let target = self.target.process.as_ref();
        // A supervised program may have replaced itself by exec since its start.
        let supervised = target.filter(|_| matches!(self.options.method, ReloadMethod::Supervise(_)));
        let current = supervised.and_then(|target| self.proc.as_ref()?.stat(target.pid));
        self.report(watch, current.as_ref().or(target)).page(path)
    }

    fn report<'a>(&'a self, watch: &dyn Fn(usize) -> &'static str, target: Option<&'a Process>) -> Report<'a> {
        let volumes = self.volumes.iter().enumerate().map(|(index, volume)| VolumeReport {
            name: &volume.options.name,
            watch: watch(index),
            seen: volume.generation.as_deref(),
            loaded: volume.loaded_generation.as_deref(),
            current: volume.is_loaded(&self.saved.state),
            loaded_at: volume.loaded_at,
            sha256: volume.sha256.as_deref(),
            gate: self.gate.as_ref().and_then(|gate| gate.report(index)),
        });
        let volumes: Vec<VolumeReport<'_>> = volumes.collect();
        let target = target.map(|target| TargetReport {
            pid: target.pid,
            comm: &target.comm,
            instance: target.instance.as_ref().map(|instance| instance.id.as_str()),
            may_exit: self.target.may_exit,
        });
        let reload_state = state(&self.engine, &self.options.method, self.saved.state.is_confirmed());
        Report {
            pod: self.proc.as_ref().and_then(|proc| proc.pod.as_deref()),
            container: self.options.target.container.as_deref().unwrap_or_default(),
            reload: self.options.method.name(),
            state: self.gate_state(&volumes).unwrap_or(reload_state),
            reload_state,
            problem: self.reported.as_ref().map(|(problem, at)| (problem, *at)),
            warnings: &self.warnings,
            target,
            volumes,
            counters: &self.counters,
            log_lines_dropped: log::dropped(),
            success_at: self.success_at,
            webhook: match &self.options.method {
                ReloadMethod::Http(request) if self.options.compat_metrics => Some(request.url()),
                _ => None,
            },
        }
    }

    fn gate_state(&self, volumes: &[VolumeReport<'_>]) -> Option<&'static str> {
        match &self.gate {
            Some(gate) if gate.is_judging() => Some("validating"),
            Some(gate) if self.engine.idle_reason() == Some(IdleReason::Loaded) => {
                gate_state(volumes).or(gate.problem().map(|problem| match problem.code {
                    Code::VolumeRemoved => "removed",
                    _ => "retrying",
                }))
            }
            _ => None,
        }
    }
}

/// The same page where the options can't be used; `at` is milliseconds since 1970.
pub fn bad_options_page(
    problems: &[Problem],
    options: &Options,
    at: u64,
    path: &str,
) -> Option<(&'static str, String)> {
    let proc = Proc::open().ok();
    let report = Report {
        pod: proc.as_ref().and_then(|proc| proc.pod.as_deref()),
        container: options.target.container.as_deref().unwrap_or_default(),
        reload: options.method.name(),
        state: "error",
        reload_state: "error",
        problem: problems.first().map(|problem| (problem, at)),
        warnings: problems.get(1..).unwrap_or_default(),
        target: None,
        volumes: Vec::new(),
        counters: &Counters::default(),
        log_lines_dropped: log::dropped(),
        success_at: 0,
        webhook: None,
    };
    report.page(path)
}
