//! /metrics, for Prometheus.

use crate::compat;
use crate::exposition::{Sample, family, labels};
use crate::report::Report;
use alloc::{string::String, vec::Vec};

/// The text of /metrics.
pub(crate) fn metrics(report: &Report<'_>) -> String {
    let (mut text, c) = (String::new(), report.counters);
    let mut family = |name: &str, kind: &str, help: &str, samples: &[Sample]| {
        family(&mut text, "hotreload_agent_", name, kind, help, samples)
    };
    let failures = c.failed + c.refused + c.killed;
    let good = u64::from(report.problem.is_none());
    for (name, kind, help, value) in [
        ("changes_total", "counter", "Volumes whose content became another.", c.changes),
        ("unchanged_total", "counter", "Swaps that brought nothing new.", c.unchanged),
        ("reload_failures_total", "counter", "Reloads that failed or were refused.", failures),
        ("last_reload_successful", "gauge", "1 unless something is not loaded because of a problem.", good),
        (
            "last_reload_success_timestamp_seconds",
            "gauge",
            "Time of the last reload done; 0: never.",
            report.success_at / 1000,
        ),
        ("signals_sent_total", "counter", "Signals sent.", c.signals),
        ("restarts_total", "counter", "Containers ended to be started again.", c.restarts),
        ("targets_killed_total", "counter", "Targets that ended within 2 s of a signal.", c.killed),
        ("links_lost_total", "counter", "Lost symlinks put back.", c.links_lost),
        ("panics_total", "counter", "Starts after a panic.", c.panics),
    ] {
        family(name, kind, help, &[(String::new(), value)]);
    }
    let info = [("version", env!("CARGO_PKG_VERSION")), ("container", report.container), ("reload", report.reload)];
    family("info", "gauge", "The agent and what it does.", &[(labels(&info), 1)]);
    family("state", "gauge", "1 for the present state.", &[(labels(&[("state", report.state)]), 1)]);
    let result = |(name, value): (&str, u64)| (labels(&[("result", name)]), value);
    let reloads =
        [("success", c.reloaded), ("not_needed", c.not_needed), ("failure", c.failed), ("refused", c.refused)];
    family("reloads_total", "counter", "Reloads by result.", &reloads.map(result));
    let validations = [("passed", c.validations[0]), ("failed", c.validations[1])];
    family("validations_total", "counter", "Validations by result.", &validations.map(result));
    let problems = report.problem.iter().map(|(problem, _)| *problem).chain(report.warnings);
    let problems: Vec<Sample> = problems.map(|problem| (labels(&[("code", problem.code.text())]), 1)).collect();
    family("problem", "gauge", "1 for each problem there is; the codes are in docs/agent.md.", &problems);
    let volumes = report.volumes.iter();
    let current: Vec<Sample> = volumes
        .clone()
        .map(|volume| (labels(&[("volume", volume.name), ("watch", volume.watch)]), u64::from(volume.current)))
        .collect();
    family("volume_current", "gauge", "1 where what is mounted is what is loaded.", &current);
    let hashes: Vec<Sample> = volumes
        .filter_map(|volume| Some((labels(&[("volume", volume.name), ("sha256", volume.sha256?)]), 1)))
        .collect();
    family("config_info", "gauge", "SHA-256 of what is loaded, ConfigMap volumes only.", &hashes);
    if let Some(url) = &report.webhook {
        text.push_str(&compat::metrics(url, c));
    }
    text
}
