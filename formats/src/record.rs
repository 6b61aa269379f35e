//! The record: what stands in flash before a checkpoint, and makes it count.
//!
//! A store of checkpoints is flash with records in it. A record begins at a
//! multiple of [`ALIGNMENT`]: a head of [`HEAD`] bytes, then as much as the head
//! says, which is a checkpoint, or nothing where the profile was removed. The
//! head is written after everything else. So a record whose writing was cut
//! short has no head, and is none.

use core::fmt;

use crate::crc32;

/// The first eight bytes.
pub const MAGIC: [u8; 8] = *b"\x89MAMS\r\n\x1a";
/// Readers refuse another major version.
pub const MAJOR: u16 = 1;
/// Readers accept any minor version up to this one.
pub const MINOR: u16 = 0;
/// Bytes of a head.
pub const HEAD: usize = 32;
/// Records begin at multiples of this from the start of the store.
pub const ALIGNMENT: usize = 64;
/// Where the checksum stands in the head.
const CHECKSUM_AT: usize = 28;

/// The head of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The higher, the newer; no two records of a store have the same.
    pub generation: u32,
    /// Whose weights follow.
    pub profile: u8,
    /// Bytes that follow: those of a checkpoint, or 0 where the profile has
    /// been removed.
    pub length: u32,
}

/// A record was written for another version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownVersion {
    /// Major version of the record.
    pub major: u16,
    /// Minor version of the record.
    pub minor: u16,
}

impl Record {
    /// The head that these bytes are; `None` where they are none, or damaged.
    ///
    /// # Errors
    /// [`UnknownVersion`]. Never panics.
    pub fn parse(bytes: &[u8; HEAD]) -> Result<Option<Self>, UnknownVersion> {
        let (checked, _) = bytes.split_at(CHECKSUM_AT);
        let mut words = [0; 6];
        let (magic, fields) = bytes.split_at(MAGIC.len());
        for (word, bytes) in words.iter_mut().zip(fields.as_chunks().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        let [version, generation, profile, length, reserved, checksum] = words;
        if magic != MAGIC || checksum != crc32::of(&[checked]) {
            return Ok(None);
        }
        let (major, minor) = (version as u16, (version >> 16) as u16);
        if major != MAJOR || minor > MINOR {
            return Err(UnknownVersion { major, minor });
        }
        match u8::try_from(profile) {
            Ok(profile) if reserved == 0 => Ok(Some(Record {
                generation,
                profile,
                length,
            })),
            // Not what a writer of this version writes.
            _ => Ok(None),
        }
    }

    /// The bytes.
    pub fn encode(&self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        let (magic, fields) = bytes.split_at_mut(MAGIC.len());
        magic.copy_from_slice(&MAGIC);
        let words = [
            u32::from(MAJOR) | u32::from(MINOR) << 16,
            self.generation,
            u32::from(self.profile),
            self.length,
            0,
        ];
        for (bytes, word) in fields.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        let (checked, checksum) = bytes.split_at_mut(CHECKSUM_AT);
        checksum.copy_from_slice(&crc32::of(&[checked]).to_le_bytes());
        bytes
    }

    /// Bytes of a record that carries `length` bytes, up to where the next one
    /// may begin.
    pub const fn size(length: usize) -> usize {
        let whole = HEAD.saturating_add(length);
        match whole.checked_next_multiple_of(ALIGNMENT) {
            Some(size) => size,
            None => whole,
        }
    }
}

impl fmt::Display for UnknownVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "record format {}.{}, this reader knows {MAJOR}.0 to {MAJOR}.{MINOR}",
            self.major, self.minor
        )
    }
}

impl core::error::Error for UnknownVersion {}
