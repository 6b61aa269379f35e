//! One raw input through the network: a prediction, or what is kept of a support
//! example.

use core::fmt;
use core::ops::Range;

use crate::engine::{self, Operands, Source, Weights, run};
use crate::fault::{self, Checked, Internal};
use crate::kernels::{all_finite, copy, zip};
use crate::model::{Model, ModelInfo, Stage};

/// Why there is no prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PredictError {
    /// The input has the wrong length.
    InputLength {
        /// Numbers the model takes.
        needed: usize,
        /// Numbers given.
        given: usize,
    },
    /// An input is NaN or infinite, and the model has layers on integers,
    /// whose outputs would not show it.
    NotFinite,
    /// The workspace is too small.
    Workspace {
        /// Numbers (f32) it needs.
        needed: usize,
        /// Numbers there are.
        given: usize,
    },
    /// More inputs at once than the learner was set up for.
    Queries {
        /// How many it takes.
        capacity: usize,
        /// Inputs given.
        given: usize,
    },
    /// There is no room for exactly all outputs.
    OutputLength {
        /// Numbers they have.
        needed: usize,
        /// Numbers there is room for.
        given: usize,
    },
    /// A bug of this library: sizes of the model contradict each other.
    Internal,
}

impl<'a, const LAYERS: usize> Model<'a, LAYERS> {
    /// The initialisation's output for one raw input: inference alone, in a
    /// workspace of [`prediction_memory`](Self::prediction_memory), where the
    /// output is left.
    ///
    /// # Errors
    /// A wrong length of `input`, too little workspace, or a number that is not
    /// finite where the model has layers on integers.
    pub fn predict<'w>(
        &self,
        input: &[f32],
        workspace: &'w mut [f32],
    ) -> Result<&'w [f32], PredictError> {
        let (needed, given) = (self.prediction_memory().len(), workspace.len());
        let too_small = PredictError::Workspace { needed, given };
        if given < needed {
            return Err(too_small);
        }
        let parts = workspace.split_at_mut_checked(self.widened());
        let (adapted, rest) = parts.ok_or(too_small)?;
        if self.info.adapts_f16 {
            engine::initialise(&self.info, &self.stages, adapted)?;
        }
        let weights = Weights { adapted, step: 0 };
        predict(&self.info, &self.stages, weights, input, rest)
    }
}

/// The output for one raw input, which is left in the workspace: see
/// [`crate::Learner::predict`].
pub(crate) fn predict<'w>(
    info: &ModelInfo<'_>,
    stages: &[Stage],
    weights: Weights<'_>,
    input: &[f32],
    workspace: &'w mut [f32],
) -> Result<&'w [f32], PredictError> {
    let (needed, given) = (info.inputs, input.len());
    if needed != given {
        return Err(PredictError::InputLength { needed, given });
    }
    info.check_finite(input)?;
    let (needed, given) = (info.prediction, workspace.len());
    let too_small = PredictError::Workspace { needed, given };
    let workspace = workspace.get_mut(..needed).ok_or(too_small)?;
    let y = chain(info, stages, weights, input, workspace)?;
    workspace.get(y).ok_or(PredictError::Internal)
}

/// Runs one raw input through the layers below everything that adapts, and writes
/// their output to `features`. Without such layers that is the input, normalised.
pub(crate) fn features(
    info: &ModelInfo<'_>,
    stages: &[Stage],
    input: &[f32],
    features: &mut [f32],
    workspace: &mut [f32],
) -> Checked {
    let below = stages.get(..info.start).ok_or(Internal)?;
    if below.is_empty() {
        copy(features, input)?;
        return info.normalise(features);
    }
    let initial = Weights {
        adapted: &[],
        step: 0,
    };
    let workspace = workspace.get_mut(..info.prediction).ok_or(Internal)?;
    let y = chain(info, below, initial, input, workspace)?;
    copy(features, workspace.get(y).ok_or(Internal)?)
}

/// Runs one raw input through `stages`: its values lie at one end of the
/// workspace and then at the other. Returns where the last ones are.
fn chain(
    info: &ModelInfo<'_>,
    stages: &[Stage],
    weights: Weights<'_>,
    input: &[f32],
    workspace: &mut [f32],
) -> Checked<Range<usize>> {
    let size = workspace.len();
    let mut x = 0..0;
    let mut source = Source::Outside(input);
    if info.normalisation.is_some() {
        x = 0..input.len();
        let normalised = workspace.get_mut(x.clone()).ok_or(Internal)?;
        copy(normalised, input)?;
        info.normalise(normalised)?;
        source = Source::Inside(x.clone());
    }
    for stage in stages {
        let outputs = stage.outputs as usize;
        let operation = stage.layer.operation();
        let inside = matches!(source, Source::Inside(_));
        let y = match x.start {
            _ if operation.overwrites() && inside => x.clone(),
            // The end of the workspace that the input does not lie at.
            0 => size.checked_sub(outputs).ok_or(Internal)?..size,
            _ => 0..outputs,
        };
        let scratch = match y.start {
            0 if inside => y.end.min(x.start)..x.start,
            0 => y.end..size,
            _ => x.end.min(y.start)..y.start,
        };
        let operands = Operands {
            source,
            y: y.clone(),
            scratch,
            examples: 1,
        };
        run(info, stage, weights, operands, workspace)?;
        source = Source::Inside(y.clone());
        x = y;
    }
    Ok(x)
}

impl ModelInfo<'_> {
    /// Refuses what integers would turn into a number like any other.
    pub(crate) fn check_finite(&self, inputs: &[f32]) -> Result<(), PredictError> {
        match self.integers && !all_finite(inputs) {
            true => Err(PredictError::NotFinite),
            false => Ok(()),
        }
    }

    /// `x ← (x − mean) · scale`, per feature.
    fn normalise(&self, x: &mut [f32]) -> Checked {
        if let Some((mean, scale)) = self.normalisation {
            zip(x, mean, |x, mean| x - mean)?;
            zip(x, scale, |x, scale| x * scale)?;
        }
        Ok(())
    }
}

impl From<Internal> for PredictError {
    fn from(_: Internal) -> Self {
        PredictError::Internal
    }
}

impl fmt::Display for PredictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InputLength { needed, given } => {
                write!(f, "the model takes {needed} inputs, {given} were given")
            }
            Self::NotFinite => write!(
                f,
                "an input is NaN or infinite, which the model's integers cannot show"
            ),
            Self::Workspace { needed, given } => {
                write!(
                    f,
                    "needs {needed} numbers (f32) of workspace, {given} are there"
                )
            }
            Self::Queries { capacity, given } => write!(
                f,
                "{given} inputs at once, the learner takes {capacity}: set it up with \
                 Setup::queries({given})"
            ),
            Self::OutputLength { needed, given } => {
                write!(f, "{needed} numbers of outputs, there is room for {given}")
            }
            Self::Internal => f.write_str(fault::MESSAGE),
        }
    }
}

impl core::error::Error for PredictError {}
