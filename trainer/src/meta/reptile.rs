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

use burn::tensor::{
    Int, Tensor,
    backend::{AutodiffBackend, Backend},
};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::maml::Params;
use super::parts::in_parts;
use super::way_back::over_tasks;
use super::{InnerLoop, InnerOptimiser, MetaGradient, Order, PerTensor, Rate};
use crate::loss::Loss;
use crate::nn::Network;
use crate::tasks::DeviceBatch;

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

/// Reptile's inner loop over all tensors of a network.
#[derive(Clone, Debug)]
pub struct Reptile {
    network: Network,
    loss: Loss,
    optimiser: InnerOptimiser,
    step: ReptileStep,
    rate: f32,
}

impl Reptile {
    /// Trains every tensor of `network`, whichever adapt later; `optimiser` is
    /// for [`ReptileStep::Sgd`].
    pub fn new(
        network: &Network,
        loss: Loss,
        optimiser: InnerOptimiser,
        step: ReptileStep,
        rate: f32,
    ) -> Self {
        Self {
            network: network.all_adapting(),
            loss,
            optimiser,
            step,
            rate,
        }
    }

    /// `g` at `params [1, ...]`, and the mean loss of all examples at `θ_n`.
    /// `batches` holds the examples of each inner step, numbers below those of
    /// support and query set together; every task takes the same, as the tasks'
    /// own examples are in random order.
    pub fn gradient<B: AutodiffBackend>(
        &self,
        params: &[Tensor<B::InnerBackend, 3>],
        batches: &[Vec<usize>],
        batch: &DeviceBatch<B::InnerBackend>,
    ) -> MetaGradient<B> {
        let x = Tensor::cat(vec![batch.support_x.clone(), batch.query_x.clone()], 1);
        let y = Tensor::cat(vec![batch.support_y.clone(), batch.query_y.clone()], 1);
        let theta = self.train(params.to_vec(), batches, &x, &y);
        let prediction = self.network.forward(&theta, x);
        let params = params.iter().zip(theta).map(|(start, end)| {
            let tasks = end.dims()[0];
            start.clone() - over_tasks(end).div_scalar(tasks as f32)
        });
        MetaGradient {
            loss: self.loss.value(prediction, y).mean(),
            params: params.collect(),
            rates: Vec::new(),
        }
    }

    /// [`Reptile::gradient`] from parts of at most `at_once` tasks.
    pub fn gradient_in_parts<B: AutodiffBackend>(
        &self,
        params: &[Tensor<B::InnerBackend, 3>],
        batches: &[Vec<usize>],
        batch: &DeviceBatch<B::InnerBackend>,
        at_once: usize,
    ) -> MetaGradient<B> {
        in_parts(batch, at_once, |part| {
            self.gradient::<B>(params, batches, part)
        })
    }

    /// `θ_n`.
    fn train<B: Backend>(
        &self,
        params: Params<B>,
        batches: &[Vec<usize>],
        x: &Tensor<B, 3>,
        y: &Tensor<B, 3>,
    ) -> Params<B> {
        let inner = InnerLoop {
            network: &self.network,
            loss: self.loss,
            optimiser: self.optimiser,
            order: Order::First,
        };
        let rates = vec![Rate::Fixed(self.rate); self.network.tensors().len()];
        let mut theta = params;
        // The velocity of SGD, the second moment of Adam.
        let mut memory: Option<PerTensor<B>> = None;
        for (step, batch) in batches.iter().enumerate() {
            let numbers: Vec<i64> = batch.iter().map(|&example| example as i64).collect();
            let numbers = Tensor::<B, 1, Int>::from_ints(&numbers[..], &x.device());
            let of_batch = |all: &Tensor<B, 3>| all.clone().select(1, numbers.clone());
            let gradient = inner.gradient(&theta, &of_batch(x), &of_batch(y));
            let (next, kept) = match self.step {
                ReptileStep::Sgd => {
                    let (next, taken) = self.optimiser.step(&theta, gradient, memory, &rates);
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
