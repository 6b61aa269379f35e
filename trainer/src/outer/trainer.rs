//! Training as a state: one meta-step, validation, saving and restoring.

use std::sync::Arc;

use burn::tensor::{Tensor, backend::Backend};

use super::ema::Ema;
use super::flat::{logarithms, numbers, vector};
use super::recipe::optimiser;
use super::{Descent, MetaStep, Rhythm, TrainError, Training, statistics};
use crate::config::{Config, KeepBy, RateConfig};
use crate::interval::Interval;
use crate::meta::{
    Optimiser, Rate, RatePer, RateTable, from_logarithms, join, split, split_host, to_host,
};
use crate::model::TrainedModel;
use crate::nn::{HeadStart, LayerStatistics, Network, NetworkError, TensorInfo, head, init};
use crate::predict::{Predictor, curves};
use crate::random::{Stream, generator};
use crate::run::{Best, Checkpoint, Validation};
use crate::samplers::MetaBatch;
use crate::tasks::{Split, TaskBatch, TaskDistribution};

/// Query examples of a validation task, all classes together.
const VALIDATION_QUERIES: usize = 50;

/// Query examples of a validation task, of each class where there are classes.
pub(crate) fn validation_queries(config: &Config, tasks: &dyn TaskDistribution) -> usize {
    let default = VALIDATION_QUERIES.div_ceil(tasks.classes().unwrap_or(1));
    config.record.validation_queries.unwrap_or(default)
}

/// Inner steps of a validation of regression.
const VALIDATION_STEPS: usize = 10;

/// Training by an algorithm that follows a gradient.
pub struct Trainer<B: Backend, A: Descent> {
    algorithm: A,
    config: Config,
    tasks: Arc<dyn TaskDistribution>,
    network: Network,
    /// What validation evaluates, and how it predicts.
    evaluated: (Network, Predictor),
    device: B::Device,
    iteration: u64,
    params: Tensor<B, 1>,
    log_rates: Option<Tensor<B, 1>>,
    ema: Option<Ema<B>>,
    fixed: Vec<Vec<Rate<B>>>,
    optimiser: Optimiser<B, 1>,
    rates_optimiser: Optimiser<B, 1>,
    window: Tensor<B, 1>,
    window_count: u32,
    best: Option<Best>,
    validation: TaskBatch,
}

impl<B: Backend, A: Descent> Trainer<B, A> {
    /// At iteration 0, of the tasks that [`TasksConfig::open`](crate::tasks::TasksConfig::open)
    /// gave.
    ///
    /// # Errors
    /// [`NetworkError`] where the network cannot be built.
    pub fn new(
        algorithm: A,
        config: &Config,
        tasks: Arc<dyn TaskDistribution>,
        device: &B::Device,
    ) -> Result<Self, NetworkError> {
        let network = algorithm.network(config, &*tasks)?;
        let initial = TrainedModel::initial(config.clone())?;
        let log_rates = initial.learned_rates();
        let log_rates = log_rates.map(|rates| logarithms(rates, device));
        let mut params = init::draw(&network, config.model.init, config.seed, 0).concat();
        if config.model.head == HeadStart::Shared {
            // It is the network's own, so it fits.
            params = head::with_shared_head(&network, &params).unwrap_or(params);
        }
        let tensors = network.adapting().len();
        let steps = config.inner.steps;
        // Learned rates have tensors of their own, tuned ones no inner loop.
        let fixed = (config.inner.rate.fixed(steps, tensors))
            .unwrap_or_else(|| RateTable::constant(0.0, steps, tensors));
        let betas = config.meta.betas.map(|beta| beta as f32);
        let record = &config.record;
        let queries = validation_queries(config, &*tasks);
        let validation = tasks.draw(
            Split::Validation,
            &mut generator(config.seed, Stream::Validation, 0),
            record.validation_tasks,
            record.validation_shots,
            queries,
        );
        let mut trainer = Self {
            optimiser: optimiser(config, &network, device),
            evaluated: algorithm.evaluated(config, &network)?,
            algorithm,
            network,
            iteration: 0,
            params: vector(&params, device),
            log_rates,
            ema: None,
            fixed: fixed.on(device),
            rates_optimiser: Optimiser::new(betas),
            window: Tensor::zeros([1], device),
            window_count: 0,
            best: None,
            validation,
            config: config.clone(),
            tasks,
            device: device.clone(),
        };
        trainer.start_ema();
        Ok(trainer)
    }

