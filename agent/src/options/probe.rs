//! The flags of `probe`.

use super::{bad_url, duration, non_empty, split, unknown_flag};
use crate::errors::Problem;
use crate::http::{self, HealthCheck};
use alloc::{format, string::String, vec::Vec};

/// How the probe was started.
#[derive(Clone, Default, Debug)]
pub struct ProbeOptions {
    /// The container whose recorded change counts.
    pub container: String,
    /// The liveness probe that this one replaces.
    pub original: Option<HealthCheck>,
    /// Milliseconds for it: the probe's timeoutSeconds.
    pub timeout: u64,
}

/// Reads the flags of `probe`.
pub fn probe(args: &[&str]) -> Result<ProbeOptions, Vec<Problem>> {
    let mut probe = ProbeOptions { timeout: 1_000, ..ProbeOptions::default() };
    let read = |arg: &&str| {
        let (name, value) = split(arg)?;
        let original = |text: &str, connect_only| {
            let request = http::parse_reload_request(text).ok_or_else(|| bad_url(value))?;
            Ok(Some(HealthCheck { request, connect_only }))
        };
        match name {
            "--container" => probe.container = non_empty(name, value)?,
            "--http-get" => probe.original = original(&format!("GET {value}"), false)?,
            "--tcp" => probe.original = original(&format!("http://127.0.0.1:{value}/"), true)?,
            "--timeout" => probe.timeout = duration(name, value)?,
            _ => return Err(unknown_flag(name)),
        }
        Ok(())
    };
    let problems: Vec<Problem> = args.iter().map(read).filter_map(Result::err).collect();
    if problems.is_empty() { Ok(probe) } else { Err(problems) }
}
