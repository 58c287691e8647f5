//! /status: JSON for programs and people.

use crate::errors::Problem;
use crate::gate::Unhealthy;
use crate::json::{self, Object};
use crate::report::{GateReport, Report, VolumeReport};
use crate::time::rfc3339;
use alloc::string::String;

/// The JSON of /status.
pub(super) fn status(report: &Report<'_>) -> String {
    let error = match &report.problem {
        Some((found, at)) => problem(found).optional("at", time(*at).as_deref()).finish(),
        None => "null".into(),
    };
    let target = match &report.target {
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
        .optional("podUid", report.pod)
        .string("container", report.container)
        .string("reload", report.reload)
        .string("state", report.state)
        .string("reloadState", report.reload_state)
        .raw("error", &error)
        .raw("warnings", &json::list(report.warnings.iter().map(|warning| problem(warning).finish())))
        .raw("target", &target)
        .raw("volumes", &json::list(report.volumes.iter().map(volume)))
        .optional("lastReloadAt", time(report.success_at).as_deref())
        .raw("counters", &counters(report))
        .finish()
}

fn time(milliseconds: u64) -> Option<String> {
    (milliseconds > 0).then(|| rfc3339(milliseconds))
}

fn problem(problem: &Problem) -> Object {
    Object::new().string("code", problem.code.text()).string("message", &problem.message)
}

fn volume(volume: &VolumeReport<'_>) -> String {
    let object = Object::new()
        .string("name", volume.name)
        .string("watch", volume.watch)
        .optional("seen", volume.seen)
        .optional("loaded", volume.loaded)
        .boolean("current", volume.current)
        .optional("loadedAt", time(volume.loaded_at).as_deref())
        .optional("sha256", volume.sha256);
    match &volume.gate {
        Some(found) => object.raw("gate", &gate(found)).finish(),
        None => object.finish(),
    }
}

fn gate(gate: &GateReport<'_>) -> String {
    let held = match &gate.held {
        Some(held) => Object::new()
            .string("sha256", held.sha256)
            .number("refusals", held.refusals.into())
            .string("since", &rfc3339(held.since))
            .string("lastRefusedAt", &rfc3339(held.last))
            .finish(),
        None => "null".into(),
    };
    let trial = match gate.trial {
        Some(until) => Object::new().optional("sha256", gate.published).string("until", &rfc3339(until)).finish(),
        None => "null".into(),
    };
    let reverted = match gate.reverted {
        Some((sha256, why)) => unhealthy(Object::new().string("sha256", sha256), "at", why),
        None => "null".into(),
    };
    let unhealthy = match gate.unhealthy {
        Some(why) => unhealthy(Object::new(), "since", why),
        None => "null".into(),
    };
    Object::new()
        .optional("published", gate.published)
        .boolean("unproved", gate.is_unproved)
        .raw("held", &held)
        .raw("trial", &trial)
        .raw("reverted", &reverted)
        .raw("unhealthy", &unhealthy)
        .finish()
}

fn unhealthy(object: Object, time: &str, why: &Unhealthy) -> String {
    object.string(time, &rfc3339(why.since)).string("reason", &why.reason).finish()
}

fn counters(report: &Report<'_>) -> String {
    let c = report.counters;
    Object::new()
        .number("changes", c.changes)
        .number("unchanged", c.unchanged)
        .number("reloaded", c.reloaded)
        .number("sent", c.sent)
        .number("unconfirmed", c.unconfirmed)
        .number("notNeeded", c.not_needed)
        .number("failed", c.failed)
        .number("refused", c.refused)
        .number("signals", c.signals)
        .number("restarts", c.restarts)
        .number("killed", c.killed)
        .number("validationsPassed", c.validations[0])
        .number("validationsFailed", c.validations[1])
        .number("reverts", c.reverts)
        .number("linksLost", c.links_lost)
        .number("panics", c.panics)
        .number("logLinesDropped", report.log_lines_dropped)
        .finish()
}
