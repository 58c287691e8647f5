//! What is said of a panic, and how often it happened in this process. The restart itself is in runtime.rs.

use alloc::{ffi::CString, format, vec::Vec};
use core::sync::atomic::{AtomicI32, Ordering::SeqCst};
use core::{ffi::CStr, panic::Location, time::Duration};

const COUNTER: &str = "HOTRELOAD_PANICS=";
const CHILD: &str = "HOTRELOAD_CHILD=";
/// The supervised program, which goes on over a panic; 0: none.
static SUPERVISED: AtomicI32 = AtomicI32::new(0);
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
pub fn counted(environment: &[&CStr]) -> Vec<CString> {
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

/// One log line, then the pause.
pub fn log(place: Option<&Location<'_>>) {
    let (file, line) = place.map_or(("?", 0), |place| (place.file(), place.line()));
    crate::host::log::error("panicked, starting again").string("file", file).number("line", line.into()).write();
    crate::host::clock::sleep(PAUSE);
}
