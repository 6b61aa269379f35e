//! What an evaluation found.

use serde::{Deserialize, Serialize};

use super::{Curves, Interval};
use crate::config::{Method, Protocol};

/// How much a loss may grow by rounding alone, as a share of it.
const ROUNDING: f32 = 1e-4;

/// All methods on the same tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Number of test tasks.
    pub tasks: usize,
    /// Query examples per task.
    pub queries: usize,
    /// Seed of the test tasks.
    pub seed: u64,
    /// Validation tasks on which rates were tuned.
    pub tuning_tasks: usize,
    /// One entry per number of support examples.
    pub shots: Vec<ShotsReport>,
}

/// All methods with the same number of support examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShotsReport {
    /// Support examples per task, K.
    pub shots: usize,
    /// One entry per run.
    pub methods: Vec<MethodReport>,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodReport {
    /// Its title.
    pub title: String,
    /// Where it is.
    pub run: String,
    /// The protocol it was trained by.
    pub protocol: Protocol,
    /// How it was trained.
    pub method: Method,
    /// The seed it was trained with.
    pub seed: u64,
    /// The iteration its parameters come from.
    pub iteration: u64,
    /// The inner rate, if it was tuned on validation tasks.
    pub tuned_rate: Option<f64>,
    /// After 0, 1, ... inner steps.
    pub steps: Vec<StepReport>,
}

/// One method after a number of inner steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Inner steps taken.
    pub step: usize,
    /// Mean query loss over the tasks; `null` if it is not finite.
    pub mean: Option<f64>,
    /// Half the width of its 95 % interval, `1.96 σ / √n`.
    pub half_width: Option<f64>,
    /// Median query loss, which a few diverged tasks do not move.
    pub median: Option<f64>,
    /// Tasks whose support loss is not finite or is higher than before
    /// adaptation.
    pub diverged: usize,
}

impl StepReport {
    /// Of every step of `curves`.
    pub fn all(curves: &Curves) -> Vec<Self> {
        let finite = |value: f64| value.is_finite().then_some(value);
        (0..curves.query.len())
            .map(|step| {
                let interval = Interval::of(&curves.query[step]);
                let before_after = curves.support[0].iter().zip(&curves.support[step]);
                // A NaN is not at most anything. Rounding is no divergence.
                let fine = before_after
                    .filter(|(before, after)| **after <= **before * (1.0 + ROUNDING))
                    .count();
                let mut sorted = curves.query[step].clone();
                sorted.sort_by(f32::total_cmp);
                Self {
                    step,
                    mean: finite(interval.mean),
                    half_width: finite(interval.half_width),
                    median: finite(f64::from(sorted[sorted.len() / 2])),
                    diverged: sorted.len() - fine,
                }
            })
            .collect()
    }
}
