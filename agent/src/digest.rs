//! The digest of a volume: its files in byte order of their paths, each as path, NUL, length in decimal, NUL, content.
//! The agent compares digests of SipHash with a key of its own; /status shows SHA-256, of ConfigMaps only.

use alloc::{format, string::String};
use core::hash::Hasher;
use sha2::Digest as _;
use siphasher::sip128::{Hasher128, SipHasher24};

/// A digest under construction. How the bytes are cut into calls does not matter.
pub trait Digest {
    /// Adds bytes.
    fn update(&mut self, bytes: &[u8]);

    /// Adds a file's path and length; its content follows.
    fn start_file(&mut self, path: &[u8], length: u64) {
        self.update(path);
        self.update(format!("\0{length}\0").as_bytes());
    }
}

/// SipHash-2-4 with 128 bits of output: without the key, the digest of a Secret reveals nothing.
pub struct SipHash(SipHasher24);

impl SipHash {
    /// Starts with a 128-bit key.
    pub fn new([low, high]: [u64; 2]) -> SipHash {
        SipHash(SipHasher24::new_with_keys(low, high))
    }

    /// The digest.
    pub fn finish(&self) -> u128 {
        self.0.finish128().as_u128()
    }
}

impl Digest for SipHash {
    fn update(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
}

/// SHA-256, which anyone can compute for a ConfigMap.
#[derive(Default)]
pub struct Sha256(sha2::Sha256);

impl Sha256 {
    /// The digest, in lower-case hex.
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

impl Digest for Sha256 {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)] as char).collect()
}

/// Whether the digest leaves out a path: it is one of `ignored`, or below one.
pub fn is_ignored(path: &[u8], ignored: &[String]) -> bool {
    ignored
        .iter()
        .any(|out| path.strip_prefix(out.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const KEY: [u64; 2] = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];

    fn sip_hash(parts: &[&[u8]]) -> u128 {
        let mut hash = SipHash::new(KEY);
        parts.iter().for_each(|part| hash.update(part));
        hash.finish()
    }

    #[test]
    fn ignored_paths_include_everything_below_them() {
        let out = [String::from("token"), String::from("a/b")];
        for (path, expected) in
            [("token", true), ("token2", false), ("a/b", true), ("a/b/c", true), ("a/bc", false), ("a", false)]
        {
            assert_eq!(is_ignored(path.as_bytes(), &out), expected, "{path}");
        }
    }

    /// The same by hand: `printf 'app.yaml\0003\0a=1' | sha256sum`.
    #[test]
    fn can_be_computed_elsewhere() {
        let mut hash = Sha256::default();
        hash.start_file(b"app.yaml", 3);
        hash.update(b"a=1");
        assert_eq!(hash.finish(), "9b93a900357e24037ad2ffa7ab81e1a5600bfc3bc1c43fd488eb1b67456cd986");
    }

    /// FIPS 180-4 examples (csrc.nist.gov) and the empty message.
    #[test]
    fn sha256_agrees_with_the_standard() {
        let million = [b'a'; 1000].repeat(1000);
        for (input, expected) in [
            (&b""[..], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
            (&million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
        ] {
            let mut hash = Sha256::default();
            hash.update(input);
            assert_eq!(hash.finish(), expected);
        }
    }

    /// vectors.h of the reference implementation (github.com/veorq/SipHash), vectors_sip128.
    #[test]
    fn sip_hash_agrees_with_the_reference_vectors() {
        let input: Vec<u8> = (0..64).collect();
        for (length, expected) in [
            (0, 0xa3817f04ba25a8e66df67214c7550293),
            (1, 0xda87c1d86b99af44347659119b22fc45),
            (15, 0x5493e99933b0a8117e08ec0f97cfc3d9),
            (63, 0x5150d1772f50834a503e069a973fbd7c),
        ] {
            assert_eq!(sip_hash(&[&input[..length]]), u128::swap_bytes(expected), "{length}");
        }
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(bytes in proptest::collection::vec(any::<u8>(), 0..64), cut in 0usize..64) {
            let cut = cut.min(bytes.len());
            prop_assert_eq!(sip_hash(&[&bytes]), sip_hash(&[&bytes[..cut], &bytes[cut..]]));
        }
    }
}
