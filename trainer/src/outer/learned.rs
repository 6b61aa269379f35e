//! What training moves: the parameters, and the logarithms of the inner rates where they are
//! learned.

use burn::tensor::{Tensor, backend::Backend};

use super::flat::{logarithms, numbers, vector};
use super::recipe::optimiser;
use crate::config::{Config, RateConfig};
use crate::meta::{
    MetaGradient, Optimiser, Rate, RatePer, RateTable, from_logarithms, join, to_host,
};
use crate::nn::Network;
use crate::run::{Best, Checkpoint};

/// Parameters and learned rates, with their optimisers and the best of them so far.
pub(crate) struct Learned<B: Backend> {
    /// Iterations done.
    pub iteration: u64,
    /// All parameters, tensor after tensor.
    pub params: Tensor<B, 1>,
    /// Step after step, where the rates are learned.
    pub log_rates: Option<Tensor<B, 1>>,
    /// The rates where they are not learned, a row for each step.
    fixed: Vec<Vec<Rate<B>>>,
    /// The shapes of the rates of a step.
    pub dims: Vec<[usize; 3]>,
    /// The parameters of the best validation.
    pub best: Option<Best>,
    optimiser: Optimiser<B, 1>,
    rates_optimiser: Optimiser<B, 1>,
}

impl<B: Backend> Learned<B> {
    /// At iteration 0, of a network with these parameters and rates.
    pub fn new(
        config: &Config,
        network: &Network,
        params: &[f32],
        rates: Option<&RateTable>,
        device: &B::Device,
    ) -> Self {
        let inner = &config.inner;
        let (steps, tensors) = (inner.steps, network.adapting().len());
        // Learned rates have tensors of their own, tuned ones no inner loop.
        let fixed = (inner.rate.fixed(steps, tensors))
            .unwrap_or_else(|| RateTable::constant(0.0, steps, tensors));
        let per = match inner.rate {
            RateConfig::Learned { per, .. } => per,
            _ => RatePer::Tensor,
        };
        Self {
            iteration: 0,
            params: vector(params, device),
            log_rates: rates.map(|rates| logarithms(rates, device)),
            fixed: fixed.on(device),
            dims: per.dims(network),
            best: None,
            optimiser: optimiser(config, network, device),
            rates_optimiser: Optimiser::new(config.meta.betas.map(|beta| beta as f32)),
        }
    }

    /// The inner rates as they stand and, where they are learned, the same as a flat vector.
    pub fn rates(&self) -> (Vec<Vec<Rate<B>>>, Option<Tensor<B, 1>>) {
        self.rates_at(self.log_rates.as_ref())
    }

    /// The same where learned rates have these logarithms.
    pub fn rates_at(
        &self,
        logarithms: Option<&Tensor<B, 1>>,
    ) -> (Vec<Vec<Rate<B>>>, Option<Tensor<B, 1>>) {
        match logarithms {
            None => (self.fixed.clone(), None),
            Some(logarithms) => {
                let (rates, flat) = from_logarithms(logarithms, &self.dims);
                (rates, Some(flat))
            }
        }
    }

    /// Takes over parameters and logarithms of learned rates.
    pub fn go_to(&mut self, (params, log_rates): (&[f32], &[f32]), device: &B::Device) {
        self.params = vector(params, device);
        if self.log_rates.is_some() {
            self.log_rates = Some(vector(log_rates, device));
        }
    }

    /// One step of the meta-optimiser along a gradient that was taken with these `rates`,
    /// flat where they are learned.
    pub fn descend(
        &mut self,
        config: &Config,
        gradient: MetaGradient<B>,
        rates: Option<Tensor<B, 1>>,
    ) {
        let (meta, clip) = (&config.meta, config.clip());
        let factor = meta.rate_factor(self.iteration);
        let of_params = clip.apply(join(gradient.params));
        let params = self.params.clone();
        self.params = self.optimiser.step(meta.rate * factor, params, of_params);
        if let (Some(rates), Some(logarithms), RateConfig::Learned { meta_rate, .. }) =
            (rates, self.log_rates.take(), &config.inner.rate)
        {
            // ∂J/∂ρ = α ∂J/∂α for α = e^ρ.
            let of_rates = clip.apply(Tensor::cat(gradient.rates, 0) * rates);
            let rate = meta_rate * factor;
            self.log_rates = Some(self.rates_optimiser.step(rate, logarithms, of_rates));
        }
    }

    /// On the host: the parameters, and the logarithms of learned rates.
    pub fn on_host(&self) -> (Vec<f32>, Vec<f32>) {
        let params = to_host(self.params.clone());
        (params, numbers(self.log_rates.as_ref()))
    }

    /// Keeps these parameters and logarithms of rates if their score is the lowest so far. Of
    /// equals it keeps the later: where all are, none is better than one that was trained.
    pub fn keep_if_best(&mut self, score: f64, (params, log_rates): (Vec<f32>, Vec<f32>)) {
        if score.is_finite() && self.best.as_ref().is_none_or(|best| score <= best.score) {
            self.best = Some(Best {
                iteration: self.iteration,
                score,
                params,
                log_rates,
            });
        }
    }

    /// A checkpoint of a run that has nothing else to keep.
    pub fn checkpoint(&self, config: &Config) -> Checkpoint {
        let (params, log_rates) = self.on_host();
        Checkpoint {
            config_digest: config.digest(),
            iteration: self.iteration,
            params,
            log_rates,
            optimiser: self.optimiser.state(),
            rates_optimiser: self.rates_optimiser.state(),
            window_sum: 0.0,
            window_count: 0,
            best: self.best.clone(),
            statistics: Vec::new(),
            ema: None,
            acting: None,
        }
    }

    /// Goes on from a checkpoint of the same config.
    pub fn restore(&mut self, checkpoint: &Checkpoint, device: &B::Device) {
        self.iteration = checkpoint.iteration;
        let (params, log_rates) = (&checkpoint.params, &checkpoint.log_rates);
        self.go_to((params, log_rates), device);
        let state = &checkpoint.optimiser;
        self.optimiser.restore(state, [params.len()], device);
        if self.log_rates.is_some() {
            let state = &checkpoint.rates_optimiser;
            (self.rates_optimiser).restore(state, [log_rates.len()], device);
        }
        self.best = checkpoint.best.clone();
    }
}
