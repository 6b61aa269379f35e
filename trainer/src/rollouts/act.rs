//! A policy acts in all rollouts of a task at once.

use burn::tensor::{Tensor, TensorData, backend::Backend};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::{Address, End, Experience};
use crate::environments::{
    Actions, Environment, EnvironmentFault, Environments, observation_fault, reward_fault,
};
use crate::loss::Policy;
use crate::meta::to_host;
use crate::nn::Network;

/// What acts, and in what.
#[derive(Clone, Copy)]
pub struct Actors<'a> {
    /// The policy, but for its parameters.
    pub network: &'a Network,
    /// What it acts in.
    pub environments: &'a dyn Environments,
}

/// One rollout on its way.
struct Rollout {
    environment: Box<dyn Environment>,
    rng: ChaCha8Rng,
    /// What it is at.
    observation: Vec<f32>,
    /// Whether it goes on.
    lives: bool,
}

impl Actors<'_> {
    /// What the actions are drawn from.
    pub fn policy(&self) -> Policy {
        match self.environments.actions() {
            Actions::Continuous(_) => Policy::Gaussian,
            Actions::Discrete(_) => Policy::Categorical,
        }
    }

    /// Draws the tasks of a batch.
    pub fn draw_tasks(&self, address: Address, count: usize) -> Vec<Vec<f32>> {
        let mut rng = address.of_tasks();
        let draw = |_| self.environments.draw_task(&mut rng);
        (0..count).map(draw).collect()
    }

    /// `rollouts` rollouts of `task`, number `index` of its batch, with the parameters
    /// `theta [1, ...]` after `step` inner steps. The policies of all rollouts are one
    /// matrix product for each layer and time step.
    ///
    /// # Errors
    /// [`EnvironmentFault`] where the environment gives what cannot be learned from.
    pub fn act<B: Backend>(
        &self,
        theta: &[Tensor<B, 3>],
        (index, task): (usize, &[f32]),
        (address, step): (Address, usize),
        rollouts: usize,
    ) -> Result<Experience, EnvironmentFault> {
        let fault = |rollout: usize, time: usize, what: String| EnvironmentFault {
            task: index,
            described: self.describe(task),
            rollout,
            step: time,
            what,
        };
        let width = self.environments.observation();
        let mut experience = self.empty(rollouts);
        let mut alive: Vec<Rollout> = Vec::with_capacity(rollouts);
        for rollout in 0..rollouts {
            let mut own = Rollout {
                environment: self.environments.create(),
                rng: address.of_rollout(step, index, rollout),
                observation: Vec::with_capacity(width),
                lives: true,
            };
            own.environment
                .reset(task, &mut own.rng, &mut own.observation);
            if let Some(what) = observation_fault(&own.observation, width) {
                return Err(fault(rollout, 0, what));
            }
            alive.push(own);
        }
        let device = theta[0].device();
        let mut action = Vec::new();
        for time in 0..experience.steps {
            let living: Vec<usize> = (0..rollouts).filter(|&at| alive[at].lives).collect();
            if living.is_empty() {
                break;
            }
            let mut seen = Vec::with_capacity(living.len() * width);
            for &at in &living {
                seen.extend_from_slice(&alive[at].observation);
            }
            let seen = TensorData::new(seen, [1, living.len(), width]);
            let outputs = to_host(
                self.network
                    .forward(theta, Tensor::from_data(seen, &device)),
            );
            if !outputs.iter().all(|output| output.is_finite()) {
                let what =
                    "the policy has outputs that are not finite, and would have them again; \
                            start anew with a lower meta.rate or inner.rate"
                        .into();
                return Err(fault(living[0], time, what));
            }
            let of_rollouts = outputs.chunks_exact(self.network.output());
            for (&at, outputs) in living.iter().zip(of_rollouts) {
                let rollout = &mut alive[at];
                self.draw(outputs, &mut rollout.rng, &mut action);
                experience.put(at, time, &rollout.observation, &action, outputs);
                rollout.observation.clear();
                let did = self.given(&action);
                let step = rollout.environment.step(did, &mut rollout.observation);
                let what = reward_fault(step.reward)
                    .or_else(|| observation_fault(&rollout.observation, width));
                if let Some(what) = what {
                    return Err(fault(at, time + 1, what));
                }
                experience.rewards[at * experience.steps + time] = step.reward;
                experience.lengths[at] = time + 1;
                if step.terminated {
                    experience.ends[at] = End::Terminated;
                } else if step.truncated {
                    experience.ends[at] = End::Truncated(rollout.observation.clone());
                }
                rollout.lives = !step.terminated && !step.truncated;
            }
        }
        Ok(experience)
    }

    /// The numbers of a task with their names.
    fn describe(&self, task: &[f32]) -> String {
        let names = self.environments.task_names().into_iter();
        let named = names
            .zip(task)
            .map(|(name, number)| format!("{name} {number}"));
        named.collect::<Vec<_>>().join(", ")
    }

    fn empty(&self, rollouts: usize) -> Experience {
        let steps = self.environments.horizon();
        let (observation, outputs) = (self.environments.observation(), self.network.output());
        let zeros = |width: usize| vec![0.0; rollouts * steps * width];
        Experience {
            rollouts,
            steps,
            observation,
            observations: zeros(observation),
            actions: zeros(self.policy().action(outputs)),
            outputs: zeros(outputs),
            rewards: zeros(1),
            lengths: vec![0; rollouts],
            ends: vec![End::Horizon; rollouts],
        }
    }

    /// Draws an action; a choice is one-hot, and its number stands behind it.
    fn draw(&self, outputs: &[f32], rng: &mut ChaCha8Rng, action: &mut Vec<f32>) {
        action.clear();
        match self.policy() {
            Policy::Gaussian => {
                let (means, log_sigmas) = outputs.split_at(outputs.len() / 2);
                action.extend(means.iter().zip(log_sigmas).map(|(mean, log_sigma)| {
                    let noise: f32 = rng.sample(StandardNormal);
                    mean + log_sigma.exp() * noise
                }));
            }
            Policy::Categorical => {
                let choice = choice(outputs, rng.random());
                action.extend((0..outputs.len()).map(|at| f32::from(u8::from(at == choice))));
                action.push(choice as f32);
            }
        }
    }

    /// What the environment is given of it.
    fn given<'a>(&self, action: &'a [f32]) -> &'a [f32] {
        match self.policy() {
            Policy::Gaussian => action,
            Policy::Categorical => &action[action.len() - 1..],
        }
    }
}

/// The choice whose share of `softmax(logits)` a number of `[0, 1)` falls into.
fn choice(logits: &[f32], at: f32) -> usize {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shares: Vec<f32> = logits.iter().map(|logit| (logit - highest).exp()).collect();
    let mut rest = at * shares.iter().sum::<f32>();
    for (choice, share) in shares.iter().enumerate() {
        rest -= share;
        if rest < 0.0 {
            return choice;
        }
    }
    logits.len() - 1
}

impl Experience {
    /// What rollout `at` saw and did at a time.
    fn put(&mut self, at: usize, time: usize, seen: &[f32], action: &[f32], outputs: &[f32]) {
        let row = at * self.steps + time;
        let put = |all: &mut [f32], values: &[f32], width: usize| {
            all[row * width..(row + 1) * width].copy_from_slice(&values[..width]);
        };
        let width = self.actions.len() / (self.rollouts * self.steps);
        put(&mut self.observations, seen, self.observation);
        put(&mut self.actions, action, width);
        put(&mut self.outputs, outputs, outputs.len());
    }
}
