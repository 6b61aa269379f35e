//! Reptile (Nichol, Achiam, Schulman 2018): no derivative goes through the inner
//! loop, and the meta-gradient is how far it went.
//!
//! ```text
//! θ_{s+1} = θ_s − step of ∇L(θ_s; batch s)      s = 0, ..., n − 1
//! g       = θ₀ − mean over tasks of θ_n
//! ```
//!
//! Batches are drawn from all examples of a task, support and query set alike.
//! As `meta.optimiser = "sgd"` with a rate of `ε` this is the paper's
//! `θ₀ ← θ₀ + ε (θ_n − θ₀)`.

use std::sync::Arc;

use burn::tensor::{Int, Tensor, backend::Backend};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Adaptation, Algorithm, Properties, check, maml};
use crate::config::check::{at_least_one, positive, require};
use crate::config::{Config, Fault, StepLoss};
use crate::meta::{
    InnerLoop, InnerOptimiser, MetaGradient, Order, PerTensor, Rate, in_parts, over_tasks,
    tasks_at_once,
};
use crate::nn::{Network, NetworkError};
use crate::outer::{Descent, MetaStep, TrainError, Trainer, Training};
use crate::predict::Predictor;
use crate::random::{Stream, generator};
use crate::samplers::{Sampler, Set};
use crate::tasks::TaskDistribution;

/// How Reptile trains. `[inner]` says how its result adapts, in validation and on
/// the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reptile {
    /// Inner steps.
    pub steps: usize,
    /// Their step size.
    pub rate: f64,
    /// Examples of each step, out of all of a task, support and query set
    /// alike; all of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// What follows their gradients.
    #[serde(default)]
    pub optimiser: ReptileStep,
}

/// What follows the gradients of the inner loop while training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReptileStep {
    /// The steps that a device takes, with their momentum and bound.
    #[default]
    Sgd,
    /// Adam without a first moment: `v ← 0.999 v + 0.001 g²` and
    /// `θ ← θ − α g / (√(v / (1 − 0.999ᵗ)) + 1e-8)`, as in the paper. `v` starts at 0 in
    /// every task, where the released code carries it from one task to the next:
    /// tasks are independent and a resumed run has nothing more to remember.
    Adam,
}

/// The second moment's decay rate.
const BETA: f32 = 0.999;

impl Algorithm for Reptile {
    fn properties(&self) -> Properties {
        Properties {
            adaptation: Adaptation::Recipe,
            predictor: Predictor::Outputs,
            through_inner_loop: false,
            trains: true,
            is_bound: false,
            acts: false,
        }
    }

    fn check(&self, config: &Config) -> Result<(), Fault> {
        check::recipe(config)?;
        at_least_one("reptile.steps", self.steps)?;
        positive("reptile.rate", self.rate)?;
        if let Some(batch) = self.batch {
            let shots = config.meta.shots.choices().iter().min().unwrap_or(&1);
            let examples =
                config.tasks.support_size(*shots) + config.tasks.set_size(config.meta.queries);
            require(
                (1..=examples).contains(&batch),
                "reptile.batch",
                format!("1 to {examples}, the examples of a task"),
                batch,
            )?;
        }
        require(
            config.meta.step_loss == StepLoss::Last,
            "meta.step_loss",
            "\"last\" for method = \"reptile\", which has no query loss",
            "another",
        )
    }

    fn training_rate(&self, _config: &Config) -> (&'static str, f64) {
        ("reptile.rate", self.rate)
    }

    fn start<B: Backend>(
        &self,
        config: &Config,
        tasks: Arc<dyn TaskDistribution>,
        device: &B::Device,
    ) -> Result<Box<dyn Training>, TrainError> {
        let training = Trainer::<B, _>::new(self.clone(), config, tasks, device)?;
        Ok(Box::new(training))
    }
}

impl Descent for Reptile {
    fn network(
        &self,
        config: &Config,
        _tasks: &dyn TaskDistribution,
    ) -> Result<Network, NetworkError> {
        maml::network_of_ways(config)
    }

    fn evaluated(
        &self,
        config: &Config,
        trained: &Network,
    ) -> Result<(Network, Predictor), NetworkError> {
        maml::evaluated_of_ways(config, trained)
    }

    fn gradient<B: Backend>(&self, step: &MetaStep<'_, B>) -> MetaGradient<B> {
        let (config, iteration) = (step.batch.config, step.batch.index);
        // Every tensor trains, whichever adapt later.
        let network = step.network.all_adapting();
        let inner = config.inner_loop(&network);
        let sampler = step.batch.sampler();
        let examples = {
            let support = sampler.support(0, step.params);
            support.x.dims()[1] + sampler.query(0, step.params).x.dims()[1]
        };
        let mut rng = generator(config.seed, Stream::InnerBatches, iteration);
        let size = self.batch.unwrap_or(examples);
        let batches = inner_batches(&mut rng, examples, size, self.steps);
        let at_once = tasks_at_once(step.network, &*sampler);
        in_parts(&*sampler, at_once, |part| {
            self.gradient_of(&inner, step.params, &batches, part)
        })
    }
}

