//! The digest of a volume: its files in byte order of their paths, each as path, NUL, length in decimal, NUL, content.
//! Through SipHash with the agent's own key to compare; through SHA-256 where /status may show it (ConfigMaps only).

use crate::{sha256::Sha256, siphash::SipHash};
use alloc::{format, string::String};

/// Something that takes bytes.
pub trait Sink {
    /// Takes them.
    fn take(&mut self, bytes: &[u8]);

    /// Starts a file.
    fn file(&mut self, path: &[u8], length: u64) {
        self.take(path);
        self.take(format!("\0{length}\0").as_bytes());
    }
}

impl Sink for SipHash {
    fn take(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

impl Sink for Sha256 {
    fn take(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)] as char).collect()
}

/// Whether a path is left out: it is one of `ignored`, or below one.
pub fn ignored(path: &[u8], ignored: &[String]) -> bool {
    ignored
        .iter()
        .any(|out| path.strip_prefix(out.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_left_out_with_what_is_below() {
        let out = [String::from("token"), String::from("a/b")];
        for (path, expected) in
            [("token", true), ("token2", false), ("a/b", true), ("a/b/c", true), ("a/bc", false), ("a", false)]
        {
            assert_eq!(ignored(path.as_bytes(), &out), expected, "{path}");
        }
    }

    /// The same by hand: `printf 'app.yaml\0003\0a=1' | sha256sum`.
    #[test]
    fn can_be_computed_elsewhere() {
        let mut hash = Sha256::new();
        hash.file(b"app.yaml", 3);
        hash.take(b"a=1");
        assert_eq!(hex(&hash.finish()), "9b93a900357e24037ad2ffa7ab81e1a5600bfc3bc1c43fd488eb1b67456cd986");
    }
}
