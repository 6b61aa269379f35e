//! The training loop: meta-gradient, Adam, metrics, validation, checkpoints.
//!
//! Nothing in the loop depends on when it was started or interrupted. Task
//! batches are a function of the iteration, the optimiser's state is in the
//! checkpoint, and metrics hold no times: `--resume` gives the same bytes as an
//! uninterrupted run on the same device.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::tensor::backend::Backend;

use crate::algorithms::Algorithm;
use crate::config::Config;
use crate::model::TrainedModel;
use crate::notice::notice;
use crate::outer::{Training, record_statistics, validation_queries};
use crate::policies::PolicyTrainer;
use crate::run::{Line, Outcome, RunDir};
use crate::tasks::{Split, TaskSource, TasksError};

pub use crate::outer::TrainError;

/// What a caller may want to show.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Something to know about the data.
    Note(&'a str),
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

/// Opens the data of a config, which has enough for its training and validation.
///
/// # Errors
/// [`TasksError`] where data is missing, unusable or too little.
pub fn open(config: &Config) -> Result<TaskSource, TasksError> {
    if config.tasks.acts() {
        return config.tasks.source();
    }
    let tasks = config.tasks.open_to_train(config.meta.ways)?;
    let shots = config.meta.shots.choices().iter().copied().max();
    tasks.check(Split::Train, shots.unwrap_or(1), config.meta.queries)?;
    let record = &config.record;
    let queries = validation_queries(config, &*tasks);
    tasks.check(Split::Validation, record.validation_shots, queries)?;
    Ok(TaskSource::Supervised(tasks))
}

/// [`train_on`] the tasks of the config.
///
/// # Errors
/// As [`open`] and [`train_on`].
pub fn train<B: Backend>(
    config: &Config,
    run: &RunDir,
    device: B::Device,
    stop: &AtomicBool,
    observe: impl FnMut(Event<'_>),
) -> Result<End, TrainError> {
    train_on::<B>((config, open(config)?), run, device, stop, observe)
}

/// Trains the run in `run` to its end, from its latest checkpoint if it has
/// one, until `stop` is set, on what [`open`] gave. A run that has ended stays as it is.
///
/// # Errors
/// [`TrainError`]; the run's last checkpoint stands.
pub fn train_on<B: Backend>(
    (config, tasks): (&Config, TaskSource),
    run: &RunDir,
    device: B::Device,
    stop: &AtomicBool,
    mut observe: impl FnMut(Event<'_>),
) -> Result<End, TrainError> {
    let start = Instant::now();
    for note in tasks.notes() {
        observe(Event::Note(note));
    }
    let mut training: Box<dyn Training> = match &tasks {
        TaskSource::Supervised(tasks) => {
            config.method.start::<B>(config, tasks.clone(), &device)?
        }
        TaskSource::Acting(environments) => Box::new(PolicyTrainer::<B>::new(
            config,
            environments.clone(),
            &device,
        )?),
    };
    let checkpoint = run.latest_checkpoint()?;
    let data = tasks.digest();
    if checkpoint.is_some() {
        if !run.check_data(data.as_ref())? {
            notice(&format!(
                "{} does not say what its data was; it goes on with what is there",
                run.path().display()
            ));
        }
    } else if let Some(data) = &data {
        run.write_data(data)?;
    }
    let first = checkpoint
        .as_ref()
        .map_or(0, |checkpoint| checkpoint.iteration);
    let (_, total) = config.method.length(config);
    if let (Some(outcome), true) = (run.outcome(), first == total) {
        return Ok(End::Finished(outcome));
    }
    let mut metrics = run.metrics(Some(first).filter(|_| checkpoint.is_some()))?;
    let rhythm = training.rhythm();
    match &checkpoint {
        Some(checkpoint) => training.restore(checkpoint)?,
        None => {
            training.initialise()?;
            if let Some(validation) = training.validate()? {
                let line = Line {
                    validation: Some(validation),
                    ..Line::at(0)
                };
                metrics.write(&line)?;
                observe(Event::Metrics(&line));
            }
            // An interruption or a full disk always finds one to fall back on.
            run.write_checkpoint(&training.checkpoint())?;
        }
    }
    while training.iteration() < total {
        if let Err(error) = training.step() {
            // Nothing has changed, so that a run goes on from here.
            run.write_checkpoint(&training.checkpoint())?;
            return Err(error);
        }
        let done = training.iteration();
        observe(Event::Iteration(done));
        let due = |every: u64| done.is_multiple_of(every) || done == total;
        let mut line = Line::at(done);
        if due(rhythm.loss) {
            let loss = training.take_loss();
            if !loss.is_finite() {
                return Err(TrainError::Diverged {
                    iteration: done,
                    loss,
                });
            }
            line.returns = training.take_returns();
            line.loss = Some(loss).filter(|_| line.returns.is_none());
        }
        if due(rhythm.validation) {
            line.validation = training.validate()?;
        }
        if !line.is_empty() {
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
    if let TaskSource::Supervised(tasks) = &tasks {
        record_statistics::<B>(&model, &**tasks, run, &device)?;
    }
    let lines = run.read_metrics()?.into_iter();
    let mut chosen = lines.filter(|line| line.iteration == model.iteration);
    let outcome = Outcome {
        iterations: total,
        iterations_here: total - first,
        seconds: start.elapsed().as_secs_f64(),
        chosen_iteration: model.iteration,
        validation: chosen
            .find_map(|line| line.validation)
            .map_or_else(Vec::new, |validation| validation.mean),
    };
    run.write_outcome(&outcome)?;
    Ok(End::Finished(outcome))
}
