//! `probe`: the agent records the change in a file, and the container's liveness probe (commands/probe.rs) fails once.
//! Needs no shared process namespace.

use super::{Begun, Context};
use crate::host::layout::Layout;
use crate::host::{clock, files};
use agent::engine::Outcome;
use agent::errors::{Code, Problem};
use alloc::format;
use alloc::string::{String, ToString};
use rustix::fs::{CWD, Mode};

/// A line.
const RECORD_MAX_BYTES: usize = 256;

/// Records the change, readable for the container's user.
pub fn begin(context: &Context<'_>) -> Begun {
    let text = format!("{} {}\n", clock::now(), boot_id());
    let path = record_path(context.layout, context.options.container());
    Begun::Ended(match files::replace(&path, text.as_bytes(), Mode::from_raw_mode(0o644)) {
        Ok(()) => Outcome::Sent,
        Err(error) => {
            let message =
                format!("change not recorded for the liveness probe: {}; trying again", files::describe(error));
            Outcome::Failed(Problem::new(Code::ProbeNotRecorded, message))
        }
    })
}

/// The time of the last change that was recorded since boot, milliseconds since boot. One in the future is no change:
/// until then, the probe would fail at each start.
pub fn recorded_change(layout: &Layout, container: &str) -> Option<u64> {
    let text = files::read_own(&record_path(layout, container), RECORD_MAX_BYTES).ok()?;
    let text = String::from_utf8(text).ok()?;
    let (at, id) = text.trim().split_once(' ')?;
    at.parse().ok().filter(|at| id == boot_id() && *at <= clock::now())
}

fn record_path(layout: &Layout, container: &str) -> String {
    layout.state(container) + ".change"
}

/// An emptyDir outlives a reboot of the node; times since boot do not.
fn boot_id() -> String {
    let id = files::read(CWD, "/proc/sys/kernel/random/boot_id", RECORD_MAX_BYTES).unwrap_or_default();
    String::from_utf8_lossy(&id).trim().to_string()
}
