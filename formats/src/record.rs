//! The record: what stands in flash before a checkpoint, and makes it count.
//!
//! A store of checkpoints is flash with records in it. A record begins at a
//! multiple of [`ALIGNMENT`]: a prefix of [`PREFIX`] bytes, then as much as the prefix
//! says, which is a checkpoint, or nothing where the profile was removed. The
//! prefix is written after everything else. So a record whose writing was cut
//! short has no prefix, and is none.

use core::fmt;

use crate::prefix::{self, Format};

/// The first eight bytes.
pub const MAGIC: [u8; 8] = *b"\x89MAMS\r\n\x1a";
/// Readers refuse another major version.
pub const MAJOR: u16 = 1;
/// Readers accept any minor version up to this one.
pub const MINOR: u16 = 0;
/// Bytes of a prefix.
pub const PREFIX: usize = 32;
/// Records begin at multiples of this from the start of the store.
pub const ALIGNMENT: usize = 64;

const FORMAT: Format = Format {
    magic: MAGIC,
    major: MAJOR,
    minor: MINOR,
};

/// The prefix of a record.
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
    /// The prefix that these bytes are; `None` where they are none, or damaged.
    ///
    /// # Errors
    /// [`UnknownVersion`]. Never panics.
    pub fn parse(bytes: &[u8; PREFIX]) -> Result<Option<Self>, UnknownVersion> {
        let Some(words) = FORMAT.words(bytes) else {
            return Ok(None);
        };
        let [version, generation, profile, length, reserved, checksum] = words;
        if checksum != prefix::checksum(bytes, &[]) {
            return Ok(None);
        }
        let unknown = |(major, minor)| UnknownVersion { major, minor };
        FORMAT.minor(version).map_err(unknown)?;
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
    pub fn encode(&self) -> [u8; PREFIX] {
        let fields = [self.generation, u32::from(self.profile), self.length, 0, 0];
        prefix::seal(FORMAT.encode(MINOR, fields), &[])
    }

    /// Bytes of a record that carries `length` bytes, up to where the next one
    /// may begin.
    pub const fn size(length: usize) -> usize {
        let whole = PREFIX.saturating_add(length);
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
