//! /metrics, for Prometheus.

use super::prometheus_text::{Sample, family, labels};
use super::{GateReport, Report, compat_metrics};
use alloc::{string::String, vec::Vec};

/// The text of /metrics.
pub(super) fn metrics(report: &Report<'_>) -> String {
    let (mut text, c) = (String::new(), report.counters);
    let mut family = |name: &str, kind: &str, help: &str, samples: &[Sample]| {
        family(&mut text, "hotreload_agent_", name, kind, help, samples)
    };
    let failures = c.failed + c.refused + c.killed + c.unconfirmed;
    let is_good = u64::from(report.problem.is_none());
    for (name, kind, help, value) in [
        ("changes_total", "counter", "Changes of a volume's content.", c.changes),
        ("unchanged_total", "counter", "Swaps without a change of content.", c.unchanged),
        ("reload_failures_total", "counter", "Reloads that failed, were refused or lack their proof.", failures),
        ("last_reload_successful", "gauge", "0 while a problem keeps new content from being loaded, else 1.", is_good),
        (
            "last_reload_success_timestamp_seconds",
            "gauge",
            "Time of the last reload that did not fail, as far as is known; 0: never.",
            report.success_at / 1000,
        ),
        ("signals_sent_total", "counter", "Signals sent.", c.signals),
        ("restarts_total", "counter", "Restarts of containers and of supervised programs.", c.restarts),
        ("targets_killed_total", "counter", "Targets that ended within 2 s of a signal.", c.killed),
        ("reverts_total", "counter", "Trials after which the program got the last good content again.", c.reverts),
        ("links_lost_total", "counter", "Lost symlinks that the agent put back.", c.links_lost),
        ("panics_total", "counter", "Starts of the agent after a panic.", c.panics),
        ("log_lines_dropped_total", "counter", "Log lines that nobody read in time.", report.log_lines_dropped),
    ] {
        family(name, kind, help, &[(String::new(), value)]);
    }
    let info = [("version", env!("CARGO_PKG_VERSION")), ("container", report.container), ("reload", report.reload)];
    family("info", "gauge", "The agent's version, container and reload method.", &[(labels(&info), 1)]);
    family("state", "gauge", "1 for the current state.", &[(labels(&[("state", report.state)]), 1)]);
    let result = |(name, value): (&str, u64)| (labels(&[("result", name)]), value);
    let reloads = [
        ("success", c.reloaded),
        ("sent", c.sent),
        ("unconfirmed", c.unconfirmed),
        ("not_needed", c.not_needed),
        ("failure", c.failed),
        ("refused", c.refused),
    ];
    family("reloads_total", "counter", "Reloads by result.", &reloads.map(result));
    let validations = [("passed", c.validations[0]), ("failed", c.validations[1])];
    family("validations_total", "counter", "Validations by result.", &validations.map(result));
    let mut problems: Vec<Sample> = Vec::new();
    for problem in report.problem.iter().map(|(problem, _)| *problem).chain(report.warnings) {
        let sample = (labels(&[("code", problem.code.text())]), 1);
        // Two places may have the same problem; the format has no two samples of the same labels.
        if !problems.contains(&sample) {
            problems.push(sample);
        }
    }
    family("problem", "gauge", "1 for each current problem; docs/errors.md explains the codes.", &problems);
    let volumes = report.volumes.iter();
    let current: Vec<Sample> = volumes
        .clone()
        .map(|volume| (labels(&[("volume", volume.name), ("watch", volume.watch)]), u64::from(volume.current)))
        .collect();
    family("volume_current", "gauge", "1 if the mounted content is loaded.", &current);
    let hashes: Vec<Sample> = volumes
        .filter_map(|volume| Some((labels(&[("volume", volume.name), ("sha256", volume.sha256?)]), 1)))
        .collect();
    family("config_info", "gauge", "SHA-256 of the loaded content, ConfigMap volumes only.", &hashes);
    let gates: Vec<(&str, &GateReport<'_>)> =
        report.volumes.iter().filter_map(|volume| Some((volume.name, volume.gate.as_ref()?))).collect();
    if !gates.is_empty() {
        let published = gates
            .iter()
            .filter_map(|(volume, gate)| Some((labels(&[("volume", *volume), ("sha256", gate.published?)]), 1)));
        let published: Vec<Sample> = published.collect();
        family("published_info", "gauge", "SHA-256 of what the program sees of a gated volume.", &published);
        let held = gates.iter().filter_map(|(_, gate)| Some(gate.held.as_ref()?.seconds)).max();
        let held = [(String::new(), held.unwrap_or(0))];
        family("held_seconds", "gauge", "Seconds since the gate refused content that it still holds; 0: none.", &held);
    }
    if let Some(url) = &report.webhook {
        text.push_str(&compat_metrics::metrics(url, c));
    }
    text
}