impl Reptile {
    /// `g` at `params [1, ...]`, and the mean loss of all examples at `θ_n`, for an inner
    /// loop over all tensors; its optimiser is for [`ReptileStep::Sgd`].
    /// `batches` holds the examples of each inner step, numbers below those of
    /// support and query set together; every task takes the same, as the tasks'
    /// own examples are in random order.
    pub fn gradient_of<B: Backend>(
        &self,
        inner: &InnerLoop<'_>,
        params: &[Tensor<B, 3>],
        batches: &[Vec<usize>],
        sampler: &dyn Sampler<B>,
    ) -> MetaGradient<B> {
        let all = (sampler.support(0, params)).followed_by(sampler.query(0, params));
        let theta = self.train(inner, params.to_vec(), batches, &all);
        let prediction = inner.network.forward(&theta, all.x);
        let params = params.iter().zip(theta).map(|(start, end)| {
            let tasks = end.dims()[0];
            start.clone() - over_tasks(end).div_scalar(tasks as f32)
        });
        MetaGradient {
            loss: inner.loss.value(prediction, all.y).mean(),
            params: params.collect(),
            rates: Vec::new(),
        }
    }

    /// `θ_n`.
    fn train<B: Backend>(
        &self,
        inner: &InnerLoop<'_>,
        params: Vec<Tensor<B, 3>>,
        batches: &[Vec<usize>],
        all: &Set<B>,
    ) -> Vec<Tensor<B, 3>> {
        let inner = InnerLoop {
            order: Order::First,
            ..*inner
        };
        let rates = vec![Rate::Fixed(self.rate as f32); inner.network.tensors().len()];
        let mut theta = params;
        // The velocity of SGD, the second moment of Adam.
        let mut memory: Option<PerTensor<B>> = None;
        for (step, batch) in batches.iter().enumerate() {
            let numbers: Vec<i64> = batch.iter().map(|&example| example as i64).collect();
            let numbers = Tensor::<B, 1, Int>::from_ints(&numbers[..], &all.x.device());
            let [x, y] = [&all.x, &all.y].map(|all| all.clone().select(1, numbers.clone()));
            let gradient = inner.gradient(&theta, Set { x, y });
            let (next, kept) = match self.optimiser {
                ReptileStep::Sgd => {
                    let (next, taken) = inner.optimiser.step(&theta, gradient, memory, &rates);
                    (next, taken.velocity)
                }
                ReptileStep::Adam => {
                    let moment = second_moment(memory, &gradient);
                    let correction = 1.0 - BETA.powi(step as i32 + 1);
                    let direction = gradient.into_iter().zip(&moment).map(|(gradient, moment)| {
                        let root = moment.clone()?.div_scalar(correction).sqrt();
                        Some(gradient? / root.add_scalar(1e-8))
                    });
                    let plain = InnerOptimiser::default();
                    let (next, _) = plain.step(&theta, direction.collect(), None, &rates);
                    (next, moment)
                }
            };
            theta = next;
            memory = Some(kept);
        }
        theta
    }
}

/// `0.999 v + 0.001 g²`, from 0 before the first step.
fn second_moment<B: Backend>(
    before: Option<PerTensor<B>>,
    gradient: &PerTensor<B>,
) -> PerTensor<B> {
    let squares = gradient.iter().map(|gradient| {
        let gradient = gradient.clone()?;
        Some((gradient.clone() * gradient).mul_scalar(1.0 - BETA))
    });
    match before {
        None => squares.collect(),
        Some(before) => before
            .into_iter()
            .zip(squares)
            .map(|(before, square)| Some(before?.mul_scalar(BETA) + square?))
            .collect(),
    }
}

/// The examples of `steps` inner batches of `size` out of `examples`: slices of
/// random orders, a new one whenever fewer than `size` are left of the last. A
/// batch is never larger than the set.
pub fn inner_batches(
    rng: &mut ChaCha8Rng,
    examples: usize,
    size: usize,
    steps: usize,
) -> Vec<Vec<usize>> {
    let size = size.min(examples);
    let mut left: Vec<usize> = Vec::new();
    (0..steps)
        .map(|_| {
            if left.len() < size {
                left = (0..examples).collect();
                left.shuffle(rng);
            }
            left.split_off(left.len() - size)
        })
        .collect()
}
