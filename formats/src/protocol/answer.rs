//! What a board answers.

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::header::Loss;

/// What a board answers. Numbers are f32, little-endian, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Answer<'a> {
    /// Nothing was done.
    Refused(Refusal),
    /// What the board is.
    About(#[serde(borrow)] About<'a>),
    /// Part of a text.
    Text {
        /// Bytes of the whole text.
        total: u32,
        /// Bytes of it, UTF-8 that may begin and end within a character.
        text: &'a [u8],
    },
    /// It is done.
    Done {
        /// How many examples there are now.
        examples: u32,
    },
    /// Part of some numbers.
    Values {
        /// How many there are in all.
        total: u32,
        /// Up to [`PIECE`](super::PIECE) of them.
        values: &'a [u8],
    },
    /// How an adaptation went.
    Report {
        /// Whether its steps were kept.
        outcome: Outcome,
        /// The support loss before each step and after the last.
        losses: &'a [u8],
    },
    /// What has happened.
    Statistics(Statistics),
    /// A checkpoint without its weights.
    Checkpoint {
        /// The [prefix](crate::checkpoint::Prefix).
        prefix: &'a [u8],
    },
    /// What became of the flash.
    Stored(Stored),
}

/// What a board is and what it runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct About<'a> {
    /// The board's [`MAJOR`](super::MAJOR).
    pub major: u16,
    /// The board's [`MINOR`](super::MINOR).
    pub minor: u16,
    /// The board, up to [`TEXT`](super::TEXT) bytes of its name.
    pub board: &'a str,
    /// The artifact, up to [`TEXT`](super::TEXT) bytes of its name.
    pub artifact: &'a str,
    /// The checksum of the artifact.
    pub crc32: u32,
    /// Its length in bytes.
    pub length: u32,
    /// Numbers per input.
    pub inputs: u32,
    /// Numbers per output, or classes.
    pub outputs: u32,
    /// Numbers per target.
    pub targets: u32,
    /// How many numbers adapt.
    pub adapting: u32,
    /// What an inner step lowers; says what a target is.
    pub loss: Loss,
    /// The recipe's inner steps.
    pub steps: u32,
    /// The most inner steps the recipe allows.
    pub max_steps: u32,
    /// How many examples there is room for.
    pub capacity: u32,
    /// Whether weights survive a power cut.
    pub storage: bool,
}

/// What has happened since the board started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// Requests done, also those refused.
    pub requests: u32,
    /// Frames that were torn or changed on the way.
    pub damaged: u32,
    /// Requests that came again and were answered again.
    pub repeated: u32,
    /// Examples added.
    pub added: u32,
    /// Predictions made.
    pub predictions: u32,
    /// Adaptations that began.
    pub adaptations: u32,
    /// Adaptations of which no step was kept.
    pub rolled_back: u32,
    /// Examples there are now.
    pub examples: u32,
    /// CRC-32 of the weights in use; none while it is the initialisation.
    pub weights_crc32: Option<u32>,
    /// Where the memory goes.
    pub memory: Memory,
}

/// Bytes of memory, by what they are for; code, stack and the model itself
/// come on top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The weights being adapted and their copies.
    pub weights: u32,
    /// The examples.
    pub support: u32,
    /// Activations and gradients.
    pub workspace: u32,
    /// The example being written, and the frames.
    pub protocol: u32,
}

/// Whether the steps of an adaptation were kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Outcome {
    /// All steps were taken, and the support loss is no worse than before.
    Adapted,
    /// The first steps were kept, after which the loss was lowest.
    Shortened {
        /// How many steps were kept.
        steps: u32,
        /// Why not all.
        cause: Cause,
    },
    /// No step was kept.
    RolledBack {
        /// Why.
        cause: Cause,
    },
}

/// Why an adaptation was not kept whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Cause {
    /// A loss or a weight overflowed or was not a number.
    NotFinite {
        /// After how many steps.
        step: u32,
    },
    /// The last support loss was above the first.
    Worse {
        /// After how many steps.
        step: u32,
    },
}

/// What became of the flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Stored {
    /// The weights are in flash.
    Saved,
    /// They already were.
    Unchanged,
    /// The weights in flash are in use.
    Restored {
        /// Inner steps that led to them.
        steps: u32,
    },
    /// There is nothing in flash.
    Nothing,
}
