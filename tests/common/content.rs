//! Bodies whose every byte is known to both ends, so that a wrong byte is noticed.

use bytes::Bytes;
use std::sync::OnceLock;

/// The longest body that can be asked for.
pub const MAX_LENGTH: usize = 1 << 20;

/// The body of that seed and length: another seed gives other bytes. Costs no copy.
pub fn content(seed: u64, length: usize) -> Bytes {
    static NOISE: OnceLock<Bytes> = OnceLock::new();
    assert!(length <= MAX_LENGTH, "no body is longer than {MAX_LENGTH} bytes");
    let noise = NOISE.get_or_init(|| {
        let mut random = Random::new(1);
        (0..2 * MAX_LENGTH / 8).flat_map(|_| random.next().to_le_bytes()).collect::<Vec<_>>().into()
    });
    let offset = Random::new(seed).below(MAX_LENGTH as u64) as usize;
    noise.slice(offset..offset + length)
}

/// A small generator of random numbers (splitmix64): the same seed gives the same test.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `limit - 1`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
