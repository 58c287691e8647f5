//! The pages of the agent's port.

use super::{Report, metrics::metrics, status::status};
use alloc::string::String;

impl Report<'_> {
    /// The content type and body of a page; None for an unknown path.
    pub fn page(&self, path: &str) -> Option<(&'static str, String)> {
        Some(match path {
            "/status" => ("application/json", status(self) + "\n"),
            "/metrics" => ("text/plain; version=0.0.4; charset=utf-8", metrics(self)),
            "/healthz" => ("text/plain; charset=utf-8", "ok\n".into()),
            _ => return None,
        })
    }
}
