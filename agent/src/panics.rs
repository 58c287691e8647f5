//! After a panic the program logs it and starts again in the same process: its memory can't be trusted, but a native
//! sidecar that exits takes the app out of its Services. The environment keeps the number of panics.

use crate::host::{clock, log};
use crate::runtime;
use alloc::{ffi::CString, format, vec::Vec};
use core::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};
use core::{ffi::CStr, panic::Location, time::Duration};

const COUNTER: &str = "HOTRELOAD_PANICS=";
const CHILD: &str = "HOTRELOAD_CHILD=";
/// The supervised program, which survives a panic; 0: none.
static SUPERVISED: AtomicI32 = AtomicI32::new(0);
/// A panic is being handled.
static PANICKED: AtomicBool = AtomicBool::new(false);
/// Wait before the next start: a panic at every start must not use up the node's CPU.
const PAUSE: Duration = Duration::from_secs(1);

/// The number of panics before this start.
pub fn count(environment: &[&CStr]) -> u64 {
    number(environment, COUNTER).unwrap_or(0)
}

/// The supervised program at the time of the panic.
pub fn supervised(environment: &[&CStr]) -> Option<i32> {
    number(environment, CHILD).filter(|pid| *pid > 0)
}

/// Sets the supervised program.
pub fn set_supervised(pid: i32) {
    SUPERVISED.store(pid, SeqCst);
}

fn number<N: core::str::FromStr>(environment: &[&CStr], name: &str) -> Option<N> {
    environment.iter().find_map(|entry| entry.to_str().ok()?.strip_prefix(name)?.parse().ok())
}

/// The environment for the next start: the counter plus one, and the supervised program's id.
fn next_environment(environment: &[&CStr]) -> Vec<CString> {
    let mut entries: Vec<CString> = environment
        .iter()
        .filter(|entry| ![COUNTER, CHILD].iter().any(|name| entry.to_bytes().starts_with(name.as_bytes())))
        .map(|&e| e.into())
        .collect();
    entries.extend(CString::new(format!("{COUNTER}{}", count(environment) + 1)));
    entries.extend(CString::new(format!("{CHILD}{}", SUPERVISED.load(SeqCst))));
    entries
}

/// For the tests of debug builds: panics once if the environment requests it.
#[cfg(debug_assertions)]
pub fn on_request(environment: &[&CStr]) {
    let asked = environment.iter().any(|entry| entry.to_bytes().starts_with(b"HOTRELOAD_TEST_PANIC="));
    assert!(!asked || count(environment) > 0, "the test requests a panic");
}

/// Logs the panic, waits, and starts again.
fn restart_after_panic(location: Option<&Location<'_>>) -> ! {
    if PANICKED.swap(true, SeqCst) {
        // A second panic in this function: start again without a log line.
        runtime::start_again(None);
    }
    let (file, line) = location.map_or(("?", 0), |location| (location.file(), location.line()));
    log::error("panicked, starting again").string("file", file).number("line", line.into()).write();
    clock::sleep(PAUSE);
    runtime::start_again(Some(&next_environment(&runtime::environment())))
}

#[cfg(not(any(feature = "std", test)))] // a test has the harness's own
#[panic_handler]
#[allow(unused_attributes)] // rustc says that it ignores `inline` here, but LLVM does not
#[inline(always)] // then LLVM sees that nobody reads the message, and nothing formats one
fn on_panic(info: &core::panic::PanicInfo<'_>) -> ! {
    restart_after_panic(info.location())
}

/// With the feature `std`: the same as a panic hook.
#[cfg(feature = "std")]
pub fn catch() {
    extern crate std;
    std::panic::set_hook(alloc::boxed::Box::new(|info| restart_after_panic(info.location())));
}
