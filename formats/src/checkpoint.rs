//! The checkpoint: the weights one device adapted, bound to their artifact.
//!
//! Only what adapts is stored, so a checkpoint is as small as the adapting
//! tensors and means nothing without its artifact. Both directions work on
//! caller-provided memory.

use core::fmt;

use crate::artifact::ArtifactId;
use crate::fields::{u16_at, u32_at};

/// The first eight bytes.
pub const MAGIC: [u8; 8] = *b"\x89MAMW\r\n\x1a";
/// Readers refuse another major version.
pub const MAJOR: u16 = 1;
/// Readers accept any minor version up to this one.
pub const MINOR: u16 = 0;
/// Bytes before the weights.
pub const PREFIX: usize = 40;
/// Where the checksum stands in the prefix.
const CHECKSUM_AT: usize = 36;

/// A view of a checkpoint whose structure has been checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Checkpoint<'a> {
    /// The artifact whose initialisation was adapted.
    pub artifact: ArtifactId,
    /// How many inner steps led to these weights.
    pub steps: u32,
    /// The support loss before the first step.
    pub loss_before: f32,
    /// The support loss after the last step.
    pub loss_after: f32,
    /// The adapted tensors one behind the other, little-endian f32.
    pub weights: &'a [u8],
}

/// Why bytes are no checkpoint, or why one cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The bytes end before the checkpoint does, or the buffer to write to
    /// is smaller than the checkpoint.
    TooShort {
        /// Bytes the checkpoint has.
        needed: usize,
        /// Bytes there are.
        given: usize,
    },
    /// The first eight bytes are not [`MAGIC`].
    NotACheckpoint,
    /// The checkpoint was written for another version of the format.
    Version {
        /// Major version of the file.
        major: u16,
        /// Minor version of the file.
        minor: u16,
    },
    /// The bytes have changed since they were written.
    Checksum {
        /// The checksum in the file.
        stored: u32,
        /// The checksum of the bytes.
        computed: u32,
    },
    /// More weights than a checkpoint can count.
    TooManyWeights,
}

/// How many bytes a checkpoint of `weights` numbers has.
pub const fn size(weights: usize) -> usize {
    PREFIX.saturating_add(weights.saturating_mul(4))
}

impl<'a> Checkpoint<'a> {
    /// Checks the structure of `bytes`. The checkpoint may be followed by
    /// anything, as a flash page is larger than what was written to it.
    ///
    /// # Errors
    /// [`CheckpointError`] names the first thing that is wrong. Never panics.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, CheckpointError> {
        let given = bytes.len();
        let too_short = CheckpointError::TooShort {
            needed: PREFIX,
            given,
        };
        let word = |at: usize| u32_at(bytes, at).ok_or(too_short);
        let stored = word(CHECKSUM_AT)?;
        if bytes.first_chunk() != Some(&MAGIC) {
            return Err(CheckpointError::NotACheckpoint);
        }
        let major = u16_at(bytes, 8).ok_or(too_short)?;
        let minor = u16_at(bytes, 10).ok_or(too_short)?;
        if major != MAJOR || minor > MINOR {
            return Err(CheckpointError::Version { major, minor });
        }
        let needed = size(word(20)? as usize);
        let whole = bytes
            .get(..needed)
            .and_then(|bytes| bytes.split_at_checked(PREFIX));
        let Some((prefix, weights)) = whole else {
            return Err(CheckpointError::TooShort { needed, given });
        };
        let computed = crate::crc32::of(&[prefix.get(..CHECKSUM_AT).unwrap_or_default(), weights]);
        if stored != computed {
            return Err(CheckpointError::Checksum { stored, computed });
        }
        Ok(Checkpoint {
            artifact: ArtifactId {
                crc32: word(12)?,
                length: word(16)?,
            },
            steps: word(24)?,
            loss_before: f32::from_bits(word(28)?),
            loss_after: f32::from_bits(word(32)?),
            weights,
        })
    }

    /// Writes the checkpoint of `weights` to `out` and returns the bytes used.
    /// [`Checkpoint::weights`] of `self` is not looked at.
    ///
    /// # Errors
    /// [`CheckpointError::TooShort`] where `out` is smaller than [`size`] says;
    /// `out` is untouched then.
    pub fn write(&self, weights: &[f32], out: &mut [u8]) -> Result<usize, CheckpointError> {
        let (given, needed) = (out.len(), size(weights.len()));
        let count = u32::try_from(weights.len()).map_err(|_| CheckpointError::TooManyWeights)?;
        let too_short = CheckpointError::TooShort { needed, given };
        let out = out.get_mut(..needed).ok_or(too_short)?;
        let (prefix, body) = out.split_first_chunk_mut::<PREFIX>().ok_or(too_short)?;
        for (bytes, value) in body.as_chunks_mut::<4>().0.iter_mut().zip(weights) {
            *bytes = value.to_le_bytes();
        }
        let version = u32::from(MAJOR) | u32::from(MINOR) << 16;
        let words = [
            version,
            self.artifact.crc32,
            self.artifact.length,
            count,
            self.steps,
            self.loss_before.to_bits(),
            self.loss_after.to_bits(),
        ];
        let (magic, fields) = prefix.split_at_mut(MAGIC.len());
        magic.copy_from_slice(&MAGIC);
        let fields = fields.as_chunks_mut::<4>().0;
        for (bytes, word) in fields.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        let computed = crate::crc32::of(&[prefix.get(..CHECKSUM_AT).unwrap_or_default(), body]);
        if let Some(bytes) = prefix.last_chunk_mut::<4>() {
            *bytes = computed.to_le_bytes();
        }
        Ok(needed)
    }
}

/// CRC-32 of weights as they stand in a checkpoint: what two executors compare
/// to know that they adapted to the same bits.
pub fn weights_crc32(weights: &[f32]) -> u32 {
    crate::crc32::of_f32(weights)
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { needed, given } => {
                write!(f, "the checkpoint has {needed} bytes, {given} are there")
            }
            Self::NotACheckpoint => write!(f, "not a mamlet checkpoint: the magic is missing"),
            Self::Version { major, minor } => write!(
                f,
                "checkpoint format {major}.{minor}, this reader knows {MAJOR}.0 to {MAJOR}.{MINOR}"
            ),
            Self::Checksum { stored, computed } => write!(
                f,
                "corrupt: the checksum is {computed:08x}, the checkpoint says {stored:08x}"
            ),
            Self::TooManyWeights => write!(f, "more than 4 294 967 295 weights"),
        }
    }
}

impl core::error::Error for CheckpointError {}
