//! Multi-task learning by averaging parameters, from the paper's appendix: many
//! networks, each trained from random weights on a task of its own until its
//! error is low; the initialisation is the mean of their parameters.
//!
//! Networks are trained in blocks, all networks of a block at once on the task
//! axis. The third variant pulls every network to the mean of those trained
//! before; here that is the mean of all earlier blocks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::tensor::{
    Tensor, TensorData,
    backend::{AutodiffBackend, Backend},
};

use crate::config::{AveragingConfig, Config, Regulariser};
use crate::meta::{Optimiser, to_host};
use crate::model::TrainedModel;
use crate::nn::{Network, init};
use crate::random::{Stream, generator};
use crate::run::{Checkpoint, Line, Outcome, RunDir};
use crate::tasks::{Sinusoid, SinusoidTask};
use crate::train::{End, Event, TrainError, statistics};

/// Inputs on which a network's error is measured, evenly spaced.
const GRID: usize = 100;

/// Iterations between measurements of the error.
const CHECK_EVERY: u64 = 100;

/// Trains `config.averaging.networks` networks and leaves their mean as the
/// run's parameters. `meta.iterations` bounds the iterations of one network,
/// `meta.rate` is Adam's step size. A checkpoint is left after every block.
pub fn train<B: AutodiffBackend>(
    config: &Config,
    averaging: &AveragingConfig,
    run: &RunDir,
    device: &B::Device,
    stop: &AtomicBool,
    mut observe: impl FnMut(Event<'_>),
) -> Result<End, TrainError> {
    let sinusoid = config.tasks.sinusoid().ok_or(TrainError::NotSinusoids)?;
    let start = Instant::now();
    let network = config.network()?.all_adapting();
    let checkpoint = run.latest_checkpoint()?;
    let first = checkpoint
        .as_ref()
        .map_or(0, |checkpoint| checkpoint.iteration);
    let mut metrics = run.metrics(Some(first).filter(|_| checkpoint.is_some()))?;
    let mut mean: Vec<f64> = checkpoint.map_or_else(
        || vec![0.0; network.parameter_count()],
        |checkpoint| {
            checkpoint
                .params
                .iter()
                .map(|&value| f64::from(value))
                .collect()
        },
    );
    let total = averaging.networks as u64;
    let mut done = first;
    while done < total {
        let count = averaging.block.min((total - done) as usize);
        let block = Block {
            config,
            averaging,
            sinusoid,
            network: &network,
            first: done,
            count,
        };
        let (params, errors) = block.train::<B::InnerBackend>(&mean, device);
        for network in &params {
            done += 1;
            for (mean, &value) in mean.iter_mut().zip(network) {
                *mean += (f64::from(value) - *mean) / done as f64;
            }
        }
        // As a checkpoint keeps it, so that a resumed run sees the same mean.
        for mean in &mut mean {
            *mean = f64::from(*mean as f32);
        }
        let worst = errors.iter().copied().fold(0.0, f32::max);
        let line = Line {
            iteration: done,
            loss: Some(f64::from(worst)),
            validation: None,
        };
        metrics.write(&line)?;
        observe(Event::Iteration(done));
        observe(Event::Metrics(&line));
        run.write_checkpoint(&Checkpoint {
            config_digest: config.digest(),
            iteration: done,
            params: mean.iter().map(|&value| value as f32).collect(),
            ..Default::default()
        })?;
        observe(Event::Checkpoint(done));
        if stop.load(Ordering::Relaxed) && done < total {
            return Ok(End::Stopped { iteration: done });
        }
    }
    if let Some(checkpoint) = run.latest_checkpoint()? {
        let model = TrainedModel::from_checkpoint(config.clone(), &checkpoint)?;
        statistics::record::<B::InnerBackend>(&model, sinusoid, run, device)?;
    }
    let outcome = Outcome {
        iterations: total,
        iterations_here: total - first,
        seconds: start.elapsed().as_secs_f64(),
        chosen_iteration: total,
        validation: Vec::new(),
    };
    run.write_outcome(&outcome)?;
    Ok(End::Finished(outcome))
}

/// Networks trained at once.
struct Block<'a> {
    config: &'a Config,
    averaging: &'a AveragingConfig,
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
