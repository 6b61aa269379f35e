//! Multi-task learning by averaging parameters, from the paper's appendix: many
//! networks, each trained from random weights on a task of its own until its
//! error is low; the initialisation is the mean of their parameters.
//!
//! Networks are trained in blocks, all networks of a block at once on the task
//! axis. The third variant pulls every network to the mean of those trained
//! before; here that is the mean of all earlier blocks.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData, backend::Backend};
use serde::{Deserialize, Serialize};

use super::{Adaptation, Algorithm, Properties, check};
use crate::config::check::{at_least_one, not_negative, positive, require};
use crate::config::{Config, Fault};
use crate::meta::{Optimiser, OptimiserKind, to_host};
use crate::nn::{Network, NetworkError, init};
use crate::outer::{Rhythm, TrainError, Training};
use crate::predict::Predictor;
use crate::random::{Stream, generator};
use crate::run::{Checkpoint, Validation};
use crate::tasks::{Sinusoid, SinusoidTask, TaskDistribution};

/// Networks trained on one task each; their mean adapts with a tuned rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Averaging {
    /// Number of networks, each with a task and initial weights of its own.
    pub networks: usize,
    /// What pulls on the weights besides the data.
    pub regulariser: Regulariser,
    /// Strength `λ` of the regulariser: `λ·‖θ − c‖²` is added to the loss, with
    /// `c = 0` or the running mean.
    pub lambda: f64,
    /// A network is trained once its error is below this.
    pub target: f64,
    /// Iterations that every network is trained for, however low its error;
    /// `meta.iterations` bounds them from above.
    pub iterations: u64,
    /// Examples per network and iteration.
    pub batch: usize,
    /// Networks trained at once; the running mean is that of all earlier
    /// blocks.
    pub block: usize,
}

/// What pulls on the weights of a network trained on one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regulariser {
    /// Nothing.
    None,
    /// Weight decay to 0.
    L2,
    /// Weight decay to the mean of the networks trained so far.
    L2ToMean,
}

/// Inputs on which a network's error is measured, evenly spaced.
const GRID: usize = 100;

/// Iterations between measurements of the error.
const CHECK_EVERY: u64 = 100;

impl Algorithm for Averaging {
    fn properties(&self) -> Properties {
        Properties {
            adaptation: Adaptation::TunedRate,
            predictor: Predictor::Outputs,
            through_inner_loop: false,
            trains: true,
            is_bound: false,
            acts: false,
        }
    }

    fn check(&self, config: &Config) -> Result<(), Fault> {
        check::sinusoids(config)?;
        check::no_inner_loop(config)?;
        at_least_one("averaging.networks", self.networks)?;
        at_least_one("averaging.batch", self.batch)?;
        at_least_one("averaging.block", self.block)?;
        positive("averaging.target", self.target)?;
        not_negative("averaging.lambda", self.lambda)?;
        require(
            config.meta.optimiser == OptimiserKind::Adam,
            "meta.optimiser",
            "\"adam\" for method = \"averaging\"",
            "another",
        )?;
        require(
            config.meta.ema.is_none(),
            "meta.ema",
            "absent for method = \"averaging\"",
            config.meta.ema.unwrap_or_default(),
        )?;
        require(
            config.model.from.is_none(),
            "model.from",
            "absent for method = \"averaging\", which starts from networks drawn at random",
            "a run",
        )
    }

    fn start<B: Backend>(
        &self,
        config: &Config,
        _tasks: Arc<dyn TaskDistribution>,
        device: &B::Device,
    ) -> Result<Box<dyn Training>, TrainError> {
        let sinusoid = config.tasks.sinusoid().ok_or(TrainError::NotSinusoids)?;
        let network = config.network()?.all_adapting();
        Ok(Box::new(Mean::<B> {
            settings: self.clone(),
            config: config.clone(),
            sinusoid: sinusoid.clone(),
            values: vec![0.0; network.parameter_count()],
            network,
            networks: 0,
            worst: 0.0,
            device: device.clone(),
        }))
    }

    fn length(&self, _config: &Config) -> (&'static str, u64) {
        ("networks", self.networks as u64)
    }
}

/// The mean of the networks trained so far. A step trains one block more.
///
/// `meta.iterations` bounds the iterations of one network, `meta.rate` is Adam's step
/// size.
struct Mean<B: Backend> {
    settings: Averaging,
    config: Config,
    sinusoid: Sinusoid,
    network: Network,
    device: B::Device,
    networks: u64,
    values: Vec<f64>,
    /// The largest error of a network of the last block.
    worst: f32,
}

