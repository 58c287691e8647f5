//! The events that wake the main loop: descriptors, deadlines, signals, ended children.

use super::child::Ended;
use super::clock;
use agent::child_lifecycle::ReceivedSignal;
use alloc::vec::Vec;
use rustix::event::{PollFd, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::process::{WaitOptions, wait as wait_child};
use rustix::time::Timespec;

pub const SIGINT: u32 = 2;
pub const SIGTERM: u32 = 15;
pub const SIGCHLD: u32 = 17;
pub const SIGIO: u32 = 29;

/// A signal's bit in a mask.
pub const fn bit(signal: u32) -> u64 {
    1 << (signal - 1)
}

/// Waits for an event on a descriptor, or until a deadline (milliseconds since boot).
pub fn wait(polled: &mut [PollFd<'_>], deadline: Option<u64>) {
    let timeout = deadline.map(|deadline| {
        let left = deadline.saturating_sub(clock::now());
        Timespec { tv_sec: (left / 1000) as i64, tv_nsec: (left % 1000 * 1_000_000) as i64 }
    });
    let _ = poll(polled, timeout.as_ref());
}

/// The signals that this process received since the last call, from signalfd(2).
pub fn received_signals(signals: &OwnedFd) -> Vec<ReceivedSignal> {
    let mut buffer = [0; 128];
    let mut received = Vec::new();
    while let Ok(128) = rustix::io::read(signals.as_fd(), &mut buffer) {
        // ssi_signo, ssi_errno, ssi_code, ssi_pid: four bytes each.
        let (fields, _) = buffer.as_chunks::<4>();
        let [signal, _, code, sender] = [fields[0], fields[1], fields[2], fields[3]];
        received.push(ReceivedSignal {
            signal: u32::from_ne_bytes(signal),
            code: i32::from_ne_bytes(code),
            sender: u32::from_ne_bytes(sender),
        });
    }
    received
}

/// Reaps children that ended, also orphans of other processes, and reports each.
pub fn reap(mut report: impl FnMut(i32, Ended)) {
    while let Ok(Some((pid, status))) = wait_child(WaitOptions::NOHANG) {
        let signal = status.terminating_signal().unwrap_or(0);
        report(pid.as_raw_nonzero().get(), status.exit_status().map_or(Ended::Signal(signal), Ended::Code));
    }
}
