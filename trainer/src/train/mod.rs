//! The training loop: meta-gradient, Adam, metrics, validation, checkpoints.
//!
//! Nothing in the loop depends on when it was started or interrupted. Task
//! batches are a function of the iteration, the optimiser's state is in the
//! checkpoint, and metrics hold no times: `--resume` gives the same bytes as an
//! uninterrupted run on the same device.

mod ema;
mod flat;
mod objective;
mod recipe;
pub(crate) mod statistics;
mod trainer;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::tensor::backend::AutodiffBackend;

use crate::baselines::averaging;
use crate::config::Config;
use crate::model::{ModelError, TrainedModel};
use crate::nn::NetworkError;
use crate::run::{Line, Outcome, RunDir, RunError};
use crate::tasks::{Split, TasksError};

pub use statistics::measure as measure_statistics;
pub use trainer::Trainer;

/// Why training stopped early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The network cannot be built.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A file cannot be read or written.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The data cannot be opened.
    #[error(transparent)]
    Data(#[from] TasksError),
    /// Networks for averaging are trained on single sinusoids.
    #[error("method = \"averaging\" needs tasks.distribution = \"sinusoid\"")]
    NotSinusoids,
    /// The run to start from gives no model.
    #[error("model.from")]
    From(#[from] ModelError),
    /// The run to start from is of another network.
    #[error(
        "model.from: {} has no tensor {tensor} of shape {needed:?}; its layers must be those of \
         this run, but for the number of outputs and for norms",
        path.display()
    )]
    OtherNetwork {
        /// The run.
        path: PathBuf,
        /// What is missing.
        tensor: String,
        /// Its shape.
        needed: Vec<usize>,
    },
    /// The loss is not a number any more.
    #[error(
        "training diverged: the loss is {loss} at iteration {iteration}; lower meta.rate or \
         inner.rate, or set meta.clip_norm"
    )]
    Diverged {
        /// Iterations done.
        iteration: u64,
        /// The loss.
        loss: f64,
    },
}

/// What a caller may want to show.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// An iteration is done.
    Iteration(u64),
    /// A line of metrics was written.
    Metrics(&'a Line),
    /// A checkpoint was written.
    Checkpoint(u64),
}

/// How training ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// All iterations are done.
    Finished(Outcome),
    /// It was asked to stop and left a checkpoint.
    Stopped {
        /// Iterations done.
        iteration: u64,
    },
}

/// Trains the run in `run` to its end, from its latest checkpoint if it has
/// one, until `stop` is set.
pub fn train<B: AutodiffBackend>(
    config: &Config,
    run: &RunDir,
    device: B::Device,
    stop: &AtomicBool,
    mut observe: impl FnMut(Event<'_>),
) -> Result<End, TrainError> {
    if let Some(averaging) = &config.averaging {
        return averaging::train::<B>(config, averaging, run, &device, stop, observe);
    }
    let start = Instant::now();
    let distribution = config.tasks.open_to_train(config.meta.ways)?;
    let shots = config.meta.shots.choices().iter().copied().max();
    distribution.check(Split::Train, shots.unwrap_or(1), config.meta.queries)?;
    let record = &config.record;
    let queries = trainer::validation_queries(config, &*distribution);
    distribution.check(Split::Validation, record.validation_shots, queries)?;
    let mut trainer = Trainer::<B>::new(config, distribution.clone(), device.clone())?;
    let mut last_validation = Vec::new();
    let checkpoint = run.latest_checkpoint()?;
    let first = checkpoint
        .as_ref()
        .map_or(0, |checkpoint| checkpoint.iteration);
    let mut metrics = run.metrics(Some(first).filter(|_| checkpoint.is_some()))?;
    let total = config.meta.iterations;
    match &checkpoint {
        Some(checkpoint) => trainer.restore(checkpoint)?,
        None => {
            if let Some(path) = &config.model.from {
                trainer
                    .start_from(TrainedModel::load(path)?)
                    .map_err(|info| TrainError::OtherNetwork {
                        path: path.clone(),
                        tensor: info.name,
                        needed: info.shape,
                    })?;
            }
            let validation = trainer.validate();
            let line = Line {
                iteration: 0,
                loss: None,
                validation: Some(validation),
            };
            metrics.write(&line)?;
            observe(Event::Metrics(&line));
            // An interruption or a full disk always finds one to fall back on.
            run.write_checkpoint(&trainer.checkpoint())?;
        }
    }
    while trainer.iteration() < total {
        trainer.step()?;
        let done = trainer.iteration();
        observe(Event::Iteration(done));
        let due = |every: u64| done.is_multiple_of(every) || done == total;
        let mut line = Line {
            iteration: done,
            loss: None,
            validation: None,
        };
        if due(config.record.every) {
            let loss = trainer.take_loss();
            if !loss.is_finite() {
                return Err(TrainError::Diverged {
                    iteration: done,
                    loss,
                });
            }
            line.loss = Some(loss);
        }
        if due(config.record.validate_every) {
            let validation = trainer.validate();
            last_validation = validation.mean.clone();
            line.validation = Some(validation);
        }
        if line.loss.is_some() || line.validation.is_some() {
            metrics.write(&line)?;
            observe(Event::Metrics(&line));
        }
        let stopping = stop.load(Ordering::Relaxed) && done < total;
        if due(config.record.checkpoint_every) || stopping {
            run.write_checkpoint(&trainer.checkpoint())?;
            observe(Event::Checkpoint(done));
        }
        if stopping {
            return Ok(End::Stopped { iteration: done });
        }
    }
    let checkpoint = trainer.checkpoint();
    let model = TrainedModel::from_checkpoint(config.clone(), &checkpoint)?;
    statistics::record::<B::InnerBackend>(&model, &*distribution, run, &device)?;
    let outcome = Outcome {
        iterations: total,
        iterations_here: total - first,
        seconds: start.elapsed().as_secs_f64(),
        chosen_iteration: model.iteration,
        validation: last_validation,
    };
    run.write_outcome(&outcome)?;
    Ok(End::Finished(outcome))
}

#[cfg(test)]
mod tests;
