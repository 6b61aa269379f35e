//! What can go wrong between a sensor and an example.

use core::fmt;

use crate::fault::{self, Internal};

/// Why there is no front end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrontEndError {
    /// The artifact does not say how raw samples become an example.
    None,
    /// The memory is too small.
    MemoryTooSmall {
        /// The least numbers (f32).
        needed: usize,
        /// Numbers there are.
        given: usize,
    },
    /// The sensor gives fewer samples than windows need.
    TooSlow {
        /// Samples in 1000 seconds that the artifact asks for.
        needed: u32,
        /// Those of the sensor.
        given: u32,
    },
}

/// Why a sample was not taken or no example was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SampleError {
    /// A sample has another number of channels.
    Channels {
        /// Values of a sample.
        needed: usize,
        /// Values given.
        given: usize,
    },
    /// A value is NaN or infinite.
    NotFinite,
    /// Nothing has begun that could end.
    NotBegun,
    /// The recording has no samples.
    Empty,
    /// The artifact subtracts the value at rest, which is not known.
    NoRest,
    /// A bug of this library: sizes of the front end contradict each other.
    Internal,
}

impl From<Internal> for SampleError {
    fn from(_: Internal) -> Self {
        SampleError::Internal
    }
}

impl fmt::Display for FrontEndError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(
                f,
                "the artifact does not say how samples become an example: give the model examples, \
                 or export a run on recordings"
            ),
            Self::MemoryTooSmall { needed, given } => write!(
                f,
                "the front end needs at least {needed} numbers (f32) of memory, {given} are there"
            ),
            Self::TooSlow { needed, given } => write!(
                f,
                "{given} samples in 1000 seconds, the model needs {needed}: set the sensor to a \
                 rate no lower"
            ),
        }
    }
}

impl fmt::Display for SampleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channels { needed, given } => {
                write!(f, "a sample has {needed} channels, {given} were given")
            }
            Self::NotFinite => write!(f, "a value is NaN or infinite"),
            Self::NotBegun => write!(f, "there is no recording: begin one first"),
            Self::Empty => write!(f, "the recording has no samples"),
            Self::NoRest => write!(
                f,
                "the value at rest is not known: record while nothing happens and end with rest()"
            ),
            Self::Internal => f.write_str(fault::MESSAGE),
        }
    }
}

impl core::error::Error for FrontEndError {}
impl core::error::Error for SampleError {}
