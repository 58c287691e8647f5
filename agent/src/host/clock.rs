//! The two clocks: wall time for people, and time since boot, the clock of process start times, for everything else.

use crate::runtime;
use core::time::Duration;
use rustix::time::{ClockId, Timespec};

fn milliseconds(clock: ClockId) -> u64 {
    let now = runtime::read_clock(clock);
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}

/// Milliseconds since boot, including suspended time, like the start times of /proc/PID/stat.
pub fn now() -> u64 {
    milliseconds(ClockId::Boottime)
}

/// Milliseconds since 1970.
pub fn wall() -> u64 {
    milliseconds(ClockId::Realtime)
}

/// Blocks the whole agent, so only for milliseconds.
pub fn sleep(time: Duration) {
    let wait = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: time.subsec_nanos().into() };
    let _ = rustix::thread::nanosleep(&wait);
}
