//! Why there is no teacher, and why a recording gave no example.

use core::fmt;

use crate::front_end::{FrontEndError, SampleError};
use crate::inference::PredictError;
use crate::learner::{ExampleError, LearnerError};

/// Why there is no teacher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TeacherError {
    /// The model predicts no classes.
    NoClasses,
    /// Examples are made from samples, so there are none to be lent.
    Lent,
    /// The memory is too small.
    MemoryTooSmall {
        /// Numbers (f32) it needs.
        needed: usize,
        /// Numbers there are.
        given: usize,
    },
    /// There is no front end.
    FrontEnd(FrontEndError),
    /// There is no learner.
    Learner(LearnerError),
}

/// Why a sample was not taken, or an example not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TeachingError {
    /// Between the sensor and the example.
    Sample(SampleError),
    /// The example was not added.
    Example(ExampleError),
    /// The example was not recognised.
    Predict(PredictError),
}

impl From<LearnerError> for TeacherError {
    fn from(error: LearnerError) -> Self {
        TeacherError::Learner(error)
    }
}

impl From<SampleError> for TeachingError {
    fn from(error: SampleError) -> Self {
        TeachingError::Sample(error)
    }
}

impl From<ExampleError> for TeachingError {
    fn from(error: ExampleError) -> Self {
        TeachingError::Example(error)
    }
}

impl From<PredictError> for TeachingError {
    fn from(error: PredictError) -> Self {
        TeachingError::Predict(error)
    }
}

impl fmt::Display for TeacherError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoClasses => write!(
                f,
                "the model predicts no classes: it must be trained with cross-entropy"
            ),
            Self::Lent => write!(
                f,
                "a teacher makes its examples itself: set it up without Setup::lent"
            ),
            Self::MemoryTooSmall { needed, given } => write!(
                f,
                "a teacher needs {needed} numbers (f32) of memory, {given} are there"
            ),
            Self::FrontEnd(error) => error.fmt(f),
            Self::Learner(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for TeachingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sample(error) => error.fmt(f),
            Self::Example(error) => error.fmt(f),
            Self::Predict(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for TeacherError {}
impl core::error::Error for TeachingError {}