    /// A mean along the way from here on, where the config wants one.
    fn start_ema(&mut self) {
        let start = |decay| Ema::new(decay, self.params.clone(), self.log_rates.clone());
        self.ema = self.config.meta.ema.map(start);
    }

    /// Takes over the parameters and the learned rates of a trained model: see
    /// [`ModelConfig::from`](crate::config::ModelConfig::from).
    ///
    /// # Errors
    /// The first tensor that the model does not have in this shape, those of its head
    /// and of norms excepted.
    pub(super) fn start_from(&mut self, source: TrainedModel) -> Result<(), TensorInfo> {
        let network = &self.network;
        let mut params = split_host(network, &to_host(self.params.clone()));
        let shared = source.config.model.head == HeadStart::Shared;
        // Its head may give a start to another number of outputs.
        let source = source.clone().with_ways(network.output()).unwrap_or(source);
        let takes_head = shared || self.config.model.head == HeadStart::Own;
        for (own, info) in params.iter_mut().zip(network.tensors()) {
            let theirs = source.network.tensors().iter().zip(&source.params);
            let layer = &network.spec().layers[info.layer];
            let same = |other: &TensorInfo| {
                let kind = source.network.spec().layers[other.layer].kind();
                other.name == info.name && other.shape == info.shape && kind == layer.kind()
            };
            let in_head = head::contains(network, info);
            match theirs.into_iter().find(|(other, _)| same(other)) {
                Some((_, theirs)) if takes_head || !in_head => own.clone_from(theirs),
                None if !in_head && !layer.is_norm() => return Err(info.clone()),
                _ => {}
            }
        }
        self.params = vector(&params.concat(), &self.device);
        let own = self
            .log_rates
            .clone()
            .map(|logarithms| to_host(logarithms.exp()));
        let [mine, others] =
            [network, &source.network].map(|network| adapting(network).collect::<Vec<_>>());
        let some_will_do = match self.config.inner.rate {
            RateConfig::Learned { initial_body, .. } => initial_body.is_some(),
            _ => false,
        };
        if let (Some(own), Some(theirs)) = (own, source.learned_rates())
            && (some_will_do || mine == others)
            && let own = RateTable::from_flat(&own, self.rate_dims())
            && let Some(rates) = theirs.written_over(&own, |tensor| {
                others.iter().position(|name| *name == mine[tensor])
            })
        {
            self.log_rates = Some(logarithms(&rates, &self.device));
        }
        self.start_ema();
        Ok(())
    }

    /// The parameters and the logarithms of learned rates that are evaluated.
    fn result(&self) -> (Vec<f32>, Vec<f32>) {
        match self.ema.as_ref().map(Ema::state) {
            Some(ema) => (ema.params, ema.log_rates),
            None => (
                to_host(self.params.clone()),
                numbers(self.log_rates.as_ref()),
            ),
        }
    }

    fn rate_table(&self, log_rates: &[f32]) -> (RateTable, usize) {
        let tensors = self.network.adapting().len();
        let recorded = self.config.record.validation_steps.iter().copied().max();
        let shown = match self.config.tasks.classes() {
            None => VALIDATION_STEPS,
            // Images are dear to adapt to.
            Some(_) => self.config.evaluation_steps().unwrap_or(0),
        };
        let steps = recorded.unwrap_or(0).max(shown);
        if !self.config.method.has_recipe() {
            return (RateTable::constant(0.0, 1, tensors), 0);
        }
        let fixed = self.config.inner.rate.fixed(1, tensors);
        let learned = || {
            let rates: Vec<f32> = log_rates.iter().map(|rate| rate.exp()).collect();
            RateTable::from_flat(&rates, self.rate_dims())
        };
        (fixed.unwrap_or_else(learned), steps)
    }

