//! The linear feature baseline (Duan et al. 2016, arXiv 1604.06778): what the return from a
//! step on is expected to be, by ridge regression on
//!
//! ```text
//! [clip(o, ±10), clip(o, ±10)², t/100, (t/100)², (t/100)³, 1]
//! ```
//!
//! for the observation `o` before step `t`.

use nalgebra::{DMatrix, DVector};

use super::Experience;

/// Strength of the ridge, and how often it is raised tenfold where the system cannot be
/// solved.
const RIDGE: f64 = 1e-5;
const TRIES: i32 = 6;

/// Bound on the numbers of an observation.
const BOUND: f64 = 10.0;

/// Rows of features that are added to the system at once.
const ROWS: usize = 512;

/// A fitted baseline.
pub(super) struct Baseline {
    /// One for each feature; empty where there is none, and the value is 0.
    weights: Vec<f64>,
}

impl Baseline {
    /// The least squares fit to `returns`, of every step of every rollout.
    pub fn fitted(experience: &Experience, returns: &[Vec<f64>]) -> Self {
        let width = 2 * experience.observation + 4;
        let mut products = DMatrix::<f64>::zeros(width, width);
        let mut sums = DVector::<f64>::zeros(width);
        let steps = (0..experience.rollouts)
            .flat_map(|rollout| experience.observations_of(rollout).enumerate());
        let steps: Vec<(usize, &[f32])> = steps.collect();
        let targets: Vec<f64> = returns.iter().flatten().copied().collect();
        for (steps, targets) in steps.chunks(ROWS).zip(targets.chunks(ROWS)) {
            // A column for each step.
            let mut columns = Vec::with_capacity(steps.len() * width);
            for &(step, observation) in steps {
                columns.extend(features(step, observation));
            }
            let columns = DMatrix::from_vec(width, steps.len(), columns);
            products.gemm(1.0, &columns, &columns.transpose(), 1.0);
            sums.gemv(1.0, &columns, &DVector::from_column_slice(targets), 1.0);
        }
        let solved = (0..TRIES).find_map(|attempt| {
            let ridge = DMatrix::identity(width, width) * (RIDGE * 10f64.powi(attempt));
            let weights = (&products + ridge).cholesky()?.solve(&sums);
            let finite = weights.iter().all(|weight| weight.is_finite());
            finite.then(|| weights.as_slice().to_vec())
        });
        Self {
            weights: solved.unwrap_or_default(),
        }
    }

    /// The expected return from `step` on.
    pub fn value(&self, step: usize, observation: &[f32]) -> f64 {
        let features = features(step, observation);
        let pairs = features.zip(&self.weights);
        pairs.map(|(feature, weight)| feature * weight).sum()
    }
}

fn features(step: usize, observation: &[f32]) -> impl Iterator<Item = f64> {
    let clipped = || {
        let numbers = observation.iter();
        numbers.map(|&number| f64::from(number).clamp(-BOUND, BOUND))
    };
    let time = step as f64 / 100.0;
    clipped()
        .chain(clipped().map(|number| number * number))
        .chain([time, time.powi(2), time.powi(3), 1.0])
}
