//! How well models adapt: loss and, where tasks have classes, accuracy on query
//! examples after each inner step, for every method on the same tasks.

mod acting;
mod baselines;
mod compare;
mod episodes;
mod error;
mod evaluation;
mod folds;
mod measure;
mod paths;
mod predictions;
mod report;
mod seeds;
mod sinusoids;
mod verdict;

use burn::tensor::backend::Backend;

pub use crate::interval::Interval;
pub use crate::predict::Setting;

use crate::data::counted;
use crate::environments::EnvironmentFault;
use crate::model::TrainedModel;
use crate::tasks::TasksError;

pub use baselines::BaselineReport;
pub use compare::{Compared, ComparedRun, Comparison, Paired, compare};
pub use episodes::test_tasks;
pub use error::{OfUnits, RootMeanSquare};
pub use evaluation::Evaluation;
pub use folds::Folds;
pub use measure::{Progress, rates};
pub use paths::{Path, Walked, paths};
pub(crate) use predictions::predictions_on;
pub use predictions::{Predictions, predictions};
pub use report::{
    ChosenIteration, Measure, MethodReport, Report, ShotsReport, SplitVerdict, Spread, StepReport,
};
pub use sinusoids::{AdaptedSinusoid, sinusoids};
pub use verdict::Verdict;

use baselines::MeasuredBaseline;
use folds::FoldsMeasured;
use measure::{Measured, Steps, measure, titles, units_of};
use verdict::Comparing;

/// Why models cannot be compared.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// Two models come from different task distributions.
    #[error(
        "{first} and {second} were trained on different task distributions; \
         `--on CONFIG` gives both the tasks of one config"
    )]
    Tasks {
        /// A run.
        first: String,
        /// Another.
        second: String,
    },
    /// The tasks of another config do not fit a network.
    #[error(
        "{run} takes {} and says {}, where the other tasks have {} and {}",
        counted(own[0], "input"), counted(own[1], "output"), other[0], other[1]
    )]
    Shapes {
        /// The run.
        run: String,
        /// Its inputs and outputs.
        own: [usize; 2],
        /// Those of the tasks.
        other: [usize; 2],
    },
    /// Only sinusoids can be looked at one by one.
    #[error("the tasks are no sinusoids; `mamlet plot steps` draws any tasks")]
    NotSinusoids,
    /// A number of the evaluation is 0 or a list of them empty.
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
    /// A policy cannot be evaluated on examples, nor what is no policy by acting.
    #[error("{run} is evaluated where a policy acts, or has one, and the other does not")]
    Acting {
        /// The run.
        run: String,
    },
    /// Nothing moves in a plane.
    #[error(
        "there are no paths to draw, as nothing moves in a plane in these tasks; \
         `mamlet plot steps` draws any tasks"
    )]
    NoPlane,
    /// An environment gave what cannot be measured.
    #[error(transparent)]
    Environment(#[from] EnvironmentFault),
}

