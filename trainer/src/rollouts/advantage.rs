//! How much better an action was than expected.
//!
//! With the rewards `r_t` of a rollout, the discount `γ` and the value `V(o_t)` that the
//! baseline expects,
//!
//! ```text
//! R_t = Σ_{k ≥ 0} γᵏ r_{t+k}                              what the baseline is fitted to
//! δ_t = r_t + γ V(o_{t+1}) − V(o_t)
//! A_t = Σ_{k ≥ 0} (γλ)ᵏ δ_{t+k}
//! ```
//!
//! (generalised advantage estimation, Schulman et al. 2016, arXiv 1506.02438). Beyond the
//! last step `V` is 0 where the task has ended, at its horizon too, and that of the last
//! observation where the environment cut the rollout off.

use super::baseline::Baseline;
use super::{End, Experience};

/// How rewards become advantages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weighing {
    /// `γ`.
    pub discount: f64,
    /// `λ`.
    pub lambda: f64,
    /// Whether the advantages of a task are brought to a mean of 0 and a standard
    /// deviation of 1.
    pub standardise: bool,
}

/// The advantage of every step of every rollout, with a linear baseline that is fitted to
/// these rollouts.
pub fn advantages(experience: &Experience, weighing: &Weighing) -> Vec<Vec<f64>> {
    let rollouts = 0..experience.rollouts;
    let returns: Vec<Vec<f64>> = (rollouts.clone())
        .map(|rollout| discounted(experience.rewards_of(rollout), weighing.discount))
        .collect();
    let baseline = Baseline::fitted(experience, &returns);
    let mut all: Vec<Vec<f64>> = rollouts
        .map(|rollout| {
            let observations = experience.observations_of(rollout).enumerate();
            let mut values: Vec<f64> = observations
                .map(|(step, observation)| baseline.value(step, observation))
                .collect();
            values.push(match &experience.ends[rollout] {
                End::Horizon | End::Terminated => 0.0,
                End::Truncated(last) => baseline.value(values.len(), last),
            });
            generalised(experience.rewards_of(rollout), &values, weighing)
        })
        .collect();
    if weighing.standardise {
        standardise(&mut all);
    }
    all
}

/// `R_t` of the rewards of one rollout.
pub fn discounted(rewards: &[f32], discount: f64) -> Vec<f64> {
    let mut returns = vec![0.0; rewards.len()];
    let mut rest = 0.0;
    for (own, &reward) in returns.iter_mut().zip(rewards).rev() {
        rest = f64::from(reward) + discount * rest;
        *own = rest;
    }
    returns
}

/// `A_t` of the rewards of one rollout and of its values, of which there is one more.
pub fn generalised(rewards: &[f32], values: &[f64], weighing: &Weighing) -> Vec<f64> {
    let mut advantages = vec![0.0; rewards.len()];
    let mut rest = 0.0;
    let steps = advantages.iter_mut().zip(rewards).zip(values.windows(2));
    for ((own, &reward), values) in steps.rev() {
        let surprise = f64::from(reward) + weighing.discount * values[1] - values[0];
        rest = surprise + weighing.discount * weighing.lambda * rest;
        *own = rest;
    }
    advantages
}

/// What keeps a standard deviation of 0 from dividing.
const SMALL: f64 = 1e-8;

fn standardise(all: &mut [Vec<f64>]) {
    let count = all.iter().map(Vec::len).sum::<usize>().max(1) as f64;
    let mean = all.iter().flatten().sum::<f64>() / count;
    let squares = all.iter().flatten().map(|value| (value - mean).powi(2));
    let deviation = (squares.sum::<f64>() / count).sqrt() + SMALL;
    for value in all.iter_mut().flatten() {
        *value = (*value - mean) / deviation;
    }
}
