//! The value of a state as a linear function of features of an observation and of time
//! (Duan et al. 2016, section 4.1), fitted by ridge regression.
//!
//! With `o` an observation limited to ±10 and `t` the step of its episode, the features are
//!
//! ```text
//! φ = [o, o², t/100, (t/100)², (t/100)³, 1]
//! ```
//!
//! and the weights minimise `Σ (φ·w − G)² + 10⁻⁵ ‖w‖²` over all steps, where `G` is the
//! return from a step on.
//!
//! The normal equations `(ΦᵀΦ + 10⁻⁵ I) w = ΦᵀG` are solved by their Cholesky factor `R`,
//! `RᵀR = ΦᵀΦ + 10⁻⁵ I`. It is not computed from the left side, whose condition is the
//! square of that of `Φ`, which f32 does not bear, but row by row of `Φ` by Givens
//! rotations, from `R = √10⁻⁵ I` on (Golub & Van Loan, section 6.5.4). It is regular
//! whatever the rows are, as long as nothing overflows.

use super::errors::LengthError;
use crate::kernels::{rows, rows_mut};

/// What keeps the weights small.
const RIDGE: f32 = 1e-5;
/// Where observations are limited.
const BOUND: f32 = 10.0;
/// Features of time, and the constant one.
const OTHERS: usize = 4;

/// How many features an observation of so many numbers has.
pub const fn width(inputs: usize) -> usize {
    inputs.saturating_mul(2).saturating_add(OTHERS)
}

/// Numbers of memory of a [`Regression`].
pub const fn memory(inputs: usize) -> usize {
    let row = width(inputs).saturating_add(1);
    row.saturating_mul(row)
}

/// The features of an observation of step `step` of its episode.
fn features(observation: &[f32], step: usize) -> impl Iterator<Item = f32> {
    let limited = observation.iter().map(|o| o.clamp(-BOUND, BOUND));
    let squares = limited.clone().map(|o| o * o);
    let time = step as f32 / 100.0;
    let others = [time, time * time, time * time * time, 1.0];
    limited.chain(squares).chain(others)
}

/// Writes the features of an observation of step `step` of its episode, counted from zero.
///
/// # Errors
/// [`LengthError`] where `features` has not exactly [`width`] numbers.
///
/// ```
/// use mamlet_runtime::actor::baseline;
/// let mut features = [0.0; baseline::width(1)];
/// baseline::write_features(&[-20.0], 50, &mut features)?;
/// assert_eq!(features, [-10.0, 100.0, 0.5, 0.25, 0.125, 1.0]);
/// # Ok::<(), mamlet_runtime::actor::LengthError>(())
/// ```
pub fn write_features(
    observation: &[f32],
    step: usize,
    features: &mut [f32],
) -> Result<(), LengthError> {
    LengthError::check(width(observation.len()), features.len())?;
    for (to, feature) in features.iter_mut().zip(self::features(observation, step)) {
        *to = feature;
    }
    Ok(())
}

/// The value `φ·w` of a state.
pub fn value(weights: &[f32], observation: &[f32], step: usize) -> f32 {
    let features = features(observation, step).zip(weights);
    features.fold(0.0, |sum, (feature, weight)| sum + feature * weight)
}

/// A ridge regression that takes one row after the other.
#[derive(Debug)]
pub struct Regression<'m> {
    /// How many features there are.
    width: usize,
    /// `[width, width + 1]`: the factor, and what stands on the right of it.
    factor: &'m mut [f32],
    /// `[width + 1]`: a row; in the end, the weights.
    row: &'m mut [f32],
}

impl<'m> Regression<'m> {
    /// Begins a regression on observations of `inputs` numbers in the first
    /// [`memory`]`(inputs)` numbers of `memory`.
    ///
    /// # Errors
    /// [`LengthError`] where there are fewer.
    pub fn new(inputs: usize, memory: &'m mut [f32]) -> Result<Self, LengthError> {
        let (needed, given) = (self::memory(inputs), memory.len());
        let error = LengthError { needed, given };
        let width = width(inputs);
        let memory = memory.get_mut(..needed).ok_or(error)?;
        let rows = width.saturating_mul(width + 1);
        let (factor, row) = memory.split_at_mut_checked(rows).ok_or(error)?;
        factor.fill(0.0);
        for (column, row) in rows_mut(factor, width + 1).enumerate() {
            if let Some(diagonal) = row.get_mut(column) {
                *diagonal = libm::sqrtf(RIDGE);
            }
        }
        Ok(Regression { width, factor, row })
    }

    /// Takes in what an observation of a step is worth.
    pub fn add(&mut self, observation: &[f32], step: usize, value: f32) {
        let features = features(observation, step).chain([value]);
        for (to, feature) in self.row.iter_mut().zip(features) {
            *to = feature;
        }
        // Turns the row into zeros, one column after the other, against the row of the
        // factor that begins there.
        let rows = rows_mut(self.factor, self.width + 1);
        for (column, row) in rows.enumerate() {
            let (Some(row), Some(of_new)) = (row.get_mut(column..), self.row.get_mut(column..))
            else {
                return;
            };
            let (Some(&a), Some(&b)) = (row.first(), of_new.first()) else {
                return;
            };
            if b == 0.0 {
                continue;
            }
            let length = libm::sqrtf(a * a + b * b);
            let (cosine, sine) = (a / length, b / length);
            for (r, x) in row.iter_mut().zip(of_new) {
                (*r, *x) = (cosine * *r + sine * *x, cosine * *x - sine * *r);
            }
        }
    }

    /// The weights, or none where one is not finite.
    pub fn solve(self) -> Option<&'m [f32]> {
        let Regression { width, factor, row } = self;
        let weights = row.get_mut(..width)?;
        for column in (0..width).rev() {
            let row = rows(factor, width + 1).nth(column)?;
            let (coefficients, right) = row.split_at_checked(width)?;
            let mut sum = *right.first()?;
            for (coefficient, weight) in coefficients.iter().zip(&*weights).skip(column + 1) {
                sum -= coefficient * weight;
            }
            *weights.get_mut(column)? = sum / coefficients.get(column)?;
        }
        let weights: &[f32] = weights;
        weights.iter().all(|w| w.is_finite()).then_some(weights)
    }
}
