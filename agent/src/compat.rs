//! The metrics of configmap-reload (github.com/jimmidyson/configmap-reload), where the agent stands in for it.

use crate::report::{Counters, labels, write_family};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The metrics of configmap-reload, for dashboards and alerts that name them.
pub fn metrics(url: &str, c: &Counters) -> String {
    let mut text = String::new();
    let webhook = labels(&[("webhook", url)]);
    let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, String)]| {
        write_family(&mut text, &format!("configmap_reload_{name}"), kind, help, samples);
    };
    let one = |value: String| [(webhook.clone(), value)];
    let (failed, milliseconds) = c.last_request;
    let seconds = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
    family(
        "last_reload_error",
        "gauge",
        "Whether the last reload resulted in an error (1 for error, 0 for success)",
        &one(u64::from(failed).to_string()),
    );
    family("last_request_duration_seconds", "gauge", "Duration of last webhook request", &one(seconds));
    family("success_reloads_total", "counter", "Total success reload calls", &one(c.reloaded.to_string()));
    let reasons = ["client_request_do", "client_response"].into_iter().zip(c.request_errors);
    let reasons: Vec<(String, String)> =
        reasons.map(|(reason, count)| (labels(&[("webhook", url), ("reason", reason)]), count.to_string())).collect();
    family("request_errors_total", "counter", "Total request errors by reason", &reasons);
    family("watcher_errors_total", "counter", "Total filesystem watcher errors", &[(String::new(), "0".into())]);
    let codes: Vec<(String, String)> = c
        .answers
        .iter()
        .map(|(code, count)| (labels(&[("webhook", url), ("status_code", &code.to_string())]), count.to_string()))
        .collect();
    family("requests_total", "counter", "Total requests by response status code", &codes);
    text
}
