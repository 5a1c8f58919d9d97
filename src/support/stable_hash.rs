//! A hash that is the same in every process, of every release: for names and identities that leave
//! the process. Whoever could gain by two texts with one hash must not be able to choose them.

/// FNV-1a over texts, of which the borders count too.
pub fn stable_hash<'a>(texts: impl IntoIterator<Item = &'a str>) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    // No text has this byte (it is none of UTF-8).
    let bytes = texts.into_iter().flat_map(|text| text.bytes().chain([0xff]));
    bytes.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests;