impl<B: Backend> Training for Mean<B> {
    fn initialise(&mut self) -> Result<(), TrainError> {
        Ok(())
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), NetworkError> {
        self.networks = checkpoint.iteration;
        let values = checkpoint.params.iter();
        self.values = values.map(|&value| f64::from(value)).collect();
        Ok(())
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            config_digest: self.config.digest(),
            iteration: self.networks,
            params: self.values.iter().map(|&value| value as f32).collect(),
            ..Default::default()
        }
    }

    fn iteration(&self) -> u64 {
        self.networks
    }

    /// After every block.
    fn rhythm(&self) -> Rhythm {
        Rhythm {
            loss: 1,
            validation: 1,
            checkpoint: 1,
        }
    }

    fn step(&mut self) -> Result<(), TrainError> {
        let left = self.settings.networks as u64 - self.networks;
        let block = Block {
            config: &self.config,
            averaging: &self.settings,
            sinusoid: &self.sinusoid,
            network: &self.network,
            first: self.networks,
            count: self.settings.block.min(left as usize),
        };
        let (params, errors) = block.train::<B>(&self.values, &self.device);
        for network in &params {
            self.networks += 1;
            for (mean, &value) in self.values.iter_mut().zip(network) {
                *mean += (f64::from(value) - *mean) / self.networks as f64;
            }
        }
        // As a checkpoint keeps it, so that a resumed run sees the same mean.
        for mean in &mut self.values {
            *mean = f64::from(*mean as f32);
        }
        self.worst = errors.into_iter().fold(0.0, f32::max);
        Ok(())
    }

    fn take_loss(&mut self) -> f64 {
        f64::from(self.worst)
    }

    fn validate(&mut self) -> Result<Option<Validation>, TrainError> {
        Ok(None)
    }
}

/// Networks trained at once.
struct Block<'a> {
    config: &'a Config,
    averaging: &'a Averaging,
    sinusoid: &'a Sinusoid,
    network: &'a Network,
    first: u64,
    count: usize,
}

