//! The command lines, read once: flags `--name=value` (the kubelet expands `$(VAR)` in them). Each command has a file;
//! compat.rs translates the command lines of other programs. This file has the
//! parts that they share: the form of a flag, and the sentences about unusable values.

pub mod compat;
pub mod link;
pub mod method;
pub mod probe;
pub mod watch;

use crate::errors::{Code, Problem};
use crate::http::without_query;
use crate::json::quoted;
use crate::subpath_file::{Kind, SubPathFile, is_absolute};
use crate::time;
use alloc::{format, string::String};

/// The name and value of `--name=value`.
fn split(arg: &str) -> Result<(&str, &str), Problem> {
    arg.split_once('=').filter(|(name, _)| name.starts_with("--")).ok_or_else(|| {
        Problem::new(Code::BadOption, format!("argument {} is not of the form --name=value", quoted(arg)))
    })
}

/// `MOUNTPATH:VOLUME/PATH`.
fn subpath_file(name: &str, value: &str) -> Result<SubPathFile, Problem> {
    let kind = if name == "--symlink" { Kind::Symlink } else { Kind::Copy };
    SubPathFile::parse(kind, value).ok_or_else(|| bad_value(name, value, "MOUNTPATH:VOLUME/PATH"))
}

/// A directory of the image, without a slash at its end.
fn parent(name: &str, value: &str) -> Result<String, Problem> {
    let path = value.trim_end_matches('/').into();
    is_absolute(value).then_some(path).ok_or_else(|| bad_value(name, value, "an absolute path without .."))
}

/// A text that is not empty.
fn non_empty(name: &str, value: &str) -> Result<String, Problem> {
    if value.is_empty() { Err(bad_value(name, value, "a name")) } else { Ok(value.into()) }
}

/// A duration in milliseconds.
fn duration(name: &str, value: &str) -> Result<u64, Problem> {
    time::duration(value).ok_or_else(|| bad_value(name, value, "a duration such as 30s"))
}

/// The same, and not nothing: it is repeated.
fn positive(name: &str, value: &str) -> Result<u64, Problem> {
    Some(duration(name, value)?).filter(|time| *time > 0).ok_or_else(|| bad_value(name, value, "1s or more"))
}

/// `value` can't be used; `remedy` names a value that can.
fn bad_value(name: &str, value: &str, remedy: &str) -> Problem {
    let shown = quoted(without_query(value));
    Problem::new(Code::BadOption, format!("{name}: {shown} can't be used; use {remedy}"))
}

/// The URL does not lead to the Pod's own loopback.
fn bad_url(value: &str) -> Problem {
    let value = quoted(without_query(value));
    Problem::new(Code::UrlNotLocal, format!("--url: {value} leaves the Pod; use http://127.0.0.1:PORT/PATH"))
}

/// The command has no such flag.
fn unknown_flag(name: &str) -> Problem {
    Problem::new(Code::BadOption, format!("{name} is not an option of this version; docs/agent.md lists them"))
}

#[cfg(test)]
mod tests;
