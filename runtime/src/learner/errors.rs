//! One small error for each thing a learner does.

use core::fmt;

use mamlet_formats::{ArtifactId, CheckpointError};

use crate::fault::{self, Internal};

/// Why a learner cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LearnerError {
    /// The memory is too small.
    MemoryTooSmall {
        /// Numbers (f32) it needs.
        needed: usize,
        /// Numbers there are.
        given: usize,
    },
    /// A batch norm takes the statistics of the whole batch, so examples
    /// cannot be computed one by one.
    BatchNorm,
    /// The model normalises its inputs or has layers below everything that
    /// adapts. The learner stores the output of these, so examples cannot stay
    /// where they lie.
    CannotLend,
}

/// Why an example was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExampleError {
    /// There is room for no more examples.
    Full {
        /// How many it holds.
        capacity: usize,
    },
    /// The input has the wrong length.
    InputLength {
        /// Numbers the model takes.
        needed: usize,
        /// Numbers given.
        given: usize,
    },
    /// The target has the wrong length.
    TargetLength {
        /// Numbers the model returns.
        needed: usize,
        /// Numbers given.
        given: usize,
    },
    /// An input or target is NaN or infinite.
    NotFinite,
    /// The model has no such class.
    UnknownClass {
        /// How many classes it has.
        classes: usize,
        /// The class given.
        given: usize,
    },
    /// The loss takes classes: use `add_class`.
    ClassExpected,
    /// The loss takes numbers: use `add_values`.
    ValuesExpected,
    /// The loss takes actions and their advantage: use `add_action`.
    ActionExpected,
    /// The loss takes one of several actions and its advantage: use
    /// `add_discrete_action`.
    DiscreteActionExpected,
    /// The learner takes examples where they lie: use `lend`.
    Lent,
    /// The learner keeps copies: set it up with `Setup::lent`.
    NotLent,
    /// A bug of this library: sizes of the model contradict each other.
    Internal,
}

/// Why there was no adaptation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdaptError {
    /// There are no examples to learn from.
    NoExamples,
    /// No steps, or more than are allowed.
    Steps {
        /// The most that may be taken.
        allowed: usize,
        /// Steps asked for.
        given: usize,
    },
    /// The rate is NaN or infinite.
    Rate,
    /// A bug of this library: sizes of the model contradict each other. What
    /// was begun has been rolled back.
    Internal,
}

/// Why nothing was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SaveError {
    /// The initialisation is in use: there is nothing to save.
    NotAdapted,
    /// The buffer is too small.
    Checkpoint(CheckpointError),
}

/// Why a checkpoint was not restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// The bytes are no checkpoint.
    Checkpoint(CheckpointError),
    /// The checkpoint belongs to another artifact.
    OtherArtifact {
        /// The artifact in use.
        expected: ArtifactId,
        /// The artifact of the checkpoint.
        found: ArtifactId,
    },
    /// The checkpoint has another number of weights.
    Length {
        /// Weights that adapt.
        needed: usize,
        /// Weights in the checkpoint.
        given: usize,
    },
    /// A weight is NaN or infinite.
    NotFinite,
}

impl From<Internal> for ExampleError {
    fn from(_: Internal) -> Self {
        ExampleError::Internal
    }
}

impl From<Internal> for AdaptError {
    fn from(_: Internal) -> Self {
        AdaptError::Internal
    }
}

impl From<CheckpointError> for SaveError {
    fn from(error: CheckpointError) -> Self {
        SaveError::Checkpoint(error)
    }
}

impl From<CheckpointError> for RestoreError {
    fn from(error: CheckpointError) -> Self {
        RestoreError::Checkpoint(error)
    }
}

impl fmt::Display for LearnerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MemoryTooSmall { needed, given } => write!(
                f,
                "needs {needed} numbers (f32) of memory, {given} are there"
            ),
            Self::BatchNorm => write!(
                f,
                "a batch norm takes the statistics of all examples, so they cannot be computed \
                 one by one"
            ),
            Self::CannotLend => write!(
                f,
                "the model normalises inputs or has layers below those that adapt: add the \
                 examples, what it keeps of them is no larger"
            ),
        }
    }
}

impl fmt::Display for ExampleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { capacity } => write!(
                f,
                "there is room for {capacity} examples: make the learner for more, or clear them"
            ),
            Self::InputLength { needed, given } => {
                write!(f, "the model takes {needed} inputs, {given} were given")
            }
            Self::TargetLength { needed, given } => {
                write!(f, "the target has {needed} numbers, {given} were given")
            }
            Self::NotFinite => write!(f, "an input or target is NaN or infinite"),
            Self::UnknownClass { classes, given } => {
                write!(
                    f,
                    "class {given} of a model with classes 0 to {}",
                    classes - 1
                )
            }
            Self::ClassExpected => write!(f, "the loss takes classes: use add_class"),
            Self::ValuesExpected => write!(f, "the loss takes numbers: use add_values"),
            Self::ActionExpected => write!(f, "the loss takes actions: use add_action"),
            Self::DiscreteActionExpected => write!(
                f,
                "the loss takes one of several actions: use add_discrete_action"
            ),
            Self::Lent => write!(f, "the learner takes examples where they lie: use lend"),
            Self::NotLent => write!(f, "the learner keeps copies: set it up with Setup::lent"),
            Self::Internal => f.write_str(fault::MESSAGE),
        }
    }
}

impl fmt::Display for AdaptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoExamples => write!(f, "no examples to learn from: add some first"),
            Self::Steps { allowed, given } => {
                write!(f, "{given} steps, 1 to {allowed} are allowed")
            }
            Self::Rate => write!(f, "the rate is NaN or infinite"),
            Self::Internal => f.write_str(fault::MESSAGE),
        }
    }
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAdapted => write!(f, "nothing to save: the initialisation is in use"),
            Self::Checkpoint(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint(error) => error.fmt(f),
            Self::OtherArtifact { expected, found } => write!(
                f,
                "the checkpoint belongs to artifact {:08x}, this is {:08x}",
                found.crc32, expected.crc32
            ),
            Self::Length { needed, given } => {
                write!(f, "{given} weights, {needed} adapt")
            }
            Self::NotFinite => write!(f, "a weight is NaN or infinite"),
        }
    }
}

impl core::error::Error for LearnerError {}
impl core::error::Error for ExampleError {}
impl core::error::Error for AdaptError {}
impl core::error::Error for SaveError {}
impl core::error::Error for RestoreError {}
