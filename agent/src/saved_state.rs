//! The state that the agent keeps over its own restarts (an OOM kill restarts only its container): lines `word value…` in
//! a file in an emptyDir. The file has two records, which are overwritten by turns, so that one of them is whole whenever
//! the agent or its node dies. A file without a whole record counts as missing.

use alloc::{format, string::String, vec::Vec};
use core::fmt::Write;
use core::iter::once;

/// The length of a record, and the place of the second one. A state that needs more is alone in its file.
pub const RECORD_BYTES: usize = 4096;

/// Then follow the checksum, and behind it what it covers: the turn, the state's text, and spaces up to the length.
const HEADER: &str = "hotreload 2 ";
/// Digits of a checksum, and of a turn.
const DIGITS: usize = 20;
const TEXT_BYTES: usize = RECORD_BYTES - HEADER.len() - 2 * DIGITS;

/// The last time that the agent ended its container.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct LastRestart {
    /// The time, milliseconds since 1970.
    pub at: u64,
    /// The start of the container's root process at that time, in clock ticks since boot.
    pub root: u64,
    /// The digest of the content that the restart was to load.
    pub digest: u128,
}

/// The content that a program has, or was sent the reload of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loaded {
    /// The volume.
    pub volume: String,
    /// The digest of the content.
    pub digest: u128,
    /// Whether the program has confirmed it; else the reload was sent, and nothing more is known.
    pub is_confirmed: bool,
}

/// The content of a record.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct SavedState {
    /// The key of the digests, chosen once per Pod.
    pub key: [u64; 2],
    /// The content last loaded of each volume.
    pub loaded: Vec<Loaded>,
    /// Signals that ended a program: never sent again.
    pub killed: Vec<u32>,
    /// The last restart.
    pub last_restart: Option<LastRestart>,
}

impl SavedState {
    /// The newest state in a file. None for another version, or if no record is whole.
    pub fn newest(file: &[u8]) -> Option<SavedState> {
        let records = once(file).chain(file.chunks(RECORD_BYTES)).filter_map(whole);
        records.max_by_key(|(turn, _)| *turn).map(|(_, state)| state)
    }

    /// The record of a state with this text, which wins over those of earlier turns.
    pub fn record(turn: u64, text: &str) -> String {
        let body = format!("{turn:0DIGITS$}{text:<TEXT_BYTES$}");
        format!("{HEADER}{:0DIGITS$}{body}", checksum(&body))
    }

    fn parse(text: &str) -> Option<SavedState> {
        let mut state = SavedState::default();
        let mut has_key = false;
        for line in text.lines() {
            let (word, value) = line.split_once(' ')?;
            match word {
                "key" => {
                    let key = hex(value)?;
                    state.key = [key as u64, (key >> 64) as u64];
                    has_key = true;
                }
                "loaded" | "sent" => {
                    // The path of a watched directory may contain a space.
                    let (volume, digest) = value.rsplit_once(' ')?;
                    let is_confirmed = word == "loaded";
                    state.loaded.push(Loaded { volume: volume.into(), digest: hex(digest)?, is_confirmed });
                }
                "restarted" => {
                    let mut words = value.split(' ');
                    let mut number = || words.next()?.parse::<u64>().ok();
                    let (at, root) = (number()?, number()?);
                    state.last_restart = Some(LastRestart { at, root, digest: hex(words.next()?)? });
                }
                "killed" => state.killed.push(value.parse().ok()?),
                _ => return None,
            }
        }
        has_key.then_some(state)
    }

    /// The state as text.
    pub fn text(&self) -> String {
        let key = u128::from(self.key[0]) | u128::from(self.key[1]) << 64;
        let mut text = format!("key {key:032x}\n");
        for Loaded { volume, digest, is_confirmed } in &self.loaded {
            let word = if *is_confirmed { "loaded" } else { "sent" };
            let _ = writeln!(text, "{word} {volume} {digest:032x}");
        }
        if let Some(last) = &self.last_restart {
            let _ = writeln!(text, "restarted {} {} {:032x}", last.at, last.root, last.digest);
        }
        for signal in &self.killed {
            let _ = writeln!(text, "killed {signal}");
        }
        text
    }

    /// The digest last loaded of a volume.
    pub fn loaded(&self, volume: &str) -> Option<u128> {
        self.loaded.iter().find(|loaded| loaded.volume == volume).map(|loaded| loaded.digest)
    }

    /// Records what a program has, or was sent the reload of. What it has confirmed once it need not confirm again.
    pub fn set_loaded(&mut self, volume: &str, digest: u128, is_confirmed: bool) {
        match self.loaded.iter_mut().find(|loaded| loaded.volume == volume) {
            Some(loaded) if loaded.digest == digest => loaded.is_confirmed |= is_confirmed,
            Some(loaded) => (loaded.digest, loaded.is_confirmed) = (digest, is_confirmed),
            None => self.loaded.push(Loaded { volume: volume.into(), digest, is_confirmed }),
        }
    }