impl Block<'_> {
    /// Trains every network for at least `averaging.iterations` iterations and
    /// until its error has been below the target, or `meta.iterations` are used
    /// up. Its parameters, flat, are those of the last measurement below the
    /// target, on which the regulariser has worked longest, or of the lowest.
    /// Also returns the errors.
    fn train<B: Backend>(&self, mean: &[f64], device: &B::Device) -> (Vec<Vec<f32>>, Vec<f32>) {
        let (config, network) = (self.config, self.network);
        let mut params = self.initial::<B>(device);
        let anchor = self.anchor::<B>(mean, device);
        let betas = config.meta.betas.map(|beta| beta as f32);
        let mut optimisers = vec![Optimiser::<B, 3>::new(betas); params.len()];
        let (grid_x, grid_y) = self.grid::<B>(device);

        let mut kept: Vec<Option<Vec<f32>>> = vec![None; self.count];
        let mut errors = vec![f32::INFINITY; self.count];
        let below = |error: f32| f64::from(error) <= self.averaging.target;
        for iteration in 0..=config.meta.iterations {
            if iteration.is_multiple_of(CHECK_EVERY) || iteration == config.meta.iterations {
                let prediction = network.forward(&params, grid_x.clone());
                let measured = to_host(config.loss().value(prediction, grid_y.clone()));
                let rows = self.rows(&params);
                for (index, error) in measured.into_iter().enumerate() {
                    if below(error) || error < errors[index] {
                        errors[index] = error;
                        kept[index] = Some(rows[index].clone());
                    }
                }
                let all = errors.iter().all(|&error| below(error));
                if all && iteration >= self.averaging.iterations {
                    break;
                }
            }
            let (x, y) = self.batch::<B>(iteration, device);
            let trace = network.forward_trace(&params, x);
            let dy = config.loss().gradient(trace.output().clone(), y);
            let gradients = network.backward(&params, &trace, dy);
            params = params
                .into_iter()
                .zip(gradients)
                .zip(&anchor)
                .zip(&mut optimisers)
                .map(|(((param, gradient), anchor), optimiser)| {
                    let mut gradient = gradient.expect("every tensor adapts");
                    if let Some(anchor) = anchor {
                        // ∇ λ‖θ − c‖² = 2λ (θ − c).
                        let pull = param.clone() - anchor.clone();
                        gradient = gradient + pull.mul_scalar(2.0 * self.averaging.lambda);
                    }
                    optimiser.step(config.meta.rate, param, gradient)
                })
                .collect();
        }
        let rows = self.rows(&params);
        let kept = kept
            .into_iter()
            .zip(rows)
            .map(|(kept, last)| kept.unwrap_or(last))
            .collect();
        (kept, errors)
    }

    /// Initial weights, drawn for each network apart, `[count, ...]`.
    fn initial<B: Backend>(&self, device: &B::Device) -> Vec<Tensor<B, 3>> {
        let draws: Vec<Vec<Vec<f32>>> = (0..self.count as u64)
            .map(|index| {
                let index = 1 + self.first + index;
                init::draw(
                    self.network,
                    self.config.model.init,
                    self.config.seed,
                    index,
                )
            })
            .collect();
        self.network
            .tensors()
            .iter()
            .enumerate()
            .map(|(tensor, info)| {
                let data: Vec<f32> = draws
                    .iter()
                    .flat_map(|draw| &draw[tensor])
                    .copied()
                    .collect();
                Tensor::from_data(TensorData::new(data, info.dims(self.count)), device)
            })
            .collect()
    }

    /// What the weights are pulled to, repeated for every network; `None`
    /// without a pull.
    fn anchor<B: Backend>(&self, mean: &[f64], device: &B::Device) -> Vec<Option<Tensor<B, 3>>> {
        let mut rest = mean;
        self.network
            .tensors()
            .iter()
            .map(|info| {
                let (values, after) = rest.split_at(info.len());
                rest = after;
                let centre: Vec<f32> = match self.averaging.regulariser {
                    Regulariser::None => return None,
                    // Before the first block there is no mean to be pulled to.
                    Regulariser::L2ToMean if self.first == 0 => return None,
                    Regulariser::L2 => vec![0.0; info.len()],
                    Regulariser::L2ToMean => values.iter().map(|&value| value as f32).collect(),
                };
                let data = centre.repeat(self.count);
                Some(Tensor::from_data(
                    TensorData::new(data, info.dims(self.count)),
                    device,
                ))
            })
            .collect()
    }

    /// The task of each network.
    fn tasks(&self) -> Vec<SinusoidTask> {
        (0..self.count as u64)
            .flat_map(|index| {
                let mut rng = generator(self.config.seed, Stream::Averaging, self.first + index);
                self.sinusoid.draw_tasks(&mut rng, 1)
            })
            .collect()
    }

    /// Fresh examples of every network's task, `[count, batch, 1]`.
    fn batch<B: Backend>(
        &self,
        iteration: u64,
        device: &B::Device,
    ) -> (Tensor<B, 3>, Tensor<B, 3>) {
        // Above the addresses of tasks: networks below 2^24, iterations too.
        let index = 1 << 55 | self.first << 24 | iteration;
        let mut rng = generator(self.config.seed, Stream::Averaging, index);
        let count = self.averaging.batch;
        let (x, y) = self.sinusoid.examples(&mut rng, &self.tasks(), count);
        let tensor =
            |data| Tensor::from_data(TensorData::new(data, [self.count, count, 1]), device);
        (tensor(x), tensor(y))
    }

    /// Evenly spaced examples of every network's task, `[count, GRID, 1]`.
    fn grid<B: Backend>(&self, device: &B::Device) -> (Tensor<B, 3>, Tensor<B, 3>) {
        let [low, high] = self.sinusoid.x.map(|bound| bound as f32);
        let xs: Vec<f32> = (0..GRID)
            .map(|i| low + (high - low) * (i as f32 + 0.5) / GRID as f32)
            .collect();
        let ys: Vec<f32> = self
            .tasks()
            .iter()
            .flat_map(|task| xs.iter().map(|&x| task.value(x)).collect::<Vec<_>>())
            .collect();
        let tensor = |data| Tensor::from_data(TensorData::new(data, [self.count, GRID, 1]), device);
        (tensor(xs.repeat(self.count)), tensor(ys))
    }

    /// The parameters of each network as one flat vector.
    fn rows<B: Backend>(&self, params: &[Tensor<B, 3>]) -> Vec<Vec<f32>> {
        let mut rows = vec![Vec::new(); self.count];
        for param in params {
            let data = to_host(param.clone());
            let width = data.len() / self.count;
            for (row, values) in rows.iter_mut().zip(data.chunks_exact(width)) {
                row.extend_from_slice(values);
            }
        }
        rows
    }
}
