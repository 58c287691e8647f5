//! `install FILE`: copies this program to a file that the Pod's other containers mount.

use crate::host::{files, log};
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
            log::error("could not install").string("file", path).string("error", &files::describe(error)).write()
        }
    }
    copied.is_err().into()
}
