//! Rollouts of one task as tensors.

use burn::tensor::{Tensor, TensorData, backend::Backend};

use super::{Experience, Weighing};
use crate::loss::Policy;
use crate::samplers::Set;

/// What the rollouts of one task with one policy are to a loss. `B = R·H`: every rollout
/// stands there with all its steps, those included that only fill it up.
#[derive(Clone, Debug)]
pub struct Seen<B: Backend> {
    /// `[1, B, observation]`.
    x: Tensor<B, 3>,
    /// `[1, B, n]`.
    actions: Tensor<B, 3>,
    /// `[1, B, 1]`: [`Experience::weights`].
    weights: Tensor<B, 3>,
    /// `[1, B, 1]`: the log-likelihood of what was done.
    log_likelihood: Tensor<B, 3>,
    /// `[1, B, out]`.
    outputs: Tensor<B, 3>,
    /// `[1, B, 1]`: [`Experience::equal_weights`].
    equal: Tensor<B, 3>,
    /// The mean of the rollouts' returns.
    pub mean_return: f64,
    /// Steps taken in the environment.
    pub taken: usize,
}

impl<B: Backend> Seen<B> {
    /// Weighs and moves to a device.
    pub fn new(
        experience: Experience,
        policy: Policy,
        weighing: &Weighing,
        device: &B::Device,
    ) -> Self {
        let (mean_return, taken) = (experience.mean_return(), experience.taken());
        let count = experience.rollouts * experience.steps;
        let tensor = |data: Vec<f32>| {
            let width = data.len() / count;
            Tensor::<B, 3>::from_data(TensorData::new(data, [1, count, width]), device)
        };
        let weights = tensor(experience.weights(weighing));
        let equal = tensor(experience.equal_weights());
        let (actions, outputs) = (tensor(experience.actions), tensor(experience.outputs));
        Self {
            log_likelihood: policy.log_likelihood(outputs.clone(), actions.clone()),
            x: tensor(experience.observations),
            actions,
            weights,
            outputs,
            equal,
            mean_return,
            taken,
        }
    }

    /// As targets of a [`Surrogate`](crate::loss::Surrogate).
    pub fn for_surrogate(&self) -> Set<B> {
        let parts = [&self.actions, &self.weights, &self.log_likelihood];
        self.with(parts.map(Clone::clone).to_vec())
    }

    /// As targets of a surrogate in which every action has the weight `weight`.
    pub fn weighted(&self, weight: f64) -> Set<B> {
        let weights = self.equal.clone().mul_scalar(weight as f32);
        self.with(vec![
            self.actions.clone(),
            weights,
            self.log_likelihood.clone(),
        ])
    }

    /// As targets of the divergence from the policy that acted.
    pub fn for_divergence(&self) -> Set<B> {
        self.with(vec![self.outputs.clone(), self.equal.clone()])
    }

    fn with(&self, parts: Vec<Tensor<B, 3>>) -> Set<B> {
        Set {
            x: self.x.clone(),
            y: Tensor::cat(parts, 2),
        }
    }
}
