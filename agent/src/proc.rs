//! Parses /proc/PID/stat, status and cmdline (proc_pid_stat(5), proc_pid_status(5)).

use crate::mountinfo::Instance;
use alloc::{string::String, vec::Vec};

/// Clock ticks a second in /proc: USER_HZ, 100 on every architecture Linux supports for user space.
pub const TICKS_PER_SECOND: u64 = 100;

/// A process as /proc shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its parent's id; 0 where the parent is in another PID namespace: a container's root, an exec session.
    pub parent: u32,
    /// Command name, at most 15 bytes.
    pub comm: String,
    /// It has ended, but its parent has not waited for it.
    pub zombie: bool,
    /// Its start, in clock ticks since boot.
    pub started: u64,
    /// Its container, where mountinfo shows it.
    pub instance: Option<Instance>,
}

impl Process {
    /// Its start, in milliseconds since boot (rounded down to a tick of 10 ms).
    pub fn started_ms(&self) -> u64 {
        self.started * (1000 / TICKS_PER_SECOND)
    }
}

/// Parses /proc/PID/stat. The name is in parentheses and may itself contain spaces and parentheses.
pub fn stat(text: &str) -> Option<Process> {
    let (pid, rest) = text.split_once('(')?;
    let (comm, fields) = rest.rsplit_once(')')?;
    let mut fields = fields.trim_start().split(' ');
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let started = fields.nth(17)?.trim().parse().ok()?;
    let zombie = matches!(state, "Z" | "X" | "x");
    Some(Process { pid: pid.trim_end().parse().ok()?, parent, comm: comm.into(), zombie, started, instance: None })
}

/// The signal masks of a process: bit n-1 stands for signal n.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Masks {
    /// SigCgt.
    pub caught: u64,
    /// SigIgn.
    pub ignored: u64,
    /// SigBlk (of this thread).
    pub blocked: u64,
}

/// Whether `mask` contains `signal`.
pub fn holds(mask: u64, signal: u32) -> bool {
    (1..=64).contains(&signal) && mask >> (signal - 1) & 1 == 1
}

/// Parses the masks of /proc/PID/status. None if a line is missing or malformed: in doubt, no signal is sent.
pub fn masks(status: &str) -> Option<Masks> {
    let mask = |key| mask(status, key);
    Some(Masks { caught: mask("SigCgt")?, ignored: mask("SigIgn")?, blocked: mask("SigBlk")? })
}

/// Whether /proc/PID/status is of a process that has not ended and runs a program of this name. The kernel escapes
/// unusual names: then it is not.
pub fn runs(status: &str, comm: &str) -> bool {
    value(status, "Name") == Some(comm)
        && value(status, "State").is_some_and(|state| !state.starts_with(['Z', 'X', 'x']))
}

/// Whether a process has yet to take a signal, or blocks it; in doubt, it does. A master of nginx or haproxy blocks the
/// signal while it handles the one before.
pub fn is_held(status: &str, signal: u32) -> bool {
    ["SigPnd", "ShdPnd", "SigBlk"].iter().any(|key| mask(status, key).is_none_or(|mask| holds(mask, signal)))
}

fn mask(status: &str, key: &str) -> Option<u64> {
    u64::from_str_radix(value(status, key)?, 16).ok()
}

/// The value of a line `KEY:<tab>VALUE`.
fn value<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim)
}

