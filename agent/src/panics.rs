//! After a panic the program says so and starts anew in the same process: nothing in memory is to be trusted, but a native
//! sidecar that exits takes the app out of its Services. How often that happened is in the environment.

use crate::host::{clock, log};
use crate::runtime;
use alloc::{ffi::CString, format, vec::Vec};
use core::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};
use core::{ffi::CStr, panic::Location, time::Duration};

const COUNTER: &str = "HOTRELOAD_PANICS=";
const CHILD: &str = "HOTRELOAD_CHILD=";
/// The supervised program, which goes on over a panic; 0: none.
static SUPERVISED: AtomicI32 = AtomicI32::new(0);
/// A panic is being seen to.
static PANICKED: AtomicBool = AtomicBool::new(false);
/// Seconds before the next start: a panic at every start must not burn the node's CPU.
const PAUSE: Duration = Duration::from_secs(1);

/// Panics before this start, from the environment that `counted` made.
pub fn count(environment: &[&CStr]) -> u64 {
    number(environment, COUNTER).unwrap_or(0)
}

/// The supervised program that was running at the panic.
pub fn supervised(environment: &[&CStr]) -> Option<i32> {
    number(environment, CHILD).filter(|pid| *pid > 0)
}

/// From now on this is the supervised program.
pub fn supervise(pid: i32) {
    SUPERVISED.store(pid, SeqCst);
}

fn number<N: core::str::FromStr>(environment: &[&CStr], name: &str) -> Option<N> {
    environment.iter().find_map(|entry| entry.to_str().ok()?.strip_prefix(name)?.parse().ok())
}

/// The environment with the counter one higher, and the supervised program's id.
fn counted(environment: &[&CStr]) -> Vec<CString> {
    let mut entries: Vec<CString> = environment
        .iter()
        .filter(|entry| ![COUNTER, CHILD].iter().any(|name| entry.to_bytes().starts_with(name.as_bytes())))
        .map(|&e| e.into())
        .collect();
    entries.extend(CString::new(format!("{COUNTER}{}", count(environment) + 1)));
    entries.extend(CString::new(format!("{CHILD}{}", SUPERVISED.load(SeqCst))));
    entries
}

/// For the tests of debug builds: panics once where the environment asks for it.
#[cfg(debug_assertions)]
pub fn on_request(environment: &[&CStr]) {
    let asked = environment.iter().any(|entry| entry.to_bytes().starts_with(b"HOTRELOAD_TEST_PANIC="));
    assert!(!asked || count(environment) > 0, "as the test asks");
}

/// One log line, the pause, the start.
fn panicked(place: Option<&Location<'_>>) -> ! {
    if PANICKED.swap(true, SeqCst) {
        // In what follows: without it, then.
        runtime::start_again(None);
    }
    let (file, line) = place.map_or(("?", 0), |place| (place.file(), place.line()));
    log::error("panicked, starting again").string("file", file).number("line", line.into()).write();
    clock::sleep(PAUSE);
    runtime::start_again(Some(&counted(&runtime::environment())))
}

#[cfg(not(any(feature = "std", test)))] // a test has the harness's
#[panic_handler]
fn on_panic(info: &core::panic::PanicInfo<'_>) -> ! {
    panicked(info.location())
}

/// The feature `std`: the same from its hook.
#[cfg(feature = "std")]
pub fn catch() {
    extern crate std;
    std::panic::set_hook(alloc::boxed::Box::new(|info| panicked(info.location())));
}
