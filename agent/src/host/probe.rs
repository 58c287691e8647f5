//! `probe`: the restart without shared processes. The agent records that a change came; the container's own liveness
//! probe, which is this program in the container, fails once while its PID 1 is older than that, and otherwise does
//! what the probe did before. Stateless: a container started after the change passes.

use super::call::Call;
use super::layout::Layout;
use super::procfs::Proc;
use super::{clock, files, log};
use agent::engine::Outcome;
use agent::errors::{Code, Problem};
use agent::once::{self, Forward};
use alloc::format;
use alloc::string::{String, ToString};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, Mode};
use rustix::time::Timespec;

/// A line.
const RECORD_MAX_BYTES: usize = 256;

fn path(layout: &Layout, container: &str) -> String {
    layout.memory(container) + ".change"
}

/// An emptyDir outlives a reboot of the node, times since boot do not.
fn boot() -> String {
    let id = files::read(CWD, "/proc/sys/kernel/random/boot_id", RECORD_MAX_BYTES).unwrap_or_default();
    String::from_utf8_lossy(&id).trim().to_string()
}

/// Records a change for the probe, readable for the container's user.
pub fn record(layout: &Layout, container: &str) -> Outcome {
    let text = format!("{} {}\n", clock::now(), boot());
    match files::replace(&path(layout, container), text.as_bytes(), Mode::from_raw_mode(0o644)) {
        Ok(()) => Outcome::Done,
        Err(error) => {
            let message =
                format!("change not recorded for the liveness probe: {}; trying again", files::describe(error));
            Outcome::Failed(Problem::new(Code::ProbeNotRecorded, message))
        }
    }
}

/// When the last change came in this boot, milliseconds.
fn recorded(layout: &Layout, container: &str) -> Option<u64> {
    let text = files::read(CWD, path(layout, container).as_str(), RECORD_MAX_BYTES).ok()?;
    let text = String::from_utf8(text).ok()?;
    let (at, id) = text.trim().split_once(' ')?;
    at.parse().ok().filter(|_| id == boot())
}

/// The probe's exit code: 0 alive, 1 to be restarted.
#[inline(never)] // in one function with watch, its locals would be on the idle agent's stack
pub fn probe(args: &[&str], layout: &Layout) -> i32 {
    let wanted = match once::probe(args) {
        Ok(wanted) => wanted,
        Err(problems) => {
            // A probe that fails for its own mistakes would restart the container for ever.
            problems.iter().for_each(|problem| log::error("bad option").string("error", &problem.sentence()).write());
            return 0;
        }
    };
    let started = Proc::open().ok().and_then(|proc| proc.stat(1)).map(|root| root.started_ms());
    match (started, recorded(layout, &wanted.container)) {
        (Some(started), Some(changed)) if started <= changed => {
            log::info("configuration changed after the container's start: restart").write();
            1
        }
        _ => forward(wanted.forward.as_ref(), wanted.timeout).into(),
    }
}

/// The probe that stood here before; true: it fails.
fn forward(to: Option<&Forward>, timeout: u64) -> bool {
    let Some(Forward { request, connect_only }) = to else { return false };
    let end = clock::now() + timeout;
    let Ok(mut call) = Call::start(request, 0, clock::now()) else { return true };
    call.deadline = end;
    loop {
        if *connect_only && call.is_connected() {
            return false;
        }
        if let Some(outcome) = call.advance(clock::now()) {
            return !matches!(outcome, Outcome::Done) && !call.is_redirected();
        }
        let left = end.saturating_sub(clock::now());
        let timeout = Timespec { tv_sec: (left / 1000) as i64, tv_nsec: (left % 1000 * 1_000_000) as i64 };
        let interest = if *connect_only { PollFd::new(call.socket(), PollFlags::OUT) } else { call.descriptor() };
        let _ = poll(&mut [interest], Some(&timeout));
        if clock::now() >= end {
            return true;
        }
    }
}
