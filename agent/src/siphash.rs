//! SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, "SipHash: a fast short-input PRF"; the 128-bit variant of
//! the reference code): keyed, so that the digest of a Secret says nothing to who has not the key.

/// A digest under construction.
pub struct SipHash {
    state: [u64; 4],
    tail: [u8; 8],
    length: u64,
}

impl SipHash {
    /// Starts with a 128-bit key.
    pub fn new(key: [u64; 2]) -> SipHash {
        let [k0, k1] = key;
        let state = [
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        SipHash { state, tail: [0; 8], length: 0 }
    }

    /// In line and in registers although the build is for size: as a call, it was the largest share of the time to the signal.
    #[inline(always)]
    fn round([mut v0, mut v1, mut v2, mut v3]: [u64; 4]) -> [u64; 4] {
        v0 = v0.wrapping_add(v1);
        v2 = v2.wrapping_add(v3);
        v1 = v1.rotate_left(13) ^ v0;
        v3 = v3.rotate_left(16) ^ v2;
        v0 = v0.rotate_left(32);
        v2 = v2.wrapping_add(v1);
        v0 = v0.wrapping_add(v3);
        v1 = v1.rotate_left(17) ^ v2;
        v3 = v3.rotate_left(21) ^ v0;
        v2 = v2.rotate_left(32);
        [v0, v1, v2, v3]
    }

    #[inline(always)]
    fn words(&mut self, words: &[[u8; 8]]) {
        let mut state = self.state;
        for word in words {
            let word = u64::from_le_bytes(*word);
            state[3] ^= word;
            state = Self::round(Self::round(state));
            state[0] ^= word;
        }
        self.state = state;
    }

    /// Adds bytes; how they are cut into calls does not matter.
    pub fn update(&mut self, mut bytes: &[u8]) {
        let held = (self.length % 8) as usize;
        self.length += bytes.len() as u64;
        if held > 0 {
            let taken = bytes.len().min(8 - held);
            self.tail[held..held + taken].copy_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if held + taken < 8 {
                return;
            }
            self.words(&[self.tail]);
        }
        let (words, rest) = bytes.as_chunks::<8>();
        self.words(words);
        self.tail[..rest.len()].copy_from_slice(rest);
    }

    /// The digest.
    pub fn finish(mut self) -> u128 {
        let held = (self.length % 8) as usize;
        self.tail[held..].fill(0);
        self.tail[7] = self.length as u8;
        self.words(&[self.tail]);
        let mut halves = [0u64; 2];
        for (half, mark) in halves.iter_mut().zip([(2, 0xee), (1, 0xdd)]) {
            self.state[mark.0] ^= mark.1;
            (0..4).for_each(|_| self.state = Self::round(self.state));
            *half = self.state.iter().fold(0, |all, part| all ^ part);
        }
        u128::from(halves[0]) | u128::from(halves[1]) << 64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn key() -> [u64; 2] {
        [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]
    }

    fn digest(parts: &[&[u8]]) -> [u8; 16] {
        let mut hash = SipHash::new(key());
        parts.iter().for_each(|part| hash.update(part));
        hash.finish().to_le_bytes()
    }

    /// vectors.h of the reference implementation (github.com/veorq/SipHash), vectors_sip128.
    #[test]
    fn agrees_with_the_reference_vectors() {
        let input: Vec<u8> = (0..64).collect();
        let hex = |text: &str| u128::from_str_radix(text, 16).unwrap().to_be_bytes();
        for (length, expected) in [
            (0, "a3817f04ba25a8e66df67214c7550293"),
            (1, "da87c1d86b99af44347659119b22fc45"),
            (15, "5493e99933b0a8117e08ec0f97cfc3d9"),
            (63, "5150d1772f50834a503e069a973fbd7c"),
        ] {
            assert_eq!(digest(&[&input[..length]]), hex(expected), "{length}");
        }
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(bytes in proptest::collection::vec(any::<u8>(), 0..64), cut in 0usize..64) {
            let cut = cut.min(bytes.len());
            prop_assert_eq!(digest(&[&bytes]), digest(&[&bytes[..cut], &bytes[cut..]]));
        }
    }
}