    /// Records that nobody knows what a program has of a volume.
    pub fn forget(&mut self, volume: &str) {
        self.loaded.retain(|loaded| loaded.volume != volume);
    }

    /// Whether the program has confirmed everything that is recorded.
    pub fn is_confirmed(&self) -> bool {
        self.loaded.iter().all(|loaded| loaded.is_confirmed)
    }
}

/// The turn and the state of a record that was written to its end.
fn whole(record: &[u8]) -> Option<(u64, SavedState)> {
    let (sum, body) = str::from_utf8(record).ok()?.strip_prefix(HEADER)?.split_at_checked(DIGITS)?;
    let (turn, text) = body.split_at_checked(DIGITS).filter(|_| sum.parse() == Ok(checksum(body)))?;
    Some((turn.parse().ok()?, SavedState::parse(text.trim_end_matches(' '))?))
}

/// FNV-1a finds what is torn; whoever may write the file may write any state.
fn checksum(body: &str) -> u64 {
    body.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn hex(text: &str) -> Option<u128> {
    let plain = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u128::from_str_radix(text, 16).ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn loaded(volume: &str, digest: u128, is_confirmed: bool) -> Loaded {
        Loaded { volume: volume.into(), digest, is_confirmed }
    }

    #[test]
    fn what_was_only_sent_is_confirmed_later_or_replaced() {
        let mut state = SavedState::default();
        state.set_loaded("conf", 1, true);
        state.set_loaded("tls", 1, false);
        assert!(!state.is_confirmed());
        state.set_loaded("tls", 1, true);
        state.set_loaded("tls", 1, false);
        assert!(state.is_confirmed());
        state.set_loaded("conf", 2, false);
        assert_eq!(state.loaded, [loaded("conf", 2, false), loaded("tls", 1, true)]);
    }

    fn state(digest: u128) -> SavedState {
        SavedState {
            key: [1, 2],
            loaded: [loaded("conf", digest, true)].into(),
            killed: [1].into(),
            last_restart: None,
        }
    }

    fn record(turn: u64, digest: u128) -> Vec<u8> {
        SavedState::record(turn, &state(digest).text()).into()
    }

    #[test]
    fn a_record_that_is_not_whole_is_never_read() {
        let good = record(7, 3);
        assert_eq!(good.len(), RECORD_BYTES);
        assert_eq!(SavedState::newest(&good), Some(state(3)));
        for at in 0..good.len() {
            assert_eq!(SavedState::newest(&good[..at]), None, "cut at {at}");
            let mut torn = good.clone();
            torn[at] ^= 1;
            assert_eq!(SavedState::newest(&torn), None, "changed at {at}");
        }
        for bad in ["", "hotreload 1\nkey 1\n", "hotreload 2 \n", &SavedState::record(0, "nonsense\n")] {
            assert_eq!(SavedState::newest(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn the_newest_whole_record_counts() {
        let file = |first: &[u8], second: &[u8]| SavedState::newest(&[first, second].concat());
        let (older, newer) = (record(9, 1), record(10, 2));
        assert_eq!(file(&older, &newer), Some(state(2)));
        assert_eq!(file(&newer, &older), Some(state(2)));
        for end in (0..RECORD_BYTES).step_by(64) {
            let torn = [&newer[..end], &record(8, 0)[end..]].concat();
            let expected = if torn == newer { 2 } else { 1 };
            assert_eq!(file(&older, &torn), Some(state(expected)), "torn at {end}");
        }
    }

    #[test]
    fn a_state_may_be_longer_than_a_record() {
        let loaded = (0..100).map(|number| loaded(&format!("volume-{number}"), number, true)).collect();
        let state = SavedState { loaded, ..state(0) };
        let record = SavedState::record(0, &state.text());
        assert!(record.len() > RECORD_BYTES);
        assert_eq!(SavedState::newest(record.as_bytes()), Some(state));
    }

    proptest! {
        #[test]
        fn a_written_state_is_read_back(key in any::<[u64; 2]>(), restarted in proptest::option::of(any::<(u64, u64, u128)>()), volumes in proptest::collection::vec(("[a-z0-9-]{1,20}", any::<u128>(), any::<bool>()), 0..4), killed in proptest::collection::vec(1u32..32, 0..3)) {
            let last_restart = restarted.map(|(at, root, digest)| LastRestart { at, root, digest });
            let loaded = volumes.iter().map(|(volume, digest, is_confirmed)| loaded(volume, *digest, *is_confirmed)).collect();
            let state = SavedState { key, loaded, killed, last_restart };
            let record = SavedState::record(key[0], &state.text());
            prop_assert_eq!(SavedState::newest(record.as_bytes()), Some(state));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in any::<String>()) {
            let _ = SavedState::parse(&text);
        }
    }
}
