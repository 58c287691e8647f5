//! `probe`: the liveness probe of a container with `reload: probe`. It fails while the container's PID 1 is older than the
//! recorded change, and otherwise runs the original probe. It is stateless: a container that started after the change
//! passes.

use crate::host::http_call::HttpCall;
use crate::host::layout::Layout;
use crate::host::methods::probe::recorded_change;
use crate::host::procfs::Proc;
use crate::host::{clock, log};
use agent::engine::Outcome;
use agent::options::probe::{self, OriginalProbe};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

/// The exit code: 0 for alive, 1 for a restart.
#[inline(never)] // inlined beside watch, its locals would occupy the idle agent's stack
pub fn probe(args: &[&str], layout: &Layout) -> i32 {
    let options = match probe::probe(args) {
        Ok(options) => options,
        Err(problems) => {
            // A probe that fails because of its flags would restart the container again and again.
            problems.iter().for_each(|problem| log::error("bad option").string("error", &problem.sentence()).write());
            return 0;
        }
    };
    let started = Proc::open().ok().and_then(|proc| proc.stat(1)).map(|root| root.started_ms());
    match (started, recorded_change(layout, &options.container)) {
        (Some(started), Some(changed)) if started <= changed => {
            log::info("configuration changed after the container's start: restart").write();
            1
        }
        _ => options.original.is_some_and(|original| !is_alive(&original, options.timeout)).into(),
    }
}

/// Runs the original probe; whether it passes. `timeout` is in milliseconds.
fn is_alive(original: &OriginalProbe, timeout: u64) -> bool {
    let OriginalProbe { request, connect_only } = original;
    let end = clock::now() + timeout;
    let Ok(mut call) = HttpCall::start(request, 0, clock::now()) else { return false };
    call.deadline = end;
    loop {
        if *connect_only && call.is_connected() {
            return true;
        }
        if let Some(outcome) = call.advance(clock::now()) {
            return matches!(outcome, Outcome::Done) || call.is_redirected();
        }
        let left = end.saturating_sub(clock::now());
        let timeout = Timespec { tv_sec: (left / 1000) as i64, tv_nsec: (left % 1000 * 1_000_000) as i64 };
        let interest = if *connect_only { PollFd::new(call.socket(), PollFlags::OUT) } else { call.descriptor() };
        let _ = poll(&mut [interest], Some(&timeout));
        if clock::now() >= end {
            return false;
        }
    }
}
