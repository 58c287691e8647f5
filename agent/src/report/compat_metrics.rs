//! The metrics of configmap-reload (github.com/jimmidyson/configmap-reload), where the agent replaces it.

use super::counters::Counters;
use super::prometheus_text::{Sample, family, labels};
use alloc::{format, string::String, string::ToString, vec::Vec};

/// Its metrics, for dashboards and alerts that name them.
pub(super) fn metrics(url: &str, c: &Counters) -> String {
    let webhook = labels(&[("webhook", url)]);
    let (failed, milliseconds) = c.last_request;
    // Written by hand: the only value that is not a whole number.
    let mut text = format!(
        "# HELP configmap_reload_last_request_duration_seconds Duration of last webhook request\n# TYPE configmap_reload_last_request_duration_seconds gauge\nconfigmap_reload_last_request_duration_seconds{webhook} {}.{:03}\n",
        milliseconds / 1000,
        milliseconds % 1000
    );
    let mut family = |name: &str, kind: &str, help: &str, samples: &[Sample]| {
        family(&mut text, "configmap_reload_", name, kind, help, samples)
    };
    family(
        "last_reload_error",
        "gauge",
        "Whether the last reload resulted in an error (1 for error, 0 for success)",
        &[(webhook.clone(), u64::from(failed))],
    );
    family("success_reloads_total", "counter", "Total success reload calls", &[(webhook, c.reloaded)]);
    let reasons = ["client_request_do", "client_response"].into_iter().zip(c.request_errors);
    let reasons: Vec<Sample> =
        reasons.map(|(reason, count)| (labels(&[("webhook", url), ("reason", reason)]), count)).collect();
    family("request_errors_total", "counter", "Total request errors by reason", &reasons);
    family("watcher_errors_total", "counter", "Total filesystem watcher errors", &[(String::new(), 0)]);
    let codes = c.responses.iter();
    let codes: Vec<Sample> =
        codes.map(|(code, count)| (labels(&[("webhook", url), ("status_code", &code.to_string())]), *count)).collect();
    family("requests_total", "counter", "Total requests by response status code", &codes);
    text
}
