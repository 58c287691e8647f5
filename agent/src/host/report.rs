//! The agent's state as its pages show it.

use super::agent::Agent;
use agent::options::Way;
use agent::report::{Report, TargetReport, VolumeReport, state};
use alloc::string::String;

impl Agent {
    /// One of the pages. `watch` says how volumes are watched.
    pub fn page(&self, path: &str, watch: &str) -> Option<(&'static str, String)> {
        Some(match path {
            "/status" => ("application/json", self.report(watch).status() + "\n"),
            "/metrics" => ("text/plain; version=0.0.4; charset=utf-8", self.report(watch).metrics()),
            "/healthz" => ("text/plain; charset=utf-8", "ok\n".into()),
            _ => return None,
        })
    }

    fn report<'a>(&'a self, watch: &'a str) -> Report<'a> {
        let volumes = self.volumes.iter().map(|volume| VolumeReport {
            name: &volume.asked.name,
            watch,
            seen: volume.generation.as_deref(),
            loaded: volume.loaded_generation.as_deref(),
            current: volume.is_loaded(&self.memory),
            loaded_at: volume.loaded_at,
            sha256: volume.sha256.as_deref(),
        });
        let target = self.target.as_ref().map(|target| TargetReport {
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
