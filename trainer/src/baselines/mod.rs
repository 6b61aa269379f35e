//! What a user could do without meta-learning and without a network: baselines that
//! every evaluation can set beside its runs, on the same episodes.
//!
//! With classes: the nearest support example, by Euclidean distance or by dynamic
//! time warping. With values: the average of all training units, alone or
//! corrected by the support set, and a line through the support set. What a baseline
//! can choose it chooses on validation tasks, for each number of shots.

mod linear;
mod neighbours;
mod networks;

use rayon::prelude::*;

use crate::nn::Shape;
use crate::tasks::{TaskBatch, TaskDistribution};

pub use linear::Average;
pub use networks::networks;

/// A way to predict the queries of a task from its support set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// The class of the support example with the smallest `Σ (x − s)²`.
    Nearest,
    /// The same by dynamic time warping (Sakoe & Chiba 1978), all channels warped
    /// together.
    Warped,
    /// `p(x)`, the average of the training units: a polynomial of the inputs.
    Average,
    /// `p(x) + a`: the average corrected by an offset.
    Offset,
    /// `p(x) + a + b·p(x)`: by offset and slope.
    OffsetAndSlope,
    /// `ȳ + a + b·x`, ridge regression on the support set alone; `ȳ` is the mean
    /// of the training units.
    Ridge,
}

impl Baseline {
    /// Those that suit such tasks.
    pub fn suited(distribution: &dyn TaskDistribution) -> Vec<Self> {
        match (distribution.classes(), distribution.shape()) {
            (Some(_), Shape::Sequence { .. }) => vec![Self::Nearest, Self::Warped],
            (Some(_), _) => vec![Self::Nearest],
            (None, _) => vec![
                Self::Average,
                Self::Offset,
                Self::OffsetAndSlope,
                Self::Ridge,
            ],
        }
    }

    /// As in tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::Nearest => "nearest neighbour, Euclid",
            Self::Warped => "nearest neighbour, DTW",
            Self::Average => "average of the training units",
            Self::Offset => "average, offset corrected",
            Self::OffsetAndSlope => "average, offset and slope corrected",
            Self::Ridge => "ridge on the support set",
        }
    }

    /// Whether it learns from the support set; the average does not.
    pub fn adapts(self) -> bool {
        self != Self::Average
    }

    /// Whether it needs validation tasks: to choose by, or for the average's scale.
    pub fn chooses(self, shape: Shape) -> bool {
        self == Self::Average || self.tunings(shape).len() > 1
    }

    /// What [`Fitted::tuning`] is chosen from.
    fn tunings(self, shape: Shape) -> Vec<Tuning> {
        let numbers: &[f64] = match self {
            Self::Nearest | Self::Average => &[0.0],
            Self::Warped => &[0.1, 0.2, 1.0],
            Self::Offset | Self::OffsetAndSlope | Self::Ridge => {
                &[1e-6, 1e-4, 1e-2, 0.1, 0.3, 1.0, 3.0, 10.0]
            }
        };
        let compares = matches!(self, Self::Nearest | Self::Warped);
        let standardised: &[bool] = match shape {
            Shape::Sequence { .. } if compares => &[false, true],
            _ => &[false],
        };
        let with = |&standardised: &bool| {
            let numbers = numbers.iter();
            numbers.map(move |&number| Tuning {
                number,
                standardised,
            })
        };
        standardised.iter().flat_map(with).collect()
    }
}

/// What a baseline can choose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// The band of a warp as a share of the length, or the weight of a penalty in
    /// examples.
    pub number: f64,
    /// Whether every channel of an example has mean 0 and deviation 1.
    pub standardised: bool,
}

/// A baseline with what it learned of training and validation tasks.
#[derive(Clone, Debug)]
pub struct Fitted<'a> {
    /// Which.
    pub baseline: Baseline,
    /// What it chose.
    pub tuning: Tuning,
    average: Option<&'a Average>,
    shape: Shape,
}

impl<'a> Fitted<'a> {
    /// The baseline with the choice that is best on validation tasks: by accuracy, or
    /// by the mean squared error. Without any, the first choice.
    pub fn new(
        baseline: Baseline,
        shape: Shape,
        average: Option<&'a Average>,
        validation: Option<&TaskBatch>,
    ) -> Self {
        let with = |tuning: Tuning| Self {
            baseline,
            tuning,
            average,
            shape,
        };
        let candidates: Vec<Self> = baseline.tunings(shape).into_iter().map(with).collect();
        let validation = match validation {
            Some(validation) if candidates.len() > 1 => validation,
            _ => return candidates[0].clone(),
        };
        let scores = candidates.iter().map(|fitted| fitted.error(validation));
        let best = scores
            .enumerate()
            .min_by(|(_, a), (_, b)| a.total_cmp(b))
            .map_or(0, |(at, _)| at);
        candidates[best].clone()
    }

