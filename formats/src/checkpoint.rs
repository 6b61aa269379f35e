//! The checkpoint: the weights one board adapted, bound to their artifact.
//!
//! Only what adapts is stored, so a checkpoint is as small as the adapting
//! tensors and means nothing without its artifact. Both directions work on
//! caller-provided memory.

use core::fmt;

use crate::artifact::ArtifactId;
use crate::crc32::Crc32;
use crate::prefix::{self, Format};

/// The first eight bytes.
pub const MAGIC: [u8; 8] = *b"\x89MAMW\r\n\x1a";
/// Readers refuse another major version.
pub const MAJOR: u16 = 1;
/// Readers accept any minor version up to this one.
pub const MINOR: u16 = 0;
/// Bytes before the weights.
pub const PREFIX: usize = 40;

const FORMAT: Format = Format {
    magic: MAGIC,
    major: MAJOR,
    minor: MINOR,
};

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

/// A checkpoint without its weights: its first [`PREFIX`] bytes.
///
/// For those who read or write a checkpoint piece by piece, where there is no
/// memory for all of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prefix {
    /// The artifact whose initialisation was adapted.
    pub artifact: ArtifactId,
    /// How many weights follow.
    pub weights: u32,
    /// How many inner steps led to them.
    pub steps: u32,
    /// The support loss before the first step.
    pub loss_before: f32,
    /// The support loss after the last step.
    pub loss_after: f32,
    /// CRC-32 of the checkpoint but for these four bytes.
    pub checksum: u32,
}

impl Prefix {
    /// Reads it. The checksum is not checked: see [`digest`](Self::digest).
    ///
    /// # Errors
    /// [`CheckpointError::NotACheckpoint`] or [`CheckpointError::Version`].
    pub fn parse(bytes: &[u8; PREFIX]) -> Result<Self, CheckpointError> {
        let words = FORMAT.words(bytes);
        let [
            version,
            crc32,
            length,
            weights,
            steps,
            before,
            after,
            checksum,
        ] = words.ok_or(CheckpointError::NotACheckpoint)?;
        let unknown = |(major, minor)| CheckpointError::Version { major, minor };
        FORMAT.minor(version).map_err(unknown)?;
        Ok(Prefix {
            artifact: ArtifactId { crc32, length },
            weights,
            steps,
            loss_before: f32::from_bits(before),
            loss_after: f32::from_bits(after),
            checksum,
        })
    }

    /// The bytes, with [`checksum`](Self::checksum) as it is.
    pub fn encode(&self) -> [u8; PREFIX] {
        let fields = [
            self.artifact.crc32,
            self.artifact.length,
            self.weights,
            self.steps,
            self.loss_before.to_bits(),
            self.loss_after.to_bits(),
            self.checksum,
        ];
        FORMAT.encode(MINOR, fields)
    }

    /// A checksum that has seen the prefix: with all weights added, it is
    /// [`checksum`](Self::checksum) where nothing has changed.
    pub fn digest(&self) -> Crc32 {
        let mut digest = Crc32::new();
        digest.update(prefix::unsealed(&self.encode()));
        digest
    }

    /// The same with the checksum that belongs to `weights`.
    pub fn sealed(mut self, weights: &[f32]) -> Self {
        let mut digest = self.digest();
        digest.update_f32(weights);
        self.checksum = digest.finish();
        self
    }
}

impl<'a> Checkpoint<'a> {
    /// Checks the structure of `bytes`. The checkpoint may be followed by
    /// anything, as a flash page is larger than what was written to it.
    ///
    /// # Errors
    /// [`CheckpointError`] names the first thing that is wrong. Never panics.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, CheckpointError> {
        let given = bytes.len();
        let too_short = |needed| CheckpointError::TooShort { needed, given };
        let (prefix, rest) = bytes.split_first_chunk().ok_or(too_short(PREFIX))?;
        let prefix = Prefix::parse(prefix)?;
        let needed = size(prefix.weights as usize);
        let weights = rest.get(..needed - PREFIX).ok_or(too_short(needed))?;
        let mut digest = prefix.digest();
        digest.update(weights);
        let (stored, computed) = (prefix.checksum, digest.finish());
        if stored != computed {
            return Err(CheckpointError::Checksum { stored, computed });
        }
        Ok(Checkpoint {
            artifact: prefix.artifact,
            steps: prefix.steps,
            loss_before: prefix.loss_before,
            loss_after: prefix.loss_after,
            weights,
        })
    }

    /// The prefix of the checkpoint of `weights`.
    /// [`Checkpoint::weights`] of `self` is not looked at.
    ///
    /// # Errors
    /// [`CheckpointError::TooManyWeights`].
    pub fn prefix(&self, weights: &[f32]) -> Result<Prefix, CheckpointError> {
        let count = u32::try_from(weights.len()).map_err(|_| CheckpointError::TooManyWeights)?;
        let prefix = Prefix {
            artifact: self.artifact,
            weights: count,
            steps: self.steps,
            loss_before: self.loss_before,
            loss_after: self.loss_after,
            checksum: 0,
        };
        Ok(prefix.sealed(weights))
    }

    /// Writes the checkpoint of `weights` to `out` and returns the bytes used.
    /// [`Checkpoint::weights`] of `self` is not looked at.
    ///
    /// # Errors
    /// [`CheckpointError::TooShort`] where `out` is smaller than [`size`] says;
    /// `out` is untouched then.
    pub fn write(&self, weights: &[f32], out: &mut [u8]) -> Result<usize, CheckpointError> {
        let (given, needed) = (out.len(), size(weights.len()));
        let too_short = CheckpointError::TooShort { needed, given };
        let out = out.get_mut(..needed).ok_or(too_short)?;
        let (prefix, body) = out.split_first_chunk_mut::<PREFIX>().ok_or(too_short)?;
        *prefix = self.prefix(weights)?.encode();
        for (bytes, value) in body.as_chunks_mut::<4>().0.iter_mut().zip(weights) {
            *bytes = value.to_le_bytes();
        }
        Ok(needed)
    }
}

/// CRC-32 of weights as they stand in a checkpoint: what two executors compare
/// to know that they adapted to the same bits.
pub fn weights_crc32(weights: &[f32]) -> u32 {
    let mut digest = Crc32::new();
    digest.update_f32(weights);
    digest.finish()
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
