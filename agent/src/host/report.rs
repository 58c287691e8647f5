//! The agent's state as its pages show it.

use super::agent::Agent;
use agent::options::Way;
use agent::proc::Process;
use agent::report::{Report, TargetReport, VolumeReport, state};
use alloc::string::String;

impl Agent {
    /// One of the pages. `watch` says how volumes are watched.
    pub fn page(&self, path: &str, watch: &str) -> Option<(&'static str, String)> {
        // A supervised program may have become another by exec since it was started.
        let supervised = self.target.as_ref().filter(|_| matches!(self.options.way, Way::Supervise(_)));
        let now = supervised.and_then(|target| self.proc.as_ref()?.stat(target.pid));
        self.report(watch, now.as_ref().or(self.target.as_ref())).page(path)
    }

    fn report<'a>(&'a self, watch: &'a str, target: Option<&'a Process>) -> Report<'a> {
        let volumes = self.volumes.iter().map(|volume| VolumeReport {
            name: &volume.asked.name,
            watch,
            seen: volume.generation.as_deref(),
            loaded: volume.loaded_generation.as_deref(),
            current: volume.is_loaded(&self.memory),
            loaded_at: volume.loaded_at,
            sha256: volume.sha256.as_deref(),
        });
        let target = target.map(|target| TargetReport {
            pid: target.pid,
            comm: &target.comm,
            instance: target.instance.as_ref().map(|instance| instance.id.as_str()),
            may_exit: self.may_exit,
        });
        Report {
            container: self.options.want.container.as_deref().unwrap_or_default(),
            reload: self.options.way.name(),
            state: state(&self.engine),
            problem: self.said.as_ref().map(|(problem, at)| (problem, *at)),
            warnings: &self.warnings,
            target,
            volumes: volumes.collect(),
            counters: &self.counters,
            success_at: self.success_at,
            webhook: match &self.options.way {
                Way::Http(request) if self.options.compat => Some(request.url()),
                _ => None,
            },
        }
    }
}
