//! The engine against the trainer: two implementations of the same equations,
//! each the other's oracle.

use burn::backend::Flex;
use burn::tensor::Tensor;
use mamlet_runtime::{Learner, Rollback};
use mamlet_simulator::Model;
use mamlet_simulator::file::ArtifactFile;

use super::{ExportError, units};
use crate::loss::{Loss, Reduction};
use crate::meta::{RateTable, to_device, to_host};
use crate::model::TrainedModel;
use crate::predict::{Predictor, Setting, curves};
use crate::tasks::{TargetScale, TaskBatch};

/// How far the engine may be from the trainer.
const LIMIT: f32 = 1e-5;

/// What is below this share of the loss before adaptation, or of the largest
/// gradient, may be what rounding leaves of 0.
const ROUNDING: f32 = 1e-4;

/// How the engine agrees with the trainer on the golden support set.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Parity {
    /// Largest difference of a gradient, as a share of the largest of its
    /// tensor; of the largest of all where its tensor has none but tiny ones, as
    /// have the biases below a norm, whose gradient is 0.
    pub gradient: f32,
    /// Largest difference of a step's loss, as a share of that loss.
    pub loss: f32,
}

impl Parity {
    /// Compares the first gradient and the losses of all steps.
    ///
    /// # Errors
    /// Where they differ by more than rounding.
    pub(super) fn measure(
        model: &TrainedModel,
        rates: &RateTable,
        scale: Option<&TargetScale>,
        file: &ArtifactFile,
        mut support: TaskBatch,
    ) -> Result<Self, ExportError> {
        let wrong = |error: &dyn std::fmt::Display| ExportError::Artifact(error.to_string());
        let artifact = file.artifact().map_err(|error| wrong(&error))?;
        let device_model = Model::new(&artifact).map_err(|error| wrong(&error))?;
        let shots = support.support_examples();
        let rollback = Rollback::ToInitialisation;
        let mut memory = vec![0.0; device_model.memory(shots, rollback).total().len()];
        let mut learner = Learner::new(&device_model, shots, rollback, &mut memory)
            .map_err(|error| wrong(&error))?;
        let targets = super::targets(model, &support);
        let numbers = targets.len() / shots;
        for (x, y) in support
            .support_x
            .values()
            .chunks_exact(support.input)
            .zip(targets.chunks_exact(numbers))
        {
            learner.add_target(x, y).map_err(|error| wrong(&error))?;
        }
        let (_, gradient) = learner.gradient().map_err(|error| wrong(&error))?;
        // The trainer's own targets, gradients and losses, scaled to the device's.
        if let Some(scale) = scale {
            scale.normalise(&mut support.support_y);
        }
        let mut host = host_gradients(model, &support);
        for (gradient, factor) in host.iter_mut().zip(units::gradient_factors(model, scale)) {
            gradient.iter_mut().for_each(|value| *value *= factor);
        }
        let gradient = compare_gradients(gradient, &host);
        let report = learner.adapt().map_err(|error| wrong(&error))?;
        let steps = report.losses.len() - 1;
        let loss = model.config.loss();
        let device = Default::default();
        let curves = curves::<Flex>(
            (&model.inner_loop(), Predictor::Outputs),
            &model.params,
            rates,
            &support,
            // Only the losses on the support set count.
            (Setting::Device, steps),
            &device,
        );
        // `curves` reports means, whatever the loss sums.
        let mean = Loss {
            reduction: Reduction::Mean,
            ..loss
        };
        let outputs = model.network.output();
        let reduced = mean.divisor(shots, outputs) as f32 / loss.divisor(shots, outputs) as f32;
        let factor = reduced * scale.map_or(1.0, |scale| scale.deviation.powi(2));
        let host = curves.support.iter().map(|of_step| of_step[0] * factor);
        // What is left of a loss by rounding alone is not compared.
        let least = curves.support[0][0] * factor * ROUNDING;
        let loss = report
            .losses
            .iter()
            .zip(host)
            .map(|(engine, trainer)| {
                (engine - trainer).abs() / trainer.abs().max(least).max(f32::MIN_POSITIVE)
            })
            .fold(0.0, f32::max);
        let parity = Parity { gradient, loss };
        // Rounding accumulates over the steps of the losses.
        if gradient > LIMIT || loss > LIMIT * 10.0 * (steps.max(1) as f32) {
            return Err(ExportError::Disagreement {
                gradient,
                loss,
                limit: LIMIT,
            });
        }
        Ok(parity)
    }
}

/// The trainer's gradients of the adapting tensors.
fn host_gradients(model: &TrainedModel, support: &TaskBatch) -> Vec<Vec<f32>> {
    let device = Default::default();
    let params = to_device::<Flex>(&model.network, &model.params, &device);
    let batch = support.clone().to_device::<Flex>(&device);
    let inner = model.inner_loop();
    let params = inner.start(params, &batch);
    let gradients = inner.gradient(&params, batch.support_set());
    gradients
        .into_iter()
        .flatten()
        .map(|gradient: Tensor<Flex, 3>| to_host(gradient))
        .collect()
}

/// [`Parity::gradient`].
fn compare_gradients(engine: &[f32], trainer: &[Vec<f32>]) -> f32 {
    let size = |gradient: &[f32]| gradient.iter().fold(0.0f32, |a, b| a.max(b.abs()));
    let of_all = trainer.iter().map(|tensor| size(tensor));
    let of_all = of_all.fold(f32::MIN_POSITIVE, f32::max);
    let mut rest = engine;
    let mut largest = 0.0f32;
    for trainer in trainer {
        let (engine, after) = rest.split_at(trainer.len().min(rest.len()));
        rest = after;
        let own = size(trainer);
        let scale = if own < of_all * ROUNDING { of_all } else { own };
        let difference = engine.iter().zip(trainer).map(|(a, b)| (a - b).abs());
        largest = largest.max(difference.fold(0.0, f32::max) / scale);
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rounding_leaves_of_a_gradient_of_0_is_no_disagreement() {
        let trainer = [vec![0.5, -2.0], vec![3e-8, -1e-8], vec![1e-3, 0.0]];
        let engine = [0.5, -2.0, -2e-8, 4e-8, 1e-3, 0.0];
        assert!(compare_gradients(&engine, &trainer) < 1e-7);
        // A tensor of small gradients is compared with its own.
        let wrong = [0.5, -2.0, -2e-8, 4e-8, 1e-3, 1e-4];
        let share = compare_gradients(&wrong, &trainer);
        assert!((share - 0.1).abs() < 1e-6, "{share}");
        // One that should be 0 and is not is no rounding.
        let wrong = [0.5, -2.0, 0.02, 0.0, 1e-3, 0.0];
        let share = compare_gradients(&wrong, &trainer);
        assert!((share - 0.01).abs() < 1e-6, "{share}");
    }
}
