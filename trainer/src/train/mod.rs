//! The training loop: meta-gradient, Adam, metrics, validation, checkpoints.
//!
//! Nothing in the loop depends on when it was started or interrupted. Task
//! batches are a function of the iteration, the optimiser's state is in the
//! checkpoint, and metrics hold no times: `--resume` gives the same bytes as an
//! uninterrupted run on the same device.

mod ema;
mod flat;
mod outer;
mod statistics;
mod trainer;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::tensor::backend::Backend;

use crate::algorithms::Algorithm;
use crate::config::Config;
use crate::model::{ModelError, TrainedModel};
use crate::nn::NetworkError;
use crate::run::{Checkpoint, Line, Outcome, RunDir, RunError, Validation};
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

/// Training as a state that can be stepped, saved and restored, whatever the algorithm.
pub trait Training {
    /// What has to be done where there is no checkpoint to go on from: takes over the
    /// parameters of the run that the config names, for one.
    ///
    /// # Errors
    /// [`TrainError`] where that run is unreadable or of another network.
    fn initialise(&mut self) -> Result<(), TrainError>;

    /// Goes on from a checkpoint of the same config.
    ///
    /// # Errors
    /// [`NetworkError`] where the checkpoint is that of another network.
    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), NetworkError>;

    /// Everything needed to go on.
    fn checkpoint(&self) -> Checkpoint;

    /// Iterations done.
    fn iteration(&self) -> u64;

    /// How often something is recorded.
    fn rhythm(&self) -> Rhythm;

    /// The next iteration.
    ///
    /// # Errors
    /// [`NetworkError`] where the network that it makes is unusable.
    fn step(&mut self) -> Result<(), NetworkError>;

    /// Mean training loss since the last call.
    fn take_loss(&mut self) -> f64;

    /// Loss and accuracy on validation tasks, where the algorithm has such; remembers the
    /// parameters if they are the best so far.
    fn validate(&mut self) -> Option<Validation>;
}

/// Iterations from one record to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// Of the training loss.
    pub loss: u64,
    /// Of validation.
    pub validation: u64,
    /// Of checkpoints.
    pub checkpoint: u64,
}

/// Trains the run in `run` to its end, from its latest checkpoint if it has
/// one, until `stop` is set.
///
/// # Errors
/// [`TrainError`]; the run's last checkpoint stands.
pub fn train<B: Backend>(
    config: &Config,
    run: &RunDir,
    device: B::Device,
    stop: &AtomicBool,
    mut observe: impl FnMut(Event<'_>),
) -> Result<End, TrainError> {
    let start = Instant::now();
    let tasks = config.tasks.open_to_train(config.meta.ways)?;
    let shots = config.meta.shots.choices().iter().copied().max();
    tasks.check(Split::Train, shots.unwrap_or(1), config.meta.queries)?;
    let record = &config.record;
    let queries = trainer::validation_queries(config, &*tasks);
    tasks.check(Split::Validation, record.validation_shots, queries)?;
    let mut training = config.method.start::<B>(config, tasks.clone(), &device)?;
    let mut last_validation = Vec::new();
    let checkpoint = run.latest_checkpoint()?;
    let first = checkpoint
        .as_ref()
        .map_or(0, |checkpoint| checkpoint.iteration);
    let mut metrics = run.metrics(Some(first).filter(|_| checkpoint.is_some()))?;
    let (_, total) = config.method.length(config);
    let rhythm = training.rhythm();
    match &checkpoint {
        Some(checkpoint) => training.restore(checkpoint)?,
        None => {
            training.initialise()?;
            if let Some(validation) = training.validate() {
                let line = Line {
                    iteration: 0,
                    loss: None,
                    validation: Some(validation),
                };
                metrics.write(&line)?;
                observe(Event::Metrics(&line));
            }
            // An interruption or a full disk always finds one to fall back on.
            run.write_checkpoint(&training.checkpoint())?;
        }
    }
    while training.iteration() < total {
        training.step()?;
        let done = training.iteration();
        observe(Event::Iteration(done));
        let due = |every: u64| done.is_multiple_of(every) || done == total;
        let mut line = Line {
            iteration: done,
            loss: None,
            validation: None,
        };
        if due(rhythm.loss) {
            let loss = training.take_loss();
            if !loss.is_finite() {
                return Err(TrainError::Diverged {
                    iteration: done,
                    loss,
                });
            }
            line.loss = Some(loss);
        }
        if due(rhythm.validation) {
            line.validation = training.validate();
            if let Some(validation) = &line.validation {
                last_validation.clone_from(&validation.mean);
            }
        }
        if line.loss.is_some() || line.validation.is_some() {
            metrics.write(&line)?;
            observe(Event::Metrics(&line));
        }
        let stopping = stop.load(Ordering::Relaxed) && done < total;
        if due(rhythm.checkpoint) || stopping {
            run.write_checkpoint(&training.checkpoint())?;
            observe(Event::Checkpoint(done));
        }
        if stopping {
            return Ok(End::Stopped { iteration: done });
        }
    }
    let model = TrainedModel::from_checkpoint(config.clone(), &training.checkpoint())?;
    statistics::record::<B>(&model, &*tasks, run, &device)?;
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