    /// What it chose, in words; `None` where there is no choice.
    pub fn chosen(&self) -> Option<String> {
        let Tuning {
            number,
            standardised,
        } = self.tuning;
        let number = match self.baseline {
            Baseline::Nearest | Baseline::Average => None,
            Baseline::Warped => Some(format!("band {number}")),
            Baseline::Offset | Baseline::OffsetAndSlope | Baseline::Ridge => {
                Some(format!("penalty {number}"))
            }
        };
        let standardised = standardised.then(|| "standardised examples".to_owned());
        let words: Vec<String> = number.into_iter().chain(standardised).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// Share of wrong queries, or mean squared error.
    fn error(&self, batch: &TaskBatch) -> f64 {
        let predictions = self.predict(batch);
        let width = batch.output;
        let pairs = predictions
            .chunks_exact(width)
            .zip(batch.query_y.chunks_exact(width));
        let (mut sum, mut count) = (0.0, 0usize);
        for (prediction, target) in pairs {
            sum += match batch.classes {
                Some(_) => f64::from(u8::from(largest(prediction) != largest(target))),
                None => {
                    let squares = prediction.iter().zip(target);
                    let squares = squares.map(|(p, y)| f64::from(p - y).powi(2));
                    squares.sum::<f64>() / width as f64
                }
            };
            count += 1;
        }
        sum / count.max(1) as f64
    }

    /// Predictions of all queries, `[T, queries, output]`; with classes, numbers
    /// of which the largest is that of the predicted class.
    pub fn predict(&self, batch: &TaskBatch) -> Vec<f32> {
        let mut support = batch.support_x.network_values();
        let mut queries = batch.query_x.network_values();
        if let (true, Shape::Sequence { channels, .. }) = (self.tuning.standardised, self.shape) {
            for values in [&mut support, &mut queries] {
                let examples = values.to_mut().chunks_exact_mut(batch.input);
                examples.for_each(|example| neighbours::standardise(example, channels));
            }
        }
        let of_task = |task: usize| {
            let part = |values: &[f32]| -> std::ops::Range<usize> {
                let width = values.len() / batch.tasks;
                task * width..(task + 1) * width
            };
            let support_y = &batch.support_y[part(&batch.support_y)];
            let support = &support[part(&support)];
            let queries = &queries[part(&queries)];
            let known = Known {
                x: support,
                y: support_y,
                input: batch.input,
                output: batch.output,
            };
            self.predict_task(known, queries)
        };
        (0..batch.tasks)
            .into_par_iter()
            .flat_map_iter(of_task)
            .collect()
    }

    fn predict_task(&self, known: Known<'_>, queries: &[f32]) -> Vec<f32> {
        let each = queries.chunks_exact(known.input);
        match (self.baseline, self.average) {
            (Baseline::Nearest, _) => each
                .flat_map(|query| neighbours::nearest(known, query, neighbours::euclid))
                .collect(),
            (Baseline::Warped, _) => {
                let channels = match self.shape {
                    Shape::Sequence { channels, .. } => channels,
                    _ => 1,
                };
                let rows = known.input / channels;
                let band = ((self.tuning.number * rows as f64).ceil() as usize).clamp(1, rows);
                each.flat_map(|query| {
                    neighbours::nearest(known, query, |a, b, most| {
                        neighbours::warped(a, b, channels, band, most)
                    })
                })
                .collect()
            }
            (_, None) => vec![0.0; queries.len() / known.input * known.output],
            (Baseline::Average, Some(average)) => each.flat_map(|x| average.at(x)).collect(),
            (corrected, Some(average)) => {
                linear::corrected(corrected, average, known, queries, self.tuning.number)
            }
        }
    }
}

/// A support set: `x [S, input]`, `y [S, output]`.
#[derive(Clone, Copy, Debug)]
struct Known<'a> {
    x: &'a [f32],
    y: &'a [f32],
    input: usize,
    output: usize,
}

impl<'a> Known<'a> {
    fn examples(self) -> impl Iterator<Item = (&'a [f32], &'a [f32])> {
        let x = self.x.chunks_exact(self.input);
        x.zip(self.y.chunks_exact(self.output))
    }
}

/// Index of the largest; the first of several.
pub(crate) fn largest(values: &[f32]) -> usize {
    let better = |best: usize, at: usize| if values[at] > values[best] { at } else { best };
    (0..values.len()).fold(0, better)
}

#[cfg(test)]
mod tests;
