//! Why a board did not do what it was asked.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::{MAJOR, MINOR};

/// Why a board did not do what it was asked. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Refusal {
    /// The request is none that the board's version knows.
    Unknown,
    /// The board speaks another version.
    Version {
        /// Its [`MAJOR`].
        major: u16,
        /// Its [`MINOR`].
        minor: u16,
    },
    /// The session has not begun, or the board has restarted since.
    NoSession,
    /// A piece begins where the one before did not end.
    Order {
        /// Where it should begin.
        expected: u32,
        /// Where it begins.
        given: u32,
    },
    /// A piece reaches beyond the end, or is no whole number of numbers.
    Length {
        /// Numbers there are places for.
        capacity: u32,
        /// The place after the last number.
        given: u32,
    },
    /// What was written is not whole.
    Incomplete {
        /// Numbers it has.
        needed: u32,
        /// Numbers that were written.
        given: u32,
    },
    /// There is room for no more examples.
    Full {
        /// How many it holds.
        capacity: u32,
    },
    /// A number is NaN or infinite.
    NotFinite,
    /// The model has no such class.
    UnknownClass {
        /// How many classes it has.
        classes: u32,
    },
    /// There are no examples to adapt to.
    NoExamples,
    /// No steps, or more than are allowed.
    Steps {
        /// The most that may be taken.
        allowed: u32,
    },
    /// There has been no adaptation.
    NoReport,
    /// The initialisation is in use: it has no checkpoint.
    NotAdapted,
    /// The weights are of another artifact.
    OtherArtifact {
        /// The checksum of the board's artifact.
        expected: u32,
        /// That of the artifact of the weights.
        found: u32,
    },
    /// The weights are not those of the checkpoint, or it is none.
    Checkpoint,
    /// The board keeps nothing in flash.
    NoStorage,
    /// The region of flash is too small.
    StorageTooSmall {
        /// Bytes that are needed.
        needed: u32,
        /// Bytes there are.
        given: u32,
    },
    /// The flash could not be read, written or erased.
    Flash,
    /// The answer fits no frame.
    TooLong,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => write!(
                f,
                "the board does not know the request: its firmware is older than this program"
            ),
            Self::Version { major, minor } => write!(
                f,
                "the board speaks version {major}.{minor} of the protocol, this program \
                 {MAJOR}.{MINOR}: build both from the same release"
            ),
            Self::NoSession => write!(f, "the board has restarted: begin again"),
            Self::Order { expected, given } => {
                write!(f, "numbers from {given} on, {expected} is next")
            }
            Self::Length { capacity, given } => {
                write!(f, "numbers up to {given}, there are places for {capacity}")
            }
            Self::Incomplete { needed, given } => {
                write!(f, "{given} of {needed} numbers were written")
            }
            Self::Full { capacity } => write!(
                f,
                "the board has room for {capacity} examples and they are there: reset it, or \
                 build its firmware for more"
            ),
            Self::NotFinite => write!(f, "a number is NaN or infinite"),
            Self::UnknownClass { classes } => match classes.checked_sub(1) {
                Some(last) => write!(f, "the model has classes 0 to {last}"),
                None => write!(f, "the model has no classes"),
            },
            Self::NoExamples => write!(f, "no examples to adapt to: teach some first"),
            Self::Steps { allowed } => write!(f, "1 to {allowed} steps are allowed"),
            Self::NoReport => write!(f, "the board has not adapted since it started"),
            Self::NotAdapted => write!(
                f,
                "the board uses its initialisation, nothing was learnt: adapt first"
            ),
            Self::OtherArtifact { expected, found } => write!(
                f,
                "the weights belong to artifact {found:08x}, the board runs {expected:08x}: forget \
                 what is stored and teach again"
            ),
            Self::Checkpoint => write!(f, "the weights are not those of their checkpoint"),
            Self::NoStorage => write!(f, "the board keeps nothing in flash"),
            Self::StorageTooSmall { needed, given } => {
                write!(f, "needs {needed} bytes of flash, the board has {given}")
            }
            Self::Flash => write!(f, "the board cannot use its flash"),
            Self::TooLong => write!(f, "the answer is too long for the protocol"),
        }
    }
}

impl core::error::Error for Refusal {}
