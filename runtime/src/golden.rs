//! Proof that this executor computes what the artifact's author computed.
//!
//! An artifact carries a support set together with the outputs, the gradient,
//! the loss of every step and the adapted weights that belong to it. Comparing
//! them on a board takes one call at start-up:
//!
//! ```
//! # use mamlet_runtime::*;
//! # static ARTIFACT: &[u8] = include_aligned!("../tests/data/line.mamlet");
//! # let artifact = Artifact::parse(ARTIFACT)?;
//! let model = Model::<8>::new(&artifact)?;
//! let mut memory = [0.0; 64];
//! let examples = artifact.golden()?.map_or(0, |golden| golden.sizes.examples as usize);
//! let mut learner = Learner::new(&model, examples, Rollback::ToInitialisation, &mut memory)?;
//! let verification = golden::verify(&artifact, &mut learner)?;
//! assert!(verification.is_identical());
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

use core::fmt;

use mamlet_formats::{Artifact, GoldenVectors, checkpoint};

use crate::inference::PredictError;
use crate::kernels::rows;
use crate::learner::{AdaptError, Adaptation, ExampleError, Learner};

/// How what is computed here compares with the artifact.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Verification {
    /// Outputs before and after the adaptation.
    pub outputs: Agreement,
    /// The support loss of every step.
    pub losses: Agreement,
    /// The gradient of the first step.
    pub gradients: Agreement,
    /// Whether every bit of the adapted weights is the same.
    pub adapted_identical: bool,
}

/// How many numbers agree.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Agreement {
    /// Numbers that are the same bit for bit.
    pub identical: usize,
    /// Numbers compared.
    pub total: usize,
    /// The largest difference, as a share of the largest number compared.
    pub largest_difference: f32,
}

/// Why the golden vectors could not be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GoldenError {
    /// The artifact carries none, or they cannot be read in place.
    Missing,
    /// The learner already has examples.
    NotEmpty,
    /// Outputs or gradients have other sizes than the model's, so that too
    /// little would be compared.
    Sizes,
    /// An example was refused.
    Example(ExampleError),
    /// The adaptation was refused.
    Adapt(AdaptError),
    /// A prediction was refused.
    Predict(PredictError),
}

impl Verification {
    /// Whether everything is the same bit for bit.
    pub fn is_identical(&self) -> bool {
        let all = [self.outputs, self.losses, self.gradients];
        all.iter().all(|a| a.identical == a.total) && self.adapted_identical
    }

    /// Whether everything agrees within `tolerance`, a share of the largest
    /// number of each kind: for executors with other arithmetic.
    pub fn is_within(&self, tolerance: f32) -> bool {
        let all = [self.outputs, self.losses, self.gradients];
        all.iter().all(|a| a.largest_difference <= tolerance)
    }
}

/// Computes the artifact's golden vectors with a learner that was made for at
/// least as many examples and has none, and compares. Afterwards it has none
/// again and is not adapted.
///
/// # Errors
/// [`GoldenError`] where they could not be computed. Differences are no error:
/// look at the [`Verification`].
pub fn verify(
    artifact: &Artifact<'_>,
    learner: &mut Learner<'_>,
) -> Result<Verification, GoldenError> {
    let golden = artifact
        .golden()
        .ok()
        .flatten()
        .ok_or(GoldenError::Missing)?;
    if learner.examples() > 0 {
        return Err(GoldenError::NotEmpty);
    }
    let result = compare(&golden, learner);
    learner.clear_examples();
    learner.discard();
    result
}

fn compare(
    golden: &GoldenVectors<'_>,
    learner: &mut Learner<'_>,
) -> Result<Verification, GoldenError> {
    let sizes = golden.sizes;
    let inputs = numbers(golden.inputs)?;
    let inputs = || rows(inputs, sizes.inputs as usize);
    let targets = rows(numbers(golden.targets)?, sizes.targets as usize);
    for (input, target) in inputs().zip(targets) {
        learner
            .add_target(input, target)
            .map_err(GoldenError::Example)?;
    }
    let mut outputs = Comparison::default();
    let mut predict = |learner: &mut Learner<'_>, expected| {
        let mut expected = rows(numbers(expected)?, sizes.outputs as usize);
        for input in inputs() {
            let output = learner.predict(input).map_err(GoldenError::Predict)?;
            if output.len() != sizes.outputs as usize {
                return Err(GoldenError::Sizes);
            }
            outputs.add(output, expected.next().unwrap_or(&[]));
        }
        Ok(())
    };
    let mut gradients = Comparison::default();
    let (_, gradient) = learner.gradient().map_err(GoldenError::Adapt)?;
    if gradient.len() != sizes.gradients as usize {
        return Err(GoldenError::Sizes);
    }
    gradients.add(gradient, numbers(golden.gradients)?);
    predict(learner, golden.outputs_before)?;
    let steps = sizes.steps as usize;
    let adaptation = Adaptation {
        steps: Some(steps),
        rate: None,
    };
    let report = learner.adapt_with(adaptation).map_err(GoldenError::Adapt)?;
    let mut losses = Comparison::default();
    losses.add(&report.losses, numbers(golden.losses)?);
    predict(learner, golden.outputs_after)?;
    let adapted = learner.weights().map(checkpoint::weights_crc32);
    Ok(Verification {
        outputs: outputs.finish(2 * (sizes.examples as usize) * (sizes.outputs as usize)),
        losses: losses.finish(steps.saturating_add(1)),
        gradients: gradients.finish(sizes.gradients as usize),
        adapted_identical: adapted == Some(golden.adapted_crc32),
    })
}

/// The numbers of a section, in place.
fn numbers(bytes: &[u8]) -> Result<&[f32], GoldenError> {
    bytemuck::try_cast_slice(bytes).map_err(|_| GoldenError::Missing)
}

/// An agreement in the making.
#[derive(Default)]
struct Comparison {
    identical: usize,
    difference: f32,
    scale: f32,
    compared: usize,
}

impl Comparison {
    fn add(&mut self, computed: &[f32], expected: &[f32]) {
        for (computed, expected) in computed.iter().zip(expected) {
            self.compared += 1;
            self.identical += usize::from(computed.to_bits() == expected.to_bits());
            let difference = (computed - expected).abs();
            // Not `max`: a difference that is not a number must show.
            if difference.is_nan() || difference > self.difference {
                self.difference = difference;
            }
            self.scale = self.scale.max(expected.abs());
        }
    }

    /// What was not computed at all counts as different.
    fn finish(self, total: usize) -> Agreement {
        let share = self.difference / self.scale.max(f32::MIN_POSITIVE);
        Agreement {
            identical: self.identical,
            total,
            largest_difference: if self.compared == total {
                share
            } else {
                f32::INFINITY
            },
        }
    }
}

impl fmt::Display for GoldenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "the artifact carries no golden vectors"),
            Self::NotEmpty => write!(f, "the learner has examples: clear them first"),
            Self::Sizes => write!(f, "the golden vectors have other sizes than the model"),
            Self::Example(error) => error.fmt(f),
            Self::Adapt(error) => error.fmt(f),
            Self::Predict(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for GoldenError {}
