//! What one task's rollouts were.

use super::{Weighing, advantages};

/// The rollouts of one task with one policy, all arrays row-major. Rollouts that ended
/// early are filled up to `steps` with zeros.
#[derive(Clone, Debug, PartialEq)]
pub struct Experience {
    /// Number of rollouts, `R`.
    pub rollouts: usize,
    /// Steps of the longest that there may be, `H`.
    pub steps: usize,
    /// Numbers of an observation.
    pub observation: usize,
    /// `[R, H, observation]`, what was seen before each step.
    pub observations: Vec<f32>,
    /// `[R, H, n]`, one-hot where actions are choices.
    pub actions: Vec<f32>,
    /// `[R, H, out]`, the outputs of the policy.
    pub outputs: Vec<f32>,
    /// `[R, H]`.
    pub rewards: Vec<f32>,
    /// Steps that each rollout took.
    pub lengths: Vec<usize>,
    /// How each ended.
    pub ends: Vec<End>,
}

/// How a rollout ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// At the horizon, where the task itself ends.
    Horizon,
    /// The environment came to an end of the task.
    Terminated,
    /// The environment cut it off. Its last observation says what would have come.
    Truncated(Vec<f32>),
}

impl Experience {
    /// Steps taken altogether.
    pub fn taken(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// The sum of each rollout's rewards.
    pub fn returns(&self) -> impl Iterator<Item = f64> {
        let rewards = self.rewards.chunks(self.steps);
        rewards.map(|rewards| rewards.iter().map(|&reward| f64::from(reward)).sum())
    }

    /// The mean of [`Experience::returns`].
    pub fn mean_return(&self) -> f64 {
        self.returns().sum::<f64>() / self.rollouts as f64
    }

    /// Observations of rollout `index`, as far as it went.
    pub fn observations_of(&self, index: usize) -> impl Iterator<Item = &[f32]> {
        let width = self.observation;
        let start = index * self.steps * width;
        let end = start + self.lengths[index] * width;
        self.observations[start..end].chunks_exact(width)
    }

    /// Rewards of rollout `index`, as far as it went.
    pub fn rewards_of(&self, index: usize) -> &[f32] {
        let start = index * self.steps;
        &self.rewards[start..start + self.lengths[index]]
    }

    /// The weight of every step, `[R, H]`: its advantage, times `R·H` over the number of
    /// steps taken, so that a mean over all `R·H` is one over the steps taken. 0 where a
    /// rollout had ended.
    pub fn weights(&self, weighing: &Weighing) -> Vec<f32> {
        let fill = self.fill();
        let mut weights = vec![0.0; self.rollouts * self.steps];
        let rows = weights.chunks_mut(self.steps);
        for (row, advantages) in rows.zip(advantages(self, weighing)) {
            for (weight, advantage) in row.iter_mut().zip(advantages) {
                *weight = (advantage * fill) as f32;
            }
        }
        weights
    }

    /// As [`Experience::weights`] where every step counts alike.
    pub fn equal_weights(&self) -> Vec<f32> {
        let fill = self.fill() as f32;
        let mut weights = vec![0.0; self.rollouts * self.steps];
        for (row, &length) in weights.chunks_mut(self.steps).zip(&self.lengths) {
            row[..length].fill(fill);
        }
        weights
    }

    fn fill(&self) -> f64 {
        (self.rollouts * self.steps) as f64 / self.taken().max(1) as f64
    }
}
