//! What every file begins with: a magic of eight bytes, the version, fields of
//! four bytes, and a CRC-32. All of it is little-endian.

use crate::crc32;

/// Bytes of the magic.
const MAGIC: usize = 8;
/// Bytes of the CRC-32, which is the last field of a prefix.
pub(crate) const CHECKSUM: usize = 4;

/// A format: its magic, and the versions that this reader knows.
pub(crate) struct Format {
    /// The first eight bytes.
    pub magic: [u8; MAGIC],
    /// The one major version that is read.
    pub major: u16,
    /// The highest minor version that is read.
    pub minor: u16,
}

impl Format {
    /// The words behind the magic: the version, the fields, and the checksum.
    /// `None` where the magic is another.
    #[inline(always)]
    pub fn words<const WORDS: usize, const BYTES: usize>(
        &self,
        prefix: &[u8; BYTES],
    ) -> Option<[u32; WORDS]> {
        const { assert!(BYTES == MAGIC + 4 * WORDS) };
        let (magic, fields) = prefix.split_first_chunk::<MAGIC>()?;
        // As one number: a comparison of bytes would be a call.
        if u64::from_le_bytes(*magic) != u64::from_le_bytes(self.magic) {
            return None;
        }
        let mut words = [0; WORDS];
        for (word, bytes) in words.iter_mut().zip(fields.as_chunks().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        Some(words)
    }

    /// The minor version.
    ///
    /// # Errors
    /// Major and minor version where this reader does not know them.
    #[inline(always)]
    pub fn minor(&self, version: u32) -> Result<u16, (u16, u16)> {
        let (major, minor) = (version as u16, (version >> 16) as u16);
        match major == self.major && minor <= self.minor {
            true => Ok(minor),
            false => Err((major, minor)),
        }
    }

    /// A prefix with these fields, of which the last is the checksum.
    pub fn encode<const WORDS: usize, const BYTES: usize>(
        &self,
        minor: u16,
        fields: [u32; WORDS],
    ) -> [u8; BYTES] {
        const { assert!(BYTES == MAGIC + 4 + 4 * WORDS) };
        let version = u32::from(self.major) | u32::from(minor) << 16;
        let mut bytes = [0; BYTES];
        let (magic, words) = bytes.split_at_mut(MAGIC);
        magic.copy_from_slice(&self.magic);
        let fields = [version].into_iter().chain(fields);
        for (bytes, field) in words.as_chunks_mut().0.iter_mut().zip(fields) {
            *bytes = field.to_le_bytes();
        }
        bytes
    }
}

/// A prefix without its checksum.
pub(crate) fn unsealed<const BYTES: usize>(prefix: &[u8; BYTES]) -> &[u8] {
    prefix.split_at(BYTES - CHECKSUM).0
}

/// The checksum of a prefix and of what follows it.
#[inline(always)]
pub(crate) fn checksum<const BYTES: usize>(prefix: &[u8; BYTES], rest: &[u8]) -> u32 {
    crc32::of(&[unsealed(prefix), rest])
}

/// Writes the checksum of a prefix, and of what follows it, to its last field.
pub(crate) fn seal<const BYTES: usize>(mut prefix: [u8; BYTES], rest: &[u8]) -> [u8; BYTES] {
    let checksum = checksum(&prefix, rest);
    let (_, field) = prefix.split_at_mut(BYTES - CHECKSUM);
    field.copy_from_slice(&checksum.to_le_bytes());
    prefix
}
