//! Prometheus' text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats): labels, and metrics with their
//! samples. Which metrics there are is said in metrics.rs and compat.rs.

use crate::json::quoted;
use alloc::{format, string::String, vec::Vec};
use core::fmt::Write;

/// Labels, as `labels` writes them, and a value.
pub(crate) type Sample = (String, u64);

/// `{name="value",…}`.
pub(crate) fn labels(names: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = names.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

/// One metric with its samples. `kind`: `counter` or `gauge`.
pub(crate) fn family(text: &mut String, prefix: &str, name: &str, kind: &str, help: &str, samples: &[Sample]) {
    let _ = writeln!(text, "# HELP {prefix}{name} {help}\n# TYPE {prefix}{name} {kind}");
    for (labels, value) in samples {
        let _ = writeln!(text, "{prefix}{name}{labels} {value}");
    }
}
