//! How well models adapt: loss and, where tasks have classes, accuracy on query
//! examples after each inner step, for every method on the same tasks.

mod curves;
mod report;
mod sinusoids;
mod statistics;

use burn::tensor::backend::Backend;

use crate::config::{Method, RateConfig, TasksConfig};
use crate::meta::RateTable;
use crate::model::TrainedModel;
use crate::random::{Stream, generator};
use crate::tasks::{SinusoidInputs, Split, TaskBatch, TasksError};

pub use curves::{Curves, accuracy, curves};
pub use report::{Measure, MethodReport, Report, ShotsReport, StepReport};
pub use sinusoids::{AdaptedSinusoid, sinusoids};
pub use statistics::Interval;

/// What is evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Protocol {
    /// Number of test tasks.
    pub tasks: usize,
    /// Numbers of support examples, of each class where there are classes.
    pub shots: Vec<usize>,
    /// Inner steps.
    pub steps: usize,
    /// Query examples per task, or per class.
    pub queries: usize,
    /// Seed of the test tasks, whatever the models were trained with.
    pub seed: u64,
    /// Validation tasks on which a tuned rate is chosen.
    pub tuning_tasks: usize,
}

/// What is usual for regression.
impl Default for Protocol {
    fn default() -> Self {
        Self {
            tasks: 4000,
            shots: vec![5, 10, 20],
            steps: 10,
            queries: 100,
            seed: 2017,
            tuning_tasks: 500,
        }
    }
}

impl Protocol {
    /// What is usual for such tasks. Where there are classes, a task has a set
    /// of examples for each of them.
    pub fn usual(tasks: &TasksConfig) -> Self {
        match tasks.classes() {
            None => Self::default(),
            Some(_) => Self {
                tasks: 1000,
                shots: vec![1, 5],
                queries: 15,
                tuning_tasks: 200,
                ..Self::default()
            },
        }
    }

    /// The largest number of shots.
    fn most_shots(&self) -> usize {
        self.shots.iter().copied().max().unwrap_or(1)
    }
}

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
    /// The data cannot be opened.
    #[error(transparent)]
    Data(#[from] TasksError),
}

/// Evaluates `models`, each with the run it comes from, on the same tasks.
///
/// The tasks are drawn once, with as many support examples as the largest
/// number of shots; fewer shots are the first of these, so only the support
/// set differs between the columns of a report.
///
/// # Errors
/// [`EvaluateError`] where the models are of different tasks or the data cannot
/// be opened.
pub fn evaluate<B: Backend>(
    models: &[(String, TrainedModel)],
    protocol: &Protocol,
    device: &B::Device,
    mut observe: impl FnMut(&str, usize),
) -> Result<Report, EvaluateError> {
    for pair in models.windows(2) {
        if distribution(&pair[0].1) != distribution(&pair[1].1) {
            let (first, second) = (pair[0].0.clone(), pair[1].0.clone());
            return Err(EvaluateError::Tasks { first, second });
        }
    }
    let draw = |model: &TrainedModel, split, stream, tasks| {
        // Not fewer than usual, so that asking for fewer does not change the rest.
        let usual = Protocol::usual(&model.config.tasks);
        let most = protocol.most_shots().max(usual.most_shots());
        let mut rng = generator(protocol.seed, stream, 0);
        let distribution = model.config.tasks.open()?;
        Ok::<_, TasksError>(distribution.draw(split, &mut rng, tasks, most, protocol.queries))
    };
    let mut shots: Vec<ShotsReport> = protocol
        .shots
        .iter()
        .map(|&shots| ShotsReport {
            shots,
            methods: Vec::new(),
        })
        .collect();
    for (run, model) in models {
        let test = draw(model, Split::Test, Stream::Test, protocol.tasks)?;
        let validation = draw(
            model,
            Split::Validation,
            Stream::Validation,
            protocol.tuning_tasks,
        )?;
        for report in &mut shots {
            observe(&model.config.title, report.shots);
            let (table, tuned) = rates::<B>(
                model,
                &validation.truncated(report.shots),
                protocol.steps,
                device,
            );
            let curves = curves::<B>(
                &model.inner_loop(),
                &model.params,
                &table,
                &test.truncated(report.shots),
                protocol.steps,
                device,
            );
            report.methods.push(MethodReport {
                title: model.config.title.clone(),
                run: run.clone(),
                protocol: model.config.protocol,
                method: model.config.method,
                seed: model.config.seed,
                iteration: model.iteration,
                tuned_rate: tuned,
                steps: StepReport::all(&curves),
            });
        }
    }
    Ok(Report {
        tasks: protocol.tasks,
        queries: protocol.queries,
        seed: protocol.seed,
        tuning_tasks: protocol.tuning_tasks,
        shots,
    })
}

/// The rates a model adapts with, and the number if it was tuned: the
/// candidate whose validation loss, averaged over 1 to `steps` steps, is
/// lowest.
pub fn rates<B: Backend>(
    model: &TrainedModel,
    validation: &TaskBatch,
    steps: usize,
    device: &B::Device,
) -> (RateTable, Option<f64>) {
    let tensors = model.network.adapting().len();
    let candidates = match (&model.rates, &model.config.inner.rate) {
        (Some(rates), _) => return (rates.clone(), None),
        (None, RateConfig::Tuned { candidates }) if model.config.method != Method::Oracle => {
            candidates
        }
        // Does not adapt.
        _ => return (RateTable::constant(0.0, 1, tensors), None),
    };
    let score = |rate: f32| {
        let table = RateTable::constant(rate, 1, tensors);
        let curves = curves::<B>(
            &model.inner_loop(),
            &model.params,
            &table,
            validation,
            steps,
            device,
        );
        let means = curves.query[steps.min(1)..]
            .iter()
            .map(|row| Interval::of(row).mean);
        let mean = means.sum::<f64>() / steps.max(1) as f64;
        if mean.is_nan() { f64::INFINITY } else { mean }
    };
    let best = candidates
        .iter()
        .map(|&rate| (rate, score(rate as f32)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(0.0, |(rate, _)| rate);
    (RateTable::constant(best as f32, 1, tensors), Some(best))
}

/// The task distribution as far as it decides which tasks are drawn.
fn distribution(model: &TrainedModel) -> TasksConfig {
    let mut tasks = model.config.tasks.clone();
    if let TasksConfig::Sinusoid(sinusoid) = &mut tasks {
        sinusoid.inputs = SinusoidInputs::X;
    }
    tasks
}

#[cfg(test)]
mod tests;
