//! Secret random numbers.

use rustix::rand::{GetRandomFlags, getrandom};

/// Two secret random numbers.
pub fn random() -> [u64; 2] {
    let mut bytes = [0; 16];
    let _ = getrandom(&mut bytes, GetRandomFlags::empty());
    let (halves, _) = bytes.as_chunks::<8>();
    [u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1])]
}