/// The words of /proc/PID/cmdline.
pub fn arguments(cmdline: &[u8]) -> Vec<&[u8]> {
    let text = cmdline.strip_suffix(&[0]).unwrap_or(cmdline);
    if text.is_empty() { Vec::new() } else { text.split(|byte| *byte == 0).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    const NGINX: &str = "17 (nginx) S 0 17 17 0 -1 4194560 1109 0 0 0 1 2 0 0 20 0 1 0 518291 9437184 640 18446744073709551615 1 1 0 0 0 0 0 16781312 134301703 1 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";

    #[test]
    fn a_real_stat_is_parsed() {
        let process = stat(NGINX).unwrap();
        assert_eq!((process.pid, process.parent, process.started, process.zombie), (17, 0, 518_291, false));
        assert_eq!(process.comm, "nginx");
        assert_eq!(process.started_ms(), 5_182_910);
        // Linux 6.18: a kernel thread; a program of many threads and numbers.
        for (text, comm, parent, started) in [
            (
                "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 1 0 0 20 0 1 0 10 0 0 18446744073709551615 0 0 0 0 0 0 0 2147483647 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
                "kthreadd",
                0,
                10,
            ),
            (
                "28883 (etcd) S 28829 28883 28883 0 -1 4194560 23055 0 19 0 2174 686 0 0 20 0 9 0 2729651 12123959296 29584 18446744073709551615 4194304 16404945 140721778475296 0 0 0 0 0 2143420159 0 0 0 17 1 0 0 0 0 0 30326784 30941728 165629952 140721778481486 140721778481832 140721778481832 140721778483145 0\n",
                "etcd",
                28_829,
                2_729_651,
            ),
        ] {
            let process = stat(text).unwrap();
            assert_eq!((process.comm.as_str(), process.parent, process.started), (comm, parent, started));
        }
    }

    #[test]
    fn a_command_name_may_contain_anything() {
        for comm in ["a b", ") S 1 (", "((", "tmux: server", "", "(sd-pam)"] {
            let text = format!("9 ({comm}) Z 4 9 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 77 0 0\n");
            let process = stat(&text).unwrap();
            assert_eq!((process.comm.as_str(), process.parent, process.started, process.zombie), (comm, 4, 77, true));
        }
    }

    #[test]
    fn a_broken_stat_is_refused() {
        for text in ["", "1", "1 (a", "1 (a) S", "x (a) S 1 2", "1 (a) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0"] {
            assert_eq!(stat(text), None, "{text}");
        }
    }

    #[test]
    fn real_masks_are_parsed() {
        // nginx 1.22's master; a program of Go 1.26.
        let nginx = masks("Name:\tnginx\nSigQ:\t0/7\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\nSigBlk:\t0000000000000000\nSigIgn:\t0000000040001000\nSigCgt:\t0000000198016a07\n").unwrap();
        assert!(
            holds(nginx.caught, 1) && holds(nginx.caught, 10) && !holds(nginx.caught, 13) && holds(nginx.ignored, 31)
        );
        let go = masks("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\tfffffffd7fc1feff\n").unwrap();
        assert!(
            holds(go.caught, 1)
                && holds(go.caught, 64)
                && !holds(go.caught, 9)
                && !holds(go.caught, 65)
                && !holds(go.caught, 0)
        );
        // A kernel thread, bash, and kube-apiserver while its runtime starts a thread: (blocked, ignored, caught).
        for (text, hup) in [
            ("SigBlk:\t0000000000000000\nSigIgn:\tffffffffffffffff\nSigCgt:\t0000000000000000\n", [false, true, false]),
            ("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000004\nSigCgt:\t0000000043817efb\n", [false, false, true]),
            ("SigBlk:\tfffffffc3bba3a00\nSigIgn:\t0000000000000000\nSigCgt:\tfffffffd7fc1feff\n", [false, false, true]),
        ] {
            let masks = masks(text).unwrap();
            assert_eq!([masks.blocked, masks.ignored, masks.caught].map(|mask| holds(mask, 1)), hup, "{text}");
        }
        for text in ["", "SigCgt:\t1\n", "SigBlk:\tzz\nSigIgn:\t0\nSigCgt:\t0\n"] {
            assert_eq!(masks(text), None, "{text}");
        }
    }

    #[test]
    fn a_status_tells_the_program_and_whether_it_has_ended() {
        for (status, expected) in [
            ("Name:\tnginx\nUmask:\t0022\nState:\tS (sleeping)\n", true),
            ("Name:\tnginx\nState:\tZ (zombie)\n", false),
            ("Name:\tnginx\nState:\tX (dead)\n", false),
            ("Name:\tnginx2\nState:\tR (running)\n", false),
            ("Name:\tnginx\n", false),
            ("", false),
        ] {
            assert_eq!(runs(status, "nginx"), expected, "{status}");
        }
    }

    #[test]
    fn a_signal_that_is_pending_or_blocked_is_held() {
        let status = |pending: u32, shared: u32, blocked: u32| {
            format!("SigPnd:\t{pending:016x}\nShdPnd:\t{shared:016x}\nSigBlk:\t{blocked:016x}\n")
        };
        assert!(!is_held(&status(2, 2, 2), 1));
        for (pending, shared, blocked) in [(1, 0, 0), (0, 1, 0), (0, 0, 1)] {
            assert!(is_held(&status(pending, shared, blocked), 1));
        }
        assert!(is_held("SigPnd:\t0000000000000000\n", 1) && is_held("", 1));
    }

    #[test]
    fn command_lines_are_parsed() {
        assert_eq!(
            arguments(b"haproxy\0-W\0-f\0/etc/haproxy.cfg\0"),
            [&b"haproxy"[..], b"-W", b"-f", b"/etc/haproxy.cfg"]
        );
        assert_eq!(arguments(b"nginx: master process nginx"), [&b"nginx: master process nginx"[..]]);
        assert_eq!(arguments(b"a\0\0"), [&b"a"[..], b""]);
        assert!(arguments(b"").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in any::<String>()) {
            let _ = (stat(&text), masks(&text), arguments(text.as_bytes()));
        }

        #[test]
        fn every_field_is_parsed(pid in 1u32.., parent in any::<u32>(), comm in "[ -~]{0,15}", started in any::<u64>()) {
            let text = format!("{pid} ({comm}) S {parent} 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {started} 0 0\n");
            let process = stat(&text).unwrap();
            prop_assert_eq!((process.pid, process.parent, process.comm, process.started), (pid, parent, comm, started));
        }
    }
}
