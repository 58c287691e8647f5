//! `probe`: the liveness probe of a container with `reload: probe`. It fails while the container's PID 1 is older than the
//! recorded change, and otherwise runs the original probe. It is stateless: a container that started after the change
//! passes.

use crate::host::events::wait;
use crate::host::health_call::HealthCall;
use crate::host::layout::Layout;
use crate::host::log;
use crate::host::methods::probe::recorded_change;
use crate::host::procfs::Proc;
use agent::http::HealthCheck;
use agent::options::probe;

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
fn is_alive(original: &HealthCheck, timeout: u64) -> bool {
    let Ok(mut call) = HealthCall::start(original, timeout) else { return false };
    loop {
        if let Some(answer) = call.advance() {
            return answer.is_ok();
        }
        wait(&mut [call.descriptor()], Some(call.deadline()));
    }
}
