//! Prometheus' text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats): labels, and metrics with their
//! samples. metrics.rs and compat_metrics.rs list the metrics.

use crate::json::quoted;
use alloc::{format, string::String, vec::Vec};
use core::fmt::Write;

/// Labels, as `labels` writes them, and a value.
pub(super) type Sample = (String, u64);

/// `{name="value",…}`.
pub(super) fn labels(names: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = names.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

/// One metric with its samples. `kind`: `counter` or `gauge`.
pub(super) fn family(text: &mut String, prefix: &str, name: &str, kind: &str, help: &str, samples: &[Sample]) {
    let _ = writeln!(text, "# HELP {prefix}{name} {help}\n# TYPE {prefix}{name} {kind}");
    for (labels, value) in samples {
        let _ = writeln!(text, "{prefix}{name}{labels} {value}");
    }
}
