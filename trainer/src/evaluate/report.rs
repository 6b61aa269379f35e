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
    /// Query examples per task, or per class.
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
    /// Support examples per task or, where there are classes, per class, K.
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
    /// Mean query accuracy over the tasks, from 0 to 1, where tasks have classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Interval>,
    /// Tasks whose support loss is not finite or is higher than before
    /// adaptation.
    pub diverged: usize,
}

/// What the numbers of a report are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Mean query loss.
    Loss,
    /// Mean query accuracy in per cent.
    Accuracy,
}

impl Measure {
    /// The name of an axis or a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => "query loss",
            Self::Accuracy => "query accuracy in %",
        }
    }
}

impl Report {
    /// What its tables and figures show: accuracy where tasks have classes.
    pub fn measure(&self) -> Measure {
        let mut steps = (self.shots.iter())
            .flat_map(|shots| &shots.methods)
            .flat_map(|method| &method.steps);
        match steps.next() {
            Some(step) if step.accuracy.is_some() => Measure::Accuracy,
            _ => Measure::Loss,
        }
    }
}

impl StepReport {
    /// The mean of `measure` with its interval; `None` if it is not finite or
    /// was not measured.
    pub fn of(&self, measure: Measure) -> Option<Interval> {
        match measure {
            Measure::Loss => Some(Interval {
                mean: self.mean?,
                half_width: self.half_width?,
            }),
            Measure::Accuracy => self.accuracy.map(|accuracy| Interval {
                mean: 100.0 * accuracy.mean,
                half_width: 100.0 * accuracy.half_width,
            }),
        }
    }

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
                    accuracy: (curves.accuracy.as_ref()).map(|rows| Interval::of(&rows[step])),
                    median: finite(f64::from(sorted[sorted.len() / 2])),
                    diverged: sorted.len() - fine,
                }
            })
            .collect()
    }
}
