//! What the agent remembers over its own restarts (an OOM kill restarts only its container): a file of lines
//! `word value…` in an emptyDir. What can't be read counts as never written.

use alloc::{format, string::String, vec::Vec};
use core::fmt::Write;

const HEADER: &str = "hotreload 1";

/// The last time that the agent ended its container.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Restarted {
    /// When, milliseconds since 1970.
    pub at: u64,
    /// Start of the container's root process then, in clock ticks since boot.
    pub root: u64,
    /// Digest of what it was to load.
    pub digest: u128,
}

/// The content of the file.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Memory {
    /// The digests' key: chosen once for the Pod's life.
    pub key: [u64; 2],
    /// Digest last loaded, by volume.
    pub loaded: Vec<(String, u128)>,
    /// Signals whose receiver ended of them: never sent again.
    pub killed: Vec<u32>,
    /// The last restart.
    pub restarted: Option<Restarted>,
}

impl Memory {
    /// Reads the file's text. None for another version, or for text of which a line can't be read.
    pub fn parse(text: &str) -> Option<Memory> {
        let body = text.strip_prefix(HEADER)?.strip_prefix('\n')?;
        let mut memory = Memory::default();
        let mut keyed = false;
        for line in body.lines() {
            let (word, value) = line.split_once(' ')?;
            match word {
                "key" => {
                    let key = hex(value)?;
                    memory.key = [key as u64, (key >> 64) as u64];
                    keyed = true;
                }
                "loaded" => {
                    // A directory watched by its path may have a space in it.
                    let (volume, digest) = value.rsplit_once(' ')?;
                    memory.loaded.push((volume.into(), hex(digest)?));
                }
                "restarted" => {
                    let mut words = value.split(' ');
                    let mut number = || words.next()?.parse::<u64>().ok();
                    let (at, root) = (number()?, number()?);
                    memory.restarted = Some(Restarted { at, root, digest: hex(words.next()?)? });
                }
                "killed" => memory.killed.push(value.parse().ok()?),
                _ => return None,
            }
        }
        keyed.then_some(memory)
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let key = u128::from(self.key[0]) | u128::from(self.key[1]) << 64;
        let mut text = format!("{HEADER}\nkey {key:032x}\n");
        for (volume, digest) in &self.loaded {
            let _ = writeln!(text, "loaded {volume} {digest:032x}");
        }
        if let Some(last) = &self.restarted {
            let _ = writeln!(text, "restarted {} {} {:032x}", last.at, last.root, last.digest);
        }
        for signal in &self.killed {
            let _ = writeln!(text, "killed {signal}");
        }
        text
    }

    /// The digest last loaded of a volume.
    pub fn loaded(&self, volume: &str) -> Option<u128> {
        self.loaded.iter().find(|(name, _)| name == volume).map(|(_, digest)| *digest)
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

    #[test]
    fn broken_files_are_never_half_believed() {
        let good =
            Memory { key: [1, 2], loaded: [("conf".into(), 3)].into(), killed: [1].into(), restarted: None }.text();
        assert!(Memory::parse(&good).is_some());
        for end in (0..good.len()).filter(|end| !good[..*end].ends_with('\n') && *end + 1 != good.len()) {
            let cut = &good[..end];
            assert!(
                Memory::parse(cut).is_none_or(|memory| cut.ends_with("killed 1") || memory.killed.is_empty()),
                "{cut}"
            );
        }
        for bad in ["", "hotreload 2\n", "hotreload 1\n", "hotreload 1\nkey 1\n", "hotreload 1\nnonsense\n"] {
            assert_eq!(Memory::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn is_read_back(key in any::<[u64; 2]>(), restarted in proptest::option::of(any::<(u64, u64, u128)>()), loaded in proptest::collection::vec(("[a-z0-9-]{1,20}", any::<u128>()), 0..4), killed in proptest::collection::vec(1u32..32, 0..3)) {
            let restarted = restarted.map(|(at, root, digest)| Restarted { at, root, digest });
            let memory = Memory { key, loaded, killed, restarted };
            prop_assert_eq!(Memory::parse(&memory.text()), Some(memory));
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = Memory::parse(&text);
        }
    }
}
