//! The outer loop: a state that is stepped, saved and restored, the mean along the way, and
//! the statistics that norms store.

mod descent;
mod ema;
pub(crate) mod flat;
mod learned;
mod recipe;
mod statistics;
mod trainer;

use std::path::PathBuf;

use crate::environments::EnvironmentFault;
use crate::model::ModelError;
use crate::nn::NetworkError;
use crate::run::{Checkpoint, Returns, RunError, Validation};
use crate::tasks::TasksError;

pub use descent::{Descent, MetaStep, See, Trained};
pub(crate) use learned::Learned;
pub use statistics::measure as measure_statistics;
pub(crate) use statistics::record as record_statistics;
pub use trainer::Trainer;
pub(crate) use trainer::validation_queries;

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
    /// An environment gave what cannot be learned from.
    #[error(transparent)]
    Environment(#[from] EnvironmentFault),
    /// The loss is not a number any more.
    #[error("training diverged: the loss is {loss} at iteration {iteration}")]
    Diverged {
        /// Iterations done.
        iteration: u64,
        /// The loss.
        loss: f64,
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
    /// [`TrainError`] where the network that it makes is unusable, or an environment gave
    /// what cannot be learned from; nothing has changed then.
    fn step(&mut self) -> Result<(), TrainError>;

    /// Mean training loss since the last call.
    fn take_loss(&mut self) -> f64;

    /// What came of acting since the last call, where a policy acts. By default nothing.
    fn take_returns(&mut self) -> Option<Returns> {
        None
    }

    /// Loss and accuracy on validation tasks, where the algorithm has such, or returns where a
    /// policy acts; remembers the parameters if they are the best so far.
    ///
    /// # Errors
    /// [`TrainError`] where an environment gave what cannot be learned from.
    fn validate(&mut self) -> Result<Option<Validation>, TrainError>;
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

#[cfg(test)]
mod tests;
