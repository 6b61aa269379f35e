//! From what is measured to what a network is trained on, and back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{MappedTasks, TaskBatch, TaskDistribution};
use crate::data::{Examples, Normalisation};

/// `target = mean + deviation · t`: a network learns `t`, of size 1. Results and
/// artifacts are in the unit of the target. All outputs have one deviation, so that a
/// mean squared error has the same minimum in either.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetScale {
    /// Of each output, in the unit.
    pub mean: Vec<f32>,
    /// In the unit.
    pub deviation: f32,
    /// Such as `"°C"`; may be empty.
    pub unit: String,
}

impl TargetScale {
    /// From the unit to what a network learns.
    pub fn normalise(&self, targets: &mut [f32]) {
        for target in targets.chunks_exact_mut(self.mean.len()) {
            for (value, mean) in target.iter_mut().zip(&self.mean) {
                *value = (*value - mean) / self.deviation;
            }
        }
    }

    /// From what a network learns to the unit.
    pub fn restore(&self, targets: &mut [f32]) {
        for target in targets.chunks_exact_mut(self.mean.len()) {
            for (value, mean) in target.iter_mut().zip(&self.mean) {
                *value = mean + self.deviation * *value;
            }
        }
    }

    /// Both moments in words.
    pub(super) fn describe(&self) -> String {
        let mean: Vec<String> = self.mean.iter().map(f32::to_string).collect();
        format!(
            "targets of training: mean {}, standard deviation {} {}",
            mean.join(", "),
            self.deviation,
            self.unit
        )
    }
}

/// Mean of each of `width` columns of `values`, and their common standard
/// deviation, 1 where they do not vary.
pub(super) fn target_moments(values: &[f64], width: usize) -> (Vec<f32>, f32) {
    let rows = (values.len() / width).max(1) as f64;
    let mean = |column: usize| values.iter().skip(column).step_by(width).sum::<f64>() / rows;
    let means: Vec<f64> = (0..width).map(mean).collect();
    let squares = values
        .iter()
        .enumerate()
        .map(|(at, value)| (value - means[at % width]).powi(2));
    let deviation = (squares.sum::<f64>() / (rows * width as f64)).sqrt();
    let usable = deviation.is_finite() && deviation > 0.0;
    let deviation = if usable { deviation as f32 } else { 1.0 };
    (means.iter().map(|&mean| mean as f32).collect(), deviation)
}

/// What a network sees of columns with these values, `[rows, width]`.
pub(super) fn input_moments(values: &[f64], width: usize) -> Normalisation {
    let column = |column: usize| values.iter().copied().skip(column).step_by(width);
    let moments: Vec<(Vec<f32>, f32)> = (0..width)
        .map(|at| target_moments(&column(at).collect::<Vec<_>>(), 1))
        .collect();
    Normalisation {
        mean: moments.iter().map(|(mean, _)| mean[0]).collect(),
        scale: moments
            .iter()
            .map(|(_, deviation)| 1.0 / deviation)
            .collect(),
    }
}

/// The tasks of a distribution with targets in their unit, as a board gets them.
/// Those without a scale stay as they are.
pub fn unscaled(tasks: Arc<dyn TaskDistribution>) -> impl TaskDistribution {
    let scale = tasks.target_scale();
    MappedTasks::new(tasks, move |mut batch| {
        if let Some(scale) = &scale {
            scale.restore(&mut batch.support_y);
            scale.restore(&mut batch.query_y);
        }
        batch
    })
}

/// The tasks of `other` in the scales of `own`, for a network that was trained on the
/// tasks of `own`.
pub fn in_scales_of(
    own: &dyn TaskDistribution,
    other: Arc<dyn TaskDistribution>,
) -> impl TaskDistribution + use<> {
    let normalisation = own.normalisation();
    let scales = [other.target_scale(), own.target_scale()];
    let scaled = move |examples: Examples| {
        let values = examples.values().into_owned();
        match normalisation.clone() {
            Some(normalisation) => Examples::Measured {
                values,
                normalisation,
            },
            None => Examples::Values(values),
        }
    };
    MappedTasks::new(other, move |mut batch: TaskBatch| {
        for targets in [&mut batch.support_y, &mut batch.query_y] {
            let [other, own] = &scales;
            if let Some(scale) = other {
                scale.restore(targets);
            }
            if let Some(scale) = own {
                scale.normalise(targets);
            }
        }
        TaskBatch {
            support_x: scaled(batch.support_x),
            query_x: scaled(batch.query_x),
            ..batch
        }
    })
    .in_scales_of(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_goes_both_ways() {
        let (mean, deviation) = target_moments(&[1.0, 10.0, 3.0, 14.0], 2);
        assert_eq!(mean, [2.0, 12.0]);
        assert!((deviation - 2.5f32.sqrt()).abs() < 1e-6);
        let scale = TargetScale {
            mean,
            deviation,
            unit: "V".into(),
        };
        let mut targets = [1.0, 10.0, 3.0, 14.0];
        scale.normalise(&mut targets);
        assert!((targets[1] + 2.0 / 2.5f32.sqrt()).abs() < 1e-6);
        scale.restore(&mut targets);
        assert_eq!(targets.map(f32::round), [1.0, 10.0, 3.0, 14.0]);
        assert_eq!(target_moments(&[4.0, 4.0], 1), (vec![4.0], 1.0));
        let inputs = input_moments(&[1.0, 5.0, 3.0, 5.0], 2);
        assert_eq!(
            (inputs.mean, inputs.scale),
            (vec![2.0, 5.0], vec![1.0, 1.0])
        );
    }
}
