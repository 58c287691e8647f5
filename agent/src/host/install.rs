//! `install FILE`: puts this program where the Pod's other containers find it.

use super::{files, log};
use rustix::fs::{CWD, Mode};

/// More than any build of this program.
const PROGRAM_MAX_BYTES: usize = 16 << 20;

/// Exit code: 0 when FILE is this program, executable by every user.
#[inline(never)] // in one function with watch, its locals would be on the idle agent's stack
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
