//! Training as a state: one meta-step, validation, saving and restoring.

use std::sync::Arc;

use burn::tensor::{Tensor, backend::Backend};

use super::ema::Ema;
use super::flat::{logarithms, vector};
use super::learned::Learned;
use super::{Descent, MetaStep, Rhythm, TrainError, Training, statistics};
use crate::config::{Config, KeepBy, RateConfig};
use crate::interval::Interval;
use crate::meta::{RateTable, split, split_host, to_host};
use crate::model::TrainedModel;
use crate::nn::{HeadStart, LayerStatistics, Network, NetworkError, TensorInfo, head, init};
use crate::predict::{Predictor, curves};
use crate::random::{Stream, generator};
use crate::run::{Checkpoint, Validation};
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
    learned: Learned<B>,
    ema: Option<Ema<B>>,
    window: Tensor<B, 1>,
    window_count: u32,
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
        let params = init::draw(&network, config.model.init, config.seed, 0).concat();
        let params = config.model.head.begin(&network, params);
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
            learned: Learned::new(config, &network, &params, initial.learned_rates(), device),
            evaluated: algorithm.evaluated(config, &network)?,
            algorithm,
            network,
            ema: None,
            window: Tensor::zeros([1], device),
            window_count: 0,
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
        let Learned {
            params, log_rates, ..
        } = &self.learned;
        let start = |decay| Ema::new(decay, params.clone(), log_rates.clone());
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
        let mut params = split_host(network, &to_host(self.learned.params.clone()));
        // Its head may give a start to another number of outputs.
        let source = source.clone().with_ways(network.output()).unwrap_or(source);
        let takes_head = self.config.model.head.takes(source.config.model.head);
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
        self.learned.params = vector(&params.concat(), &self.device);
        let own = (self.learned.log_rates.clone()).map(|logarithms| to_host(logarithms.exp()));
        let [mine, others] =
            [network, &source.network].map(|network| adapting(network).collect::<Vec<_>>());
        let some_will_do = match self.config.inner.rate {
            RateConfig::Learned { initial_body, .. } => initial_body.is_some(),
            _ => false,
        };
        if let (Some(own), Some(theirs)) = (own, source.learned_rates())
            && (some_will_do || mine == others)
            && let own = RateTable::from_flat(&own, self.learned.dims.clone())
            && let Some(rates) = theirs.written_over(&own, |tensor| {
                others.iter().position(|name| *name == mine[tensor])
            })
        {
            self.learned.log_rates = Some(logarithms(&rates, &self.device));
        }
        self.start_ema();
        Ok(())
    }

    /// The parameters and the logarithms of learned rates that are evaluated.
    fn result(&self) -> (Vec<f32>, Vec<f32>) {
        match self.ema.as_ref().map(Ema::state) {
            Some(ema) => (ema.params, ema.log_rates),
            None => self.learned.on_host(),
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
            RateTable::from_flat(&rates, self.learned.dims.clone())
        };
        (fixed.unwrap_or_else(learned), steps)
    }

    /// What training has come to so far.
    fn model(&self) -> Result<TrainedModel, NetworkError> {
        let (params, log_rates) = self.result();
        let rates: Vec<f32> = log_rates.iter().map(|rate| rate.exp()).collect();
        let iteration = self.learned.iteration;
        TrainedModel::assemble(self.config.clone(), &params, &rates, iteration)
    }

    /// Trains with constants in place of the batches' own statistics from here on.
    fn fix_statistics(&mut self, statistics: &[LayerStatistics]) -> Result<(), NetworkError> {
        let network = self.network.with_statistics(statistics)?;
        self.evaluated = self.algorithm.evaluated(&self.config, &network)?;
        self.network = network;
        Ok(())
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
        self.learned.restore(checkpoint, device);
        if let (Some(ema), Some(state)) = (&mut self.ema, &checkpoint.ema) {
            ema.restore(state, device);
        }
        self.window = vector(&[checkpoint.window_sum], device);
        self.window_count = checkpoint.window_count;
        if !checkpoint.statistics.is_empty() {
            self.fix_statistics(&checkpoint.statistics)?;
        }
        Ok(())
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            window_sum: to_host(self.window.clone())[0],
            window_count: self.window_count,
            statistics: self.network.statistics().to_vec(),
            ema: self.ema.as_ref().map(Ema::state),
            ..self.learned.checkpoint(&self.config)
        }
    }

    fn iteration(&self) -> u64 {
        self.learned.iteration
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
        if self.config.meta.statistics_from == Some(self.learned.iteration) {
            let model = self.model()?;
            let measured = statistics::measure::<B>(&model, &*self.tasks, &self.device);
            self.fix_statistics(&measured)?;
            // Scores and means from here on are of another network.
            self.learned.best = None;
            self.start_ema();
        }
        let (config, iteration) = (&self.config, self.learned.iteration);
        let params = split(&self.network, &self.learned.params);
        let (rates, flat_rates) = self.learned.rates();
        let mut result = self.algorithm.gradient(&MetaStep {
            network: &self.network,
            params: &params,
            rates: &rates,
            batch: MetaBatch::of_iteration(config, &*self.tasks, iteration, &self.device),
        });
        if config.model.head == HeadStart::Shared {
            head::hold_equal(&self.network, &mut result.params);
        }
        self.window = self.window.clone() + result.loss.clone();
        self.window_count += 1;
        self.learned.descend(config, result, flat_rates);
        self.learned.iteration += 1;
        if let Some(ema) = &mut self.ema {
            ema.see(&self.learned.params, self.learned.log_rates.as_ref());
        }
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
        self.learned.keep_if_best(score, (params, log_rates));
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
