//! `install FILE`: copies this program to a file that the Pod's other containers mount. It is the hook of a sidecar whose
//! main process is `idle`: the kubelet waits for a hook without looking away, and for an init container a second.

use crate::host::events::{SIGINT, SIGTERM, bit, wait};
use crate::host::{files, log};
use crate::runtime;
use agent::errors::{Code, Problem};
use alloc::format;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{CWD, Mode};

/// More than any build of this program.
const PROGRAM_MAX_BYTES: usize = 16 << 20;

/// The exit code: 0 if FILE is now this program, executable for every user.
#[inline(never)] // inlined beside watch, its locals would occupy the idle agent's stack
pub fn install(args: &[&str]) -> i32 {
    let [path] = args else {
        log::error("install needs one file name").number("arguments", args.len() as u64).write();
        return 1;
    };
    let copied = files::read(CWD, "/proc/self/exe", PROGRAM_MAX_BYTES)
        .and_then(|program| files::replace(path, &program, Mode::from_raw_mode(0o755)));
    match copied {
        Ok(()) => log::info("installed").string("file", path).write(),
        Err(error) => {
            let message = format!("{path}: not installed: {}", files::describe(error));
            log::held_back("could not install", &[Problem::new(Code::InstallFailed, message)]);
        }
    }
    copied.is_err().into()
}

/// Waits for SIGTERM or SIGINT; the exit code.
pub fn idle() -> i32 {
    if let Some(signals) = runtime::signal_fd(bit(SIGTERM) | bit(SIGINT)) {
        wait(&mut [PollFd::new(&signals, PollFlags::IN)], None);
    }
    0
}