/// Evaluates `models`, each with the run it comes from, on the same tasks, and
/// runs that differ in nothing but their seed together; beside them, where the
/// evaluation asks for it, the baselines that suit the tasks.
///
/// The tasks are drawn once, with as many support and query examples as the
/// largest numbers asked for; fewer are the first of these, so only the sets
/// differ between the parts of a report. Queries that are predicted inductively
/// are measured after the model's own number of steps alone. Rates are tuned and the
/// verdict is made in the first of the evaluation's settings.
///
/// # Errors
/// [`EvaluateError`] where the evaluation asks for nothing, the models are of
/// different tasks or the data cannot be opened.
pub fn evaluate<B: Backend>(
    models: &[(String, TrainedModel)],
    evaluation: &Evaluation,
    device: &B::Device,
    mut observe: impl FnMut(Progress<'_>),
) -> Result<Report, EvaluateError> {
    let measured = measure::<B>(models, evaluation, Steps::All, device, &mut observe)?;
    let baselines = baselines::measure_wanted::<B>(models, evaluation, device, &mut observe)?;
    Ok(report(models, evaluation, &measured, &baselines))
}

/// What [`evaluate`] would refuse, before anything is trained or measured for it.
///
/// # Errors
/// As [`evaluate`].
pub fn check(
    models: &[(String, TrainedModel)],
    evaluation: &Evaluation,
) -> Result<(), EvaluateError> {
    if !acting::acts(models, evaluation) {
        return measure::opened(models, evaluation).map(drop);
    }
    let mut runs = models.iter();
    runs.try_for_each(|(run, model)| acting::environments(run, model, evaluation).map(drop))
}

/// Evaluates cross-validations as one method: a report on all tasks together. Each of
/// `splits` holds the folds of one split of the units, `models`, each of which is measured
/// on the units that it alone was not trained on. Every fold has its part of the tasks, as
/// large as its part of the units; several splits are several times as many tasks.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_folds<B: Backend>(
    splits: &[Folds],
    evaluation: &Evaluation,
    device: &B::Device,
    mut observe: impl FnMut(Progress<'_>),
) -> Result<Report, EvaluateError> {
    let mut all = FoldsMeasured::default();
    let mut verdicts = Vec::new();
    for folds in splits {
        let own = FoldsMeasured::of::<B>(folds, evaluation, device, &mut observe)?;
        verdicts.push(own.report(folds, evaluation));
        all.extend(own);
    }
    let Some(first) = splits.first() else {
        return Err(EvaluateError::Nothing("folds"));
    };
    let mut report = all.report(first, evaluation);
    folds::name(&mut report, splits);
    if splits.len() > 1 {
        for (at, shots) in report.shots.iter_mut().enumerate() {
            let each = splits.iter().zip(&verdicts);
            shots.splits = each
                .map(|(folds, report)| SplitVerdict {
                    split_seed: folds.split_seed,
                    verdict: report.shots[at].verdict.clone(),
                })
                .collect();
        }
    }
    Ok(report)
}

/// What was measured of models, with the means of those that differ in their seed.
fn report(
    models: &[(String, TrainedModel)],
    evaluation: &Evaluation,
    measured: &[Measured],
    baselines: &[MeasuredBaseline],
) -> Report {
    let mut sets = Vec::new();
    for &shots in &evaluation.shots {
        for &queries in &evaluation.queries {
            let here: Vec<&Measured> = (measured.iter())
                .filter(|measured| (measured.shots, measured.queries) == (shots, queries))
                .collect();
            let of_set: Vec<&MeasuredBaseline> = (baselines.iter())
                .filter(|baseline| baseline.is_of(shots, queries))
                .collect();
            let titles = titles(models, &here);
            let comparing = Comparing::new(models, evaluation.judged(), (&here, &titles), &of_set);
            let mut methods: Vec<MethodReport> = (here.iter().enumerate())
                .map(|(at, measured)| MethodReport {
                    title: titles[at].clone(),
                    behind: comparing.ahead_of_run(at),
                    ..MethodReport::new(&models[measured.model], measured)
                })
                .collect();
            methods.extend(seeds::together(models, &here));
            let classes = methods.first().is_some_and(MethodReport::has_classes);
            sets.push(ShotsReport {
                shots,
                queries,
                methods,
                baselines: of_set
                    .iter()
                    .map(|own| own.report(classes, comparing.ahead_of_baseline(own)))
                    .collect(),
                verdict: comparing.verdict(),
                splits: Vec::new(),
            });
        }
    }
    let first = models.first().map(|(_, model)| &model.config.tasks);
    Report {
        split: evaluation.split,
        tasks: evaluation.tasks,
        ways: first.and_then(|tasks| tasks.classes()),
        seed: evaluation.seed,
        tuning_tasks: evaluation.tuning_tasks,
        setting: evaluation.judged(),
        units: units_of(measured),
        acts: measured.iter().any(|own| own.acts),
        shots: sets,
        unit: (measured.first()).and_then(|measured| measured.unit.clone()),
    }
}

#[cfg(test)]
mod tests;