    /// What training has come to so far.
    fn model(&self) -> Result<TrainedModel, NetworkError> {
        let (params, log_rates) = self.result();
        let rates: Vec<f32> = log_rates.iter().map(|rate| rate.exp()).collect();
        TrainedModel::assemble(self.config.clone(), &params, &rates, self.iteration)
    }

    /// Trains with constants in place of the batches' own statistics from here on.
    fn fix_statistics(&mut self, statistics: &[LayerStatistics]) -> Result<(), NetworkError> {
        let network = self.network.with_statistics(statistics)?;
        self.evaluated = self.algorithm.evaluated(&self.config, &network)?;
        self.network = network;
        Ok(())
    }

    /// The shapes of the learned rates of a step.
    fn rate_dims(&self) -> Vec<[usize; 3]> {
        let per = match self.config.inner.rate {
            RateConfig::Learned { per, .. } => per,
            _ => RatePer::Tensor,
        };
        per.dims(&self.network)
    }
}

impl<B: Backend, A: Descent> Training for Trainer<B, A> {
    fn initialise(&mut self) -> Result<(), TrainError> {
        let Some(path) = self.config.model.from.clone() else {
            return Ok(());
        };
        self.start_from(TrainedModel::load(&path)?)
            .map_err(|info| TrainError::OtherNetwork {
                path,
                tensor: info.name,
                needed: info.shape,
            })
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), NetworkError> {
        let device = &self.device;
        self.iteration = checkpoint.iteration;
        self.params = vector(&checkpoint.params, device);
        let length = checkpoint.params.len();
        self.optimiser
            .restore(&checkpoint.optimiser, [length], device);
        if self.log_rates.is_some() {
            self.log_rates = Some(vector(&checkpoint.log_rates, device));
            let length = checkpoint.log_rates.len();
            self.rates_optimiser
                .restore(&checkpoint.rates_optimiser, [length], device);
        }
        if let (Some(ema), Some(state)) = (&mut self.ema, &checkpoint.ema) {
            ema.restore(state, device);
        }
        self.window = vector(&[checkpoint.window_sum], device);
        self.window_count = checkpoint.window_count;
        self.best = checkpoint.best.clone();
        if !checkpoint.statistics.is_empty() {
            self.fix_statistics(&checkpoint.statistics)?;
        }
        Ok(())
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            config_digest: self.config.digest(),
            iteration: self.iteration,
            params: to_host(self.params.clone()),
            log_rates: numbers(self.log_rates.as_ref()),
            optimiser: self.optimiser.state(),
            rates_optimiser: self.rates_optimiser.state(),
            window_sum: to_host(self.window.clone())[0],
            window_count: self.window_count,
            best: self.best.clone(),
            statistics: self.network.statistics().to_vec(),
            ema: self.ema.as_ref().map(Ema::state),
            acting: None,
        }
    }

    fn iteration(&self) -> u64 {
        self.iteration
    }

    fn rhythm(&self) -> Rhythm {
        let record = &self.config.record;
        Rhythm {
            loss: record.every,
            validation: record.validate_every,
            checkpoint: record.checkpoint_every,
        }
    }

    /// One meta-step. Reads nothing back from the device, but where statistics
    /// of batch norms are measured.
    fn step(&mut self) -> Result<(), TrainError> {
        if self.config.meta.statistics_from == Some(self.iteration) {
            let model = self.model()?;
            let measured = statistics::measure::<B>(&model, &*self.tasks, &self.device);
            self.fix_statistics(&measured)?;
            // Scores and means from here on are of another network.
            self.best = None;
            self.start_ema();
        }
        let (config, iteration) = (&self.config, self.iteration);
        let meta = &config.meta;
        let params = split(&self.network, &self.params);
        let learned = self
            .log_rates
            .as_ref()
            .map(|logarithms| from_logarithms(logarithms, &self.rate_dims()));
        let rates = learned.as_ref().map_or(&self.fixed, |(rates, _)| rates);
        let mut result = self.algorithm.gradient(&MetaStep {
            network: &self.network,
            params: &params,
            rates,
            batch: MetaBatch::of_iteration(config, &*self.tasks, iteration, &self.device),
        });
        if config.model.head == HeadStart::Shared {
            head::hold_equal(&self.network, &mut result.params);
        }
        let clip = config.clip();
        let factor = meta.rate_factor(iteration);
        let gradient = clip.apply(join(result.params));
        self.params = self
            .optimiser
            .step(meta.rate * factor, self.params.clone(), gradient);
        if let (Some((_, rates)), Some(logarithms), RateConfig::Learned { meta_rate, .. }) =
            (learned, self.log_rates.take(), &config.inner.rate)
        {
            // ∂J/∂ρ = α ∂J/∂α for α = e^ρ.
            let gradient = clip.apply(Tensor::cat(result.rates, 0) * rates);
            let logarithms = self
                .rates_optimiser
                .step(meta_rate * factor, logarithms, gradient);
            self.log_rates = Some(logarithms);
        }
        if let Some(ema) = &mut self.ema {
            ema.see(&self.params, self.log_rates.as_ref());
        }
        self.window = self.window.clone() + result.loss;
        self.window_count += 1;
        self.iteration += 1;
        Ok(())
    }

    fn take_loss(&mut self) -> f64 {
        let sum = to_host(self.window.clone())[0];
        let count = std::mem::take(&mut self.window_count);
        self.window = Tensor::zeros([1], &self.device);
        f64::from(sum) / f64::from(count.max(1))
    }

    /// Query loss, and accuracy where there are classes, on the validation tasks
    /// after 0, 1, ... inner steps; remembers the parameters if they are the best
    /// so far. Methods without an inner loop are evaluated before adaptation.
    fn validate(&mut self) -> Result<Option<Validation>, TrainError> {
        let (params, log_rates) = self.result();
        let (mut table, steps) = self.rate_table(&log_rates);
        let (network, predictor) = &self.evaluated;
        let other = (self.config.training_ways())
            .and_then(|ways| Some((ways, head::with_shared_head(network, &params)?)));
        let evaluated = match other {
            None => split_host(network, &params),
            Some((ways, params)) => {
                table = table.scaled(&self.config.rate_factors(network, ways));
                split_host(network, &params)
            }
        };
        let curves = curves::<B>(
            (&self.config.inner_loop(network), *predictor),
            &evaluated,
            &table,
            &self.validation,
            (self.config.setting(), steps),
            &self.device,
        );
        let intervals: Vec<Interval> = curves.query.iter().map(|row| Interval::of(row)).collect();
        let at_steps = &self.config.record.validation_steps;
        let accuracy: Vec<f64> = (curves.accuracy.iter().flatten())
            .map(|row| Interval::of(row).mean)
            .collect();
        let score = at_steps
            .iter()
            .map(|&step| match self.config.record.keep_by {
                KeepBy::Loss => intervals[step.min(steps)].mean,
                KeepBy::Accuracy => 1.0 - accuracy[step.min(steps)],
            })
            .sum::<f64>()
            / at_steps.len() as f64;
        // Of equals the later: where all are, none is better than one that was trained.
        if score.is_finite() && self.best.as_ref().is_none_or(|best| score <= best.score) {
            self.best = Some(Best {
                iteration: self.iteration,
                score,
                params,
                log_rates,
            });
        }
        let finite = |value: f64| value.is_finite().then_some(value);
        let means = intervals.iter().map(|interval| finite(interval.mean));
        let half_widths = intervals.iter().map(|interval| finite(interval.half_width));
        Ok(Some(Validation {
            shots: self.config.record.validation_shots,
            mean: means.collect(),
            half_width: half_widths.collect(),
            accuracy,
        }))
    }
}

/// The names of the adapting tensors.
fn adapting(network: &Network) -> impl Iterator<Item = &str> {
    let tensors = network.tensors().iter();
    tensors
        .filter(|info| info.adapts)
        .map(|info| info.name.as_str())
}
