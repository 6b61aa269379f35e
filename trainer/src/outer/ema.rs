//! An exponential mean of the parameters along the way of training, which lies
//! nearer to the bottom of a valley than the points that noise tosses about it
//! (Polyak & Juditsky 1992; of weights of networks, Izmailov et al. 2018).

use burn::tensor::{Tensor, backend::Backend};

use super::flat::{numbers, vector};
use crate::meta::to_host;
use crate::run::EmaState;

/// The mean of the `n` points seen so far,
///
/// ```text
/// θ̄_n = θ̄_{n−1} + w_n (θ_n − θ̄_{n−1}),    w_n = max(1/n, 1 − β)
/// ```
///
/// of parameters and logarithms of learned rates: the plain mean of the first
/// `1/(1 − β)`, exponential from there on.
pub(super) struct Ema<B: Backend> {
    decay: f64,
    count: u64,
    params: Tensor<B, 1>,
    log_rates: Option<Tensor<B, 1>>,
}

impl<B: Backend> Ema<B> {
    /// Of no points yet; in place of their mean stands `params`.
    pub fn new(decay: f64, params: Tensor<B, 1>, log_rates: Option<Tensor<B, 1>>) -> Self {
        Self {
            decay,
            count: 0,
            params,
            log_rates,
        }
    }

    /// One point more.
    pub fn see(&mut self, params: &Tensor<B, 1>, log_rates: Option<&Tensor<B, 1>>) {
        self.count += 1;
        let weight = (1.0 / self.count as f64).max(1.0 - self.decay);
        let towards = |mean: &Tensor<B, 1>, point: &Tensor<B, 1>| {
            mean.clone() + (point.clone() - mean.clone()).mul_scalar(weight)
        };
        self.params = towards(&self.params, params);
        if let (Some(mean), Some(point)) = (&self.log_rates, log_rates) {
            self.log_rates = Some(towards(mean, point));
        }
    }

    /// On the host.
    pub fn state(&self) -> EmaState {
        EmaState {
            count: self.count,
            params: to_host(self.params.clone()),
            log_rates: numbers(self.log_rates.as_ref()),
        }
    }

    /// Continues from `state`.
    pub fn restore(&mut self, state: &EmaState, device: &B::Device) {
        self.count = state.count;
        self.params = vector(&state.params, device);
        if self.log_rates.is_some() {
            self.log_rates = Some(vector(&state.log_rates, device));
        }
    }
}
