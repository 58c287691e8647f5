//! The pieces of every command line: `--name=value`, and what is said of what can't be read.

use crate::errors::{Code, Problem};
use crate::place::{Kind, Place};
use crate::time;
use alloc::{format, string::String};

/// The name and value of `--name=value`.
pub(crate) fn split(arg: &str) -> Result<(&str, &str), Problem> {
    arg.split_once('=')
        .filter(|(name, _)| name.starts_with("--"))
        .ok_or_else(|| Problem::new(Code::BadOption, format!("argument {arg:?} is not of the form --name=value")))
}

/// `MOUNTPATH:VOLUME/PATH`.
pub(crate) fn placed(name: &str, value: &str) -> Result<Place, Problem> {
    let kind = if name == "--symlink" { Kind::Symlink } else { Kind::Copy };
    Place::parse(kind, value).ok_or_else(|| bad(name, value, "MOUNTPATH:VOLUME/PATH"))
}

/// Any text but none.
pub(crate) fn non_empty(name: &str, value: &str) -> Result<String, Problem> {
    if value.is_empty() { Err(bad(name, value, "a name")) } else { Ok(value.into()) }
}

/// A value that can't be used, and what can.
pub(crate) fn bad(name: &str, value: &str, remedy: &str) -> Problem {
    Problem::new(Code::BadOption, format!("{name}: {value:?} can't be used; use {remedy}"))
}

/// Milliseconds.
pub(crate) fn duration(name: &str, value: &str) -> Result<u64, Problem> {
    time::duration(value).ok_or_else(|| bad(name, value, "a duration such as 30s"))
}

/// Not a signal.
pub(crate) fn bad_signal(value: &str) -> Problem {
    let message = format!("--signal: {value:?} is not a signal; use a name such as SIGHUP or a number from 1 to 31");
    Problem::new(Code::BadSignal, message)
}

/// Not a URL of the Pod's own.
pub(crate) fn bad_url(value: &str) -> Problem {
    Problem::new(Code::UrlNotLocal, format!("--url: {value:?} leaves the Pod; use http://127.0.0.1:PORT/PATH"))
}

/// Not an option.
pub(crate) fn unknown(name: &str) -> Problem {
    Problem::new(Code::BadOption, format!("{name} is no option of this version; docs/agent.md lists them"))
}
