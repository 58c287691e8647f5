//! `watch`: the sidecar. Once the app may start, it ends only at SIGTERM or SIGINT: a native sidecar that exits takes the
//! app's Pod out of its Services.

use super::link::link_once;
use crate::host::agent::Agent;
use crate::host::events::{SIGCHLD, SIGINT, SIGIO, SIGTERM, bit};
use crate::host::layout::Layout;
use crate::host::log;
use crate::host::main_loop::{MainLoop, Role};
use crate::runtime;
use agent::child_lifecycle::ReceivedSignal;
use agent::options::watch;
use core::ffi::CStr;

struct Sidecar {
    is_stopping: bool,
}

/// The exit code: 0 at SIGTERM or SIGINT, 1 if what the app needs at its start can't be prepared.
pub fn watch(args: &[&str], layout: Layout, environment: &[&'static CStr]) -> i32 {
    // First, since as PID 1 the process would never get a signal that comes before that.
    let signals = runtime::signal_fd(bit(SIGTERM) | bit(SIGINT) | bit(SIGCHLD) | bit(SIGIO));
    let (options, problems) = watch::watch(args);
    if let Err(code) = link_once(&options, &problems, &layout) {
        return code;
    }
    let main_loop = MainLoop::new(options, problems, layout, environment);
    main_loop.run(signals.as_ref(), &mut Sidecar { is_stopping: false })
}

impl Role for Sidecar {
    fn on_signal(&mut self, received: ReceivedSignal) {
        self.is_stopping |= matches!(received.signal, SIGTERM | SIGINT);
    }

    fn exit_code(&mut self, _: Option<&mut Agent>) -> Option<i32> {
        self.is_stopping.then(|| {
            log::info("stopping").write();
            0
        })
    }
}
