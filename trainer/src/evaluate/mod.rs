//! How well models adapt: loss and, where tasks have classes, accuracy on query
//! examples after each inner step, for every method on the same tasks.

mod compare;
mod curves;
mod episodes;
mod measure;
mod predict;
mod predictions;
mod protocol;
mod report;
mod seeds;
mod sinusoids;
mod statistics;

use burn::tensor::backend::Backend;

use crate::model::TrainedModel;
use crate::tasks::TasksError;

pub use compare::{Compared, ComparedRun, Comparison, Paired, compare};
pub use curves::{Curves, accuracy, curves};
pub use measure::{Progress, rates};
pub use predict::Head;
pub use predictions::{Predictions, predictions};
pub use protocol::{Protocol, Setting, sees_the_batch};
pub use report::{Choice, Measure, MethodReport, Report, ShotsReport, Spread, StepReport};
pub use sinusoids::{AdaptedSinusoid, sinusoids};
pub use statistics::Interval;

use measure::{Measured, Steps, measure};

/// Why models cannot be compared.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// Two models come from different task distributions.
    #[error("{first} and {second} were trained on different task distributions")]
    Tasks {
        /// A run.
        first: String,
        /// Another.
        second: String,
    },
    /// Only sinusoids can be looked at one by one.
    #[error("the tasks are no sinusoids; `mamlet plot steps` draws any tasks")]
    NotSinusoids,
    /// A number of the protocol is 0 or a list of them empty.
    #[error("an evaluation needs at least one of each, and has no {0}")]
    Nothing(&'static str),
    /// Without classes there is nothing to be right about.
    #[error("the tasks have no classes, so there is no accuracy; compare by loss")]
    NoAccuracy,
    /// There is nothing to compare with.
    #[error("a comparison needs at least two runs")]
    Alone,
    /// The data cannot be opened.
    #[error(transparent)]
    Data(#[from] TasksError),
}

/// Evaluates `models`, each with the run it comes from, on the same tasks, and
/// runs that differ in nothing but their seed together.
///
/// The tasks are drawn once, with as many support and query examples as the
/// largest numbers asked for; fewer are the first of these, so only the sets
/// differ between the parts of a report. Queries that are predicted inductively
/// are measured after the model's own number of steps alone.
///
/// # Errors
/// [`EvaluateError`] where the protocol asks for nothing, the models are of
/// different tasks or the data cannot be opened.
pub fn evaluate<B: Backend>(
    models: &[(String, TrainedModel)],
    protocol: &Protocol,
    device: &B::Device,
    observe: impl FnMut(Progress<'_>),
) -> Result<Report, EvaluateError> {
    let measured = measure::<B>(models, protocol, Steps::All, device, observe)?;
    let mut sets = Vec::new();
    for &shots in &protocol.shots {
        for &queries in &protocol.queries {
            let here: Vec<&Measured> = (measured.iter())
                .filter(|measured| (measured.shots, measured.queries) == (shots, queries))
                .collect();
            let mut methods: Vec<MethodReport> = here
                .iter()
                .map(|measured| MethodReport::new(&models[measured.model], measured))
                .collect();
            methods.extend(seeds::together(models, &here));
            sets.push(ShotsReport {
                shots,
                queries,
                methods,
            });
        }
    }
    let first = models.first().map(|(_, model)| &model.config.tasks);
    Ok(Report {
        split: protocol.split,
        tasks: protocol.tasks,
        ways: first.and_then(|tasks| tasks.classes()),
        seed: protocol.seed,
        tuning_tasks: protocol.tuning_tasks,
        shots: sets,
    })
}

#[cfg(test)]
mod tests;
