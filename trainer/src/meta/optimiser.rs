//! The meta-optimiser: Burn's Adam on one flat vector, which is one pass over
//! all parameters instead of one per tensor. The weight decay of AdamW is added
//! here, because Burn's has a single strength for all elements of a tensor.

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

/// What follows the meta-gradient `g` with step size `η`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimiserKind {
    /// Adam (Kingma & Ba 2015), `ε = 1e-8`.
    #[default]
    Adam,
    /// Adam after `θ ← θ − η λ θ`, a weight decay `λ` that the moments do not
    /// see (Loshchilov & Hutter 2019).
    #[serde(rename = "adamw")]
    AdamW,
    /// `θ ← θ − η g`.
    Sgd,
}

/// An [`OptimiserKind`] at work on a tensor of rank `D`.
#[derive(Clone)]
pub struct Optimiser<B: Backend, const D: usize> {
    /// `None` for plain gradient descent.
    adam: Option<Adam>,
    state: Option<AdamState<B, D>>,
    decay: Option<Tensor<B, D>>,
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
    /// Adam with decay rates `betas` of the two moments.
    pub fn new(betas: [f32; 2]) -> Self {
        let adam = AdamConfig::new()
            .with_beta_1(betas[0])
            .with_beta_2(betas[1])
            .with_epsilon(1e-8)
            .build();
        Self {
            adam: Some(adam),
            state: None,
            decay: None,
        }
    }

    /// AdamW with decay rates `betas` of the two moments and a strength of the
    /// weight decay for every element.
    pub fn decaying(betas: [f32; 2], decay: Tensor<B, D>) -> Self {
        Self {
            decay: Some(decay),
            ..Self::new(betas)
        }
    }

    /// Plain gradient descent.
    pub fn descent() -> Self {
        Self {
            adam: None,
            state: None,
            decay: None,
        }
    }

    /// One step of size `rate` down `gradient`.
    pub fn step(&mut self, rate: f64, value: Tensor<B, D>, gradient: Tensor<B, D>) -> Tensor<B, D> {
        let Some(adam) = &self.adam else {
            return value - gradient.mul_scalar(rate);
        };
        let value = match &self.decay {
            Some(decay) => value.clone() - value * decay.clone().mul_scalar(rate),
            None => value,
        };
        let (value, state) = adam.step(rate, value, gradient, self.state.take());
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

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;

    /// AdamW as its paper's algorithm 2 has it, one number at a time.
    fn reference(
        betas: [f64; 2],
        decay: f64,
        start: f64,
        rates: &[f64],
        gradients: &[f64],
    ) -> Vec<f64> {
        let (mut theta, mut m, mut v) = (start, 0.0, 0.0);
        let mut all = Vec::new();
        for (t, (rate, g)) in rates.iter().zip(gradients).enumerate() {
            m = betas[0] * m + (1.0 - betas[0]) * g;
            v = betas[1] * v + (1.0 - betas[1]) * g * g;
            let m_hat = m / (1.0 - betas[0].powi(t as i32 + 1));
            let v_hat = v / (1.0 - betas[1].powi(t as i32 + 1));
            theta -= rate * (m_hat / (v_hat.sqrt() + 1e-8) + decay * theta);
            all.push(theta);
        }
        all
    }

    #[test]
    fn adamw_is_its_paper_s_and_spares_what_does_not_decay() {
        let device = Default::default();
        let decay = [0.3f32, 0.0];
        let mut optimiser =
            Optimiser::<Flex, 1>::decaying([0.8, 0.95], Tensor::from_floats(decay, &device));
        let gradients = [0.5, -2.0, 0.01, 3.0, -0.7, 0.2];
        let rates = [0.1, 0.2, 0.2, 0.15, 0.1, 0.05];
        let expected =
            decay.map(|decay| reference([0.8, 0.95], decay.into(), 2.0, &rates, &gradients));
        let mut theta = Tensor::<Flex, 1>::from_floats([2.0, 2.0], &device);
        for step in 0..gradients.len() {
            let gradient = Tensor::from_floats([gradients[step] as f32; 2], &device);
            theta = optimiser.step(rates[step], theta, gradient);
            for (got, want) in to_host(theta.clone()).iter().zip(&expected) {
                assert!(
                    (f64::from(*got) - want[step]).abs() < 2e-6,
                    "step {step}: {got} {}",
                    want[step]
                );
            }
        }
        let apart = expected[0][5] - expected[1][5];
        assert!(apart.abs() > 0.05, "decay makes no difference: {apart}");
    }

    #[test]
    fn descent_goes_down_the_gradient_and_remembers_nothing() {
        let device = Default::default();
        let mut optimiser = Optimiser::<Flex, 1>::descent();
        let theta = Tensor::<Flex, 1>::from_floats([1.0, 2.0], &device);
        let theta = optimiser.step(0.5, theta, Tensor::from_floats([4.0, -2.0], &device));
        assert_eq!(to_host(theta), [-1.0, 3.0]);
        assert_eq!(optimiser.state(), OptimiserState::default());
    }
}
