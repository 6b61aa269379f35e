//! The meta-optimiser: Burn's Adam on one flat vector, which is one pass over
//! all parameters instead of one per tensor.

use burn::optim::{Adam, AdamConfig, AdamState, AdaptiveMomentumState, SimpleOptimizer};
use burn::tensor::{Tensor, TensorData, backend::Backend};
use serde::{Deserialize, Serialize};

use super::to_host;

/// Bounds on the meta-gradient, applied in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Clip {
    /// Every element into `±value`.
    pub value: Option<f32>,
    /// The whole vector to at most this Euclidean norm.
    pub norm: Option<f32>,
}

impl Clip {
    /// `g` clipped; stays on the device.
    pub fn apply<B: Backend, const D: usize>(&self, gradient: Tensor<B, D>) -> Tensor<B, D> {
        let mut gradient = gradient;
        if let Some(value) = self.value {
            gradient = gradient.clamp(-value, value);
        }
        if let Some(norm) = self.norm {
            let length = (gradient.clone() * gradient.clone()).sum().sqrt();
            let factor = length
                .add_scalar(1e-12)
                .recip()
                .mul_scalar(norm)
                .clamp_max(1.0);
            gradient = gradient * factor.reshape([1; D]);
        }
        gradient
    }
}

/// Adam (Kingma & Ba 2015), `ε = 1e-8`, on a tensor of rank `D`.
#[derive(Clone)]
pub struct Optimiser<B: Backend, const D: usize> {
    adam: Adam,
    state: Option<AdamState<B, D>>,
}

/// What an optimiser remembers, on the host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OptimiserState {
    /// Steps taken.
    pub time: u64,
    /// Mean of the gradients.
    pub moment_1: Vec<f32>,
    /// Mean of their squares.
    pub moment_2: Vec<f32>,
}

impl<B: Backend, const D: usize> Optimiser<B, D> {
    /// With decay rates `betas` of the two moments.
    pub fn new(betas: [f32; 2]) -> Self {
        let adam = AdamConfig::new()
            .with_beta_1(betas[0])
            .with_beta_2(betas[1])
            .with_epsilon(1e-8)
            .build();
        Self { adam, state: None }
    }

    /// One step of size `rate` down `gradient`.
    pub fn step(&mut self, rate: f64, value: Tensor<B, D>, gradient: Tensor<B, D>) -> Tensor<B, D> {
        let (value, state) = self.adam.step(rate, value, gradient, self.state.take());
        self.state = state;
        value
    }

    /// Reads the state back to the host; empty before the first step.
    pub fn state(&self) -> OptimiserState {
        match &self.state {
            None => OptimiserState::default(),
            Some(AdamState { momentum }) => OptimiserState {
                time: momentum.time as u64,
                moment_1: to_host(momentum.moment_1.clone()),
                moment_2: to_host(momentum.moment_2.clone()),
            },
        }
    }

    /// Continues from `state`, whose vectors have `shape`.
    pub fn restore(&mut self, state: &OptimiserState, shape: [usize; D], device: &B::Device) {
        let tensor =
            |data: &Vec<f32>| Tensor::from_data(TensorData::new(data.clone(), shape), device);
        self.state = (state.time > 0).then(|| {
            AdamState::new(AdaptiveMomentumState::new(
                state.time as usize,
                tensor(&state.moment_1),
                tensor(&state.moment_2),
            ))
        });
    }
}
