//! The command lines of what runs once: link and probe.

use crate::errors::Problem;
use crate::flags::{bad, bad_url, duration, non_empty, placed, split, unknown};
use crate::http::{self, Request};
use crate::place::{self, Place};
use alloc::{format, string::String, vec::Vec};

/// What link is to do.
#[derive(Clone, Default, Debug)]
pub struct Link {
    /// Directories to copy from the image.
    pub parents: Vec<String>,
    /// Files to place.
    pub places: Vec<Place>,
}

/// What the probe does when there is no change to act on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forward {
    /// The request of an httpGet; of a tcpSocket, only its address counts.
    pub request: Request,
    /// It is enough that somebody accepts the connection.
    pub connect_only: bool,
}

/// How the probe was started.
#[derive(Clone, Default, Debug)]
pub struct Probe {
    /// Whose changes.
    pub container: String,
    /// The liveness probe that it stands in for.
    pub forward: Option<Forward>,
    /// Milliseconds for it: the probe's timeoutSeconds.
    pub timeout: u64,
}

/// Reads probe's flags.
pub fn probe(args: &[&str]) -> Result<Probe, Vec<Problem>> {
    let mut probe = Probe { timeout: 1_000, ..Probe::default() };
    let read = |arg: &&str| {
        let (name, value) = split(arg)?;
        let forward = |text: &str, connect_only| {
            http::request(text).map(|request| Forward { request, connect_only }).ok_or_else(|| bad_url(value))
        };
        match name {
            "--container" => probe.container = non_empty(name, value)?,
            "--http-get" => probe.forward = Some(forward(&format!("GET {value}"), false)?),
            "--tcp" => probe.forward = Some(forward(&format!("http://127.0.0.1:{value}/"), true)?),
            "--timeout" => probe.timeout = duration(name, value)?,
            _ => return Err(unknown(name)),
        }
        Ok(())
    };
    let problems: Vec<Problem> = args.iter().map(read).filter_map(Result::err).collect();
    if problems.is_empty() { Ok(probe) } else { Err(problems) }
}

/// Reads link's flags.
pub fn link(args: &[&str]) -> Result<Link, Vec<Problem>> {
    let mut link = Link::default();
    let read = |arg: &&str| {
        let (name, value) = split(arg)?;
        match name {
            "--parent" if place::is_absolute(value) => link.parents.push(value.trim_end_matches('/').into()),
            "--parent" => return Err(bad(name, value, "an absolute path without ..")),
            "--symlink" | "--copy" => link.places.push(placed(name, value)?),
            _ => return Err(unknown(name)),
        }
        Ok(())
    };
    let problems: Vec<Problem> = args.iter().map(read).filter_map(Result::err).collect();
    if problems.is_empty() { Ok(link) } else { Err(problems) }
}
