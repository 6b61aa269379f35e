//! Little-endian integers at fixed offsets of a byte slice.

/// The `u32` at byte `at`, or `None` where the slice ends before.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}
