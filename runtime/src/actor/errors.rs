//! One small error for each thing an actor does.

use core::fmt;

use crate::fault::{self, Internal};
use crate::learner::LearnerError;

/// A slice has another length than it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthError {
    /// Numbers it should have.
    pub needed: usize,
    /// Numbers it has.
    pub given: usize,
}

impl LengthError {
    pub(super) fn check(needed: usize, given: usize) -> Result<(), LengthError> {
        match needed == given {
            true => Ok(()),
            false => Err(LengthError { needed, given }),
        }
    }
}

/// Why an actor cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ActorError {
    /// The model's loss is not one of a policy.
    NotAPolicy,
    /// The discount or λ is not in `[0, 1]`, or there are no steps or no episodes.
    Policy,
    /// The memory is too small, or a batch norm takes the statistics of all steps.
    Learner(LearnerError),
}

/// Why there is no action, or why a reward was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ActError {
    /// The observation has the wrong length.
    ObservationLength {
        /// Numbers the policy takes.
        needed: usize,
        /// Numbers given.
        given: usize,
    },
    /// The observation or the reward is NaN or infinite.
    NotFinite,
    /// The last action waits for its reward.
    RewardExpected,
    /// No action waits for a reward.
    ActionExpected,
    /// All episodes are there: take a step, verify, or clear them.
    Full {
        /// Episodes it holds.
        episodes: usize,
    },
    /// An output of the policy is NaN or infinite.
    Policy,
    /// A bug of this library: sizes of the model contradict each other.
    Internal,
}

/// Why no step was taken, or none verified. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepError {
    /// There are too few episodes.
    Episodes {
        /// Episodes it takes.
        needed: usize,
        /// Episodes there are.
        given: usize,
    },
    /// An episode has begun that is not over: end it or abandon it.
    EpisodeOpen,
    /// The recipe allows no more steps.
    Steps {
        /// How many it allows.
        allowed: usize,
    },
    /// There is no step that has not been verified.
    Verified,
    /// A bug of this library: sizes of the model contradict each other. The weights are
    /// those last kept.
    Internal,
}

impl From<Internal> for ActError {
    fn from(_: Internal) -> Self {
        ActError::Internal
    }
}

impl From<Internal> for StepError {
    fn from(_: Internal) -> Self {
        StepError::Internal
    }
}

impl From<LengthError> for StepError {
    fn from(_: LengthError) -> Self {
        StepError::Internal
    }
}

impl From<LearnerError> for ActorError {
    fn from(error: LearnerError) -> Self {
        ActorError::Learner(error)
    }
}

impl fmt::Display for LengthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LengthError { needed, given } = self;
        write!(f, "{given} numbers where there should be {needed}")
    }
}

impl fmt::Display for ActorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAPolicy => write!(
                f,
                "the model is no policy: its loss is neither gaussian_policy nor \
                 categorical_policy"
            ),
            Self::Policy => write!(
                f,
                "discount and lambda lie in [0, 1], and there is at least one step and one \
                 episode"
            ),
            Self::Learner(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for ActError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ObservationLength { needed, given } => {
                write!(f, "the policy takes {needed} numbers, {given} were given")
            }
            Self::NotFinite => write!(f, "the observation or reward is NaN or infinite"),
            Self::RewardExpected => write!(f, "the last action waits for its reward"),
            Self::ActionExpected => write!(f, "no action waits for a reward: act first"),
            Self::Full { episodes } => write!(
                f,
                "all {episodes} episodes are there: take a step, verify, or clear them"
            ),
            Self::Policy => write!(f, "an output of the policy is NaN or infinite"),
            Self::Internal => f.write_str(fault::MESSAGE),
        }
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Episodes { needed, given } => {
                write!(f, "it takes {needed} episodes, {given} are there")
            }
            Self::EpisodeOpen => write!(
                f,
                "an episode is not over: end it with its last reward, or abandon it"
            ),
            Self::Steps { allowed } => write!(f, "the recipe allows {allowed} steps"),
            Self::Verified => write!(f, "there is no step that has not been verified"),
            Self::Internal => f.write_str(fault::MESSAGE),
        }
    }
}

impl core::error::Error for LengthError {}
impl core::error::Error for ActorError {}
impl core::error::Error for ActError {}
impl core::error::Error for StepError {}
