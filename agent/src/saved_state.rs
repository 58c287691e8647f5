//! The state that the agent keeps over its own restarts (an OOM kill restarts only its container): a file of lines
//! `word value…` in an emptyDir. A file that can't be read counts as missing.

use alloc::{format, string::String, vec::Vec};
use core::fmt::Write;

const HEADER: &str = "hotreload 1";

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

/// The content of the file.
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
    /// Parses the file's text. None for another version, or if one line can't be parsed.
    pub fn parse(text: &str) -> Option<SavedState> {
        let body = text.strip_prefix(HEADER)?.strip_prefix('\n')?;
        let mut state = SavedState::default();
        let mut has_key = false;
        for line in body.lines() {
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

    /// The file's text.
    pub fn text(&self) -> String {
        let key = u128::from(self.key[0]) | u128::from(self.key[1]) << 64;
        let mut text = format!("{HEADER}\nkey {key:032x}\n");
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

    #[test]
    fn a_broken_file_is_never_read_in_part() {
        let good = SavedState {
            key: [1, 2],
            loaded: [loaded("conf", 3, true)].into(),
            killed: [1].into(),
            last_restart: None,
        }
        .text();
        assert!(SavedState::parse(&good).is_some());
        for end in (0..good.len()).filter(|end| !good[..*end].ends_with('\n') && *end + 1 != good.len()) {
            let cut = &good[..end];
            assert!(
                SavedState::parse(cut).is_none_or(|state| cut.ends_with("killed 1") || state.killed.is_empty()),
                "{cut}"
            );
        }
        for bad in ["", "hotreload 2\n", "hotreload 1\n", "hotreload 1\nkey 1\n", "hotreload 1\nnonsense\n"] {
            assert_eq!(SavedState::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_written_state_is_read_back(key in any::<[u64; 2]>(), restarted in proptest::option::of(any::<(u64, u64, u128)>()), volumes in proptest::collection::vec(("[a-z0-9-]{1,20}", any::<u128>(), any::<bool>()), 0..4), killed in proptest::collection::vec(1u32..32, 0..3)) {
            let last_restart = restarted.map(|(at, root, digest)| LastRestart { at, root, digest });
            let loaded = volumes.iter().map(|(volume, digest, is_confirmed)| loaded(volume, *digest, *is_confirmed)).collect();
            let state = SavedState { key, loaded, killed, last_restart };
            prop_assert_eq!(SavedState::parse(&state.text()), Some(state));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in any::<String>()) {
            let _ = SavedState::parse(&text);
        }
    }
}
