//! Decides from inotify(7) events when the content of a volume has changed. The kubelet's AtomicWriter (k8s.io/kubernetes
//! pkg/volume/util/atomic_writer.go) creates `..<timestamp>`, creates `..data_tmp`, renames it over `..data`, and only
//! then makes the symlinks of new keys and removes those of old ones (the last 160–465 µs later).

use core::ffi::CStr;

/// Milliseconds after which an incomplete swap counts all the same: a foreign file beside the keys must not delay it longer.
pub const COMPLETE_WITHIN_MS: u64 = 50;
/// Milliseconds without an event, where several volumes of a Pod swap together (up to 1 ms apart) or one has no `..data`.
pub const SETTLE_MS: u64 = 100;
/// Milliseconds after which a volume with constant events is loaded all the same.
pub const SETTLE_AT_MOST_MS: u64 = 1_000;
/// Attempts to read a volume, each of which a swap may disturb.
const READS_AT_MOST: u32 = 5;
/// The symlink that the kubelet renames.
pub const DATA: &str = "..data";

/// A digest of the keys among the names in a directory, in any order. A swap is complete when the digest of the names
/// beside `..data` is that of the names inside it.
pub fn keys<'a>(names: impl Iterator<Item = &'a CStr>) -> u64 {
    // FNV-1a: names are short, and there is nothing to gain from two that agree.
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let digest = |name: &CStr| name.to_bytes().iter().fold(0xcbf2_9ce4_8422_2325, step);
    names.filter(|name| !name.to_bytes().starts_with(b"..")).map(digest).fold(0, u64::wrapping_add)
}

/// The state of a volume's swap between events.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Swap {
    since: Option<u64>,
}

/// What follows from an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SwapCheck {
    /// Nothing.
    Ignore,
    /// The caller has to check whether the swap is complete, then call `checked`.
    Check,
    /// The content may have changed.
    Changed,
}

impl Swap {
    /// Takes an event for `name` at `now` (milliseconds). `atomic`: the volume has a `..data`.
    pub fn event(&mut self, atomic: bool, name: &[u8], now: u64) -> SwapCheck {
        // It is new, or the kubelet removed the volume.
        if name == DATA.as_bytes() {
            self.since = Some(now);
        }
        match (self.since, atomic) {
            (Some(_), _) => SwapCheck::Check,
            (None, true) => SwapCheck::Ignore,
            (None, false) => SwapCheck::Changed,
        }
    }

    /// Starts a swap that the caller found without an event.
    pub fn found(&mut self, now: u64) {
        self.since = Some(now);
    }

    /// Takes the result of a check.
    pub fn checked(&mut self, complete: bool, now: u64) -> SwapCheck {
        match self.deadline() {
            Some(deadline) if complete || now >= deadline => {
                self.since = None;
                SwapCheck::Changed
            }
            _ => SwapCheck::Ignore,
        }
    }

    /// The time of the next check if no event comes, milliseconds.
    pub fn deadline(&self) -> Option<u64> {
        self.since.map(|since| since + COMPLETE_WITHIN_MS)
    }
}

/// Reads at once again what a swap has disturbed, a few times.
pub fn undisturbed<T, E>(mut read: impl FnMut() -> Result<T, E>, is_disturbed: impl Fn(&E) -> bool) -> Result<T, E> {
    let mut left = READS_AT_MOST;
    loop {
        left -= 1;
        match read() {
            Err(error) if left > 0 && is_disturbed(&error) => {}
            found => return found,
        }
    }
}

/// Milliseconds to wait after the last event before the content is read.
pub fn settle(volumes: usize, all_atomic: bool) -> u64 {
    if volumes > 1 || !all_atomic { SETTLE_MS } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_is_complete_when_the_keys_agree() {
        for (inside, beside, expected) in [
            (&[c"a", c"b"][..], &[c"..data", c"..2026", c"b", c"a"][..], true),
            (&[c"a", c"b"], &[c"..data", c"a"], false),
            (&[c"a"], &[c"..data", c"a", c"old"], false),
            (&[c"a", c"b"], &[c"..data", c"a", c"c"], false),
            (&[], &[c"..data"], true),
        ] {
            assert_eq!(keys(inside.iter().copied()) == keys(beside.iter().copied()), expected, "{inside:?} {beside:?}");
        }
    }

    #[test]
    fn the_kubelets_sequence_is_one_change() {
        let mut swap = Swap::default();
        for name in [&b"..2026_11_20"[..], b"..data_tmp"] {
            assert_eq!(swap.event(true, name, 0), SwapCheck::Ignore);
        }
        assert_eq!(swap.event(true, b"..data", 1), SwapCheck::Check);
        assert_eq!(swap.checked(false, 1), SwapCheck::Ignore);
        assert_eq!(swap.event(true, b"new-key", 2), SwapCheck::Check);
        assert_eq!(swap.checked(true, 2), SwapCheck::Changed);
        assert_eq!(swap.event(true, b"..2026_11_19", 3), SwapCheck::Ignore);
        assert_eq!(swap.deadline(), None);
    }

    #[test]
    fn an_incomplete_swap_counts_after_50_ms() {
        let mut swap = Swap::default();
        swap.event(true, b"..data", 10);
        assert_eq!(swap.deadline(), Some(60));
        assert_eq!(swap.checked(false, 59), SwapCheck::Ignore);
        assert_eq!(swap.checked(false, 60), SwapCheck::Changed);
    }

    #[test]
    fn a_file_written_in_place_is_a_change_at_once() {
        assert_eq!(Swap::default().event(false, b"tls.crt", 0), SwapCheck::Changed);
    }

    #[test]
    fn only_data_itself_starts_a_swap() {
        let mut swap = Swap::default();
        assert_eq!(swap.event(true, b"..data_tmp", 1), SwapCheck::Ignore);
        assert_eq!(swap.event(true, b"tls.crt", 1), SwapCheck::Ignore);
        assert_eq!(swap.deadline(), None);
    }

    #[test]
    fn a_swap_found_without_an_event_is_checked() {
        let mut swap = Swap::default();
        swap.found(10);
        assert_eq!(swap.deadline(), Some(60));
        assert_eq!(swap.checked(true, 11), SwapCheck::Changed);
    }

    #[test]
    fn what_a_swap_disturbs_is_read_again_a_few_times() {
        for (results, expected) in [
            (&[Ok(1)][..], Ok(1)),
            (&[Err("swap"), Err("swap"), Ok(3)], Ok(3)),
            (&[Err("other"), Ok(2)], Err("other")),
            (&[Err("swap"); 6], Err("swap")),
        ] {
            let mut left = results.iter();
            assert_eq!(undisturbed(|| *left.next().unwrap(), |error| *error == "swap"), expected);
        }
    }

    #[test]
    fn only_one_atomic_volume_is_read_at_once() {
        for (volumes, all_atomic, expected) in
            [(1, true, 0), (2, true, SETTLE_MS), (1, false, SETTLE_MS), (2, false, SETTLE_MS)]
        {
            assert_eq!(settle(volumes, all_atomic), expected, "{volumes} {all_atomic}");
        }
    }
}
