//! Baselines on the episodes of an evaluation.

use burn::tensor::{Tensor, TensorData, backend::Backend};
use serde::{Deserialize, Serialize};

use super::episodes::Episodes;
use super::measure::{Progress, append_units, tasks_of};
use super::{EvaluateError, Evaluation, Interval, Measure, Paired, RootMeanSquare};
use crate::baselines::{Baseline, Fitted, Tuning, largest};
use crate::data::counted;
use crate::loss::{Loss, LossKind, Reduction};
use crate::meta::to_host;
use crate::model::TrainedModel;
use crate::random::{Stream, generator};
use crate::tasks::{Split, TaskBatch, TaskDistribution};

/// Tasks of training and validation units that averages are fitted to.
const TUNING_TASKS: usize = 1200;

/// Those that classifiers choose on.
const TUNING_TASKS_WITH_CLASSES: usize = 200;

/// What one baseline reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaselineReport {
    /// Its title.
    pub title: String,
    /// What it chose on tasks of training and validation units, if it can; of a
    /// cross-validation in how many folds.
    pub choice: Option<String>,
    /// What it chose in each fold of a cross-validation, where that is not the same in all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Its mean query loss; `None` where tasks have classes.
    pub loss: Option<Interval>,
    /// Its mean accuracy, from 0 to 1, where tasks have classes.
    pub accuracy: Option<Interval>,
    /// Its root mean square error, where targets have a unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RootMeanSquare>,
    /// How far the run of the verdict is ahead of it, task by task, as
    /// [`Verdict::ahead`](super::Verdict::ahead).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<Paired>,
}

impl BaselineReport {
    /// The mean of `measure`, as [`super::StepReport::of`] gives it.
    pub fn of(&self, measure: Measure) -> Option<Interval> {
        match measure {
            Measure::Loss | Measure::Return => self.loss,
            Measure::Accuracy => self.accuracy.map(|accuracy| accuracy.scaled(100.0)),
            Measure::Error => Some(self.error?.interval),
        }
    }
}

/// A baseline with one number of shots and of queries, task by task: accuracies, or
/// losses, in the square of the target's unit where it has one.
#[derive(Clone, Debug)]
pub(super) struct MeasuredBaseline {
    baseline: Baseline,
    /// What was chosen in each fold; of one where there are none.
    choices: Vec<Option<String>>,
    shots: usize,
    queries: usize,
    values: Vec<f32>,
    /// Whether targets have a unit.
    in_unit: bool,
    /// The unit of every task, where each is of one.
    units: Option<Vec<u32>>,
}

impl MeasuredBaseline {
    pub fn is_of(&self, shots: usize, queries: usize) -> bool {
        (self.shots, self.queries) == (shots, queries)
    }

    pub fn title(&self) -> &'static str {
        self.baseline.title()
    }

    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// `behind` is how far the run of the verdict is ahead of it.
    pub fn report(&self, classes: bool, behind: Option<Paired>) -> BaselineReport {
        let units = self.units.as_deref();
        let interval = Interval::over(&self.values, units);
        let interval = interval.mean.is_finite().then_some(interval);
        BaselineReport {
            title: self.title().to_owned(),
            choice: summary(&self.choices),
            choices: match self.choices.windows(2).all(|pair| pair[0] == pair[1]) {
                true => Vec::new(),
                false => self.choices.iter().flatten().cloned().collect(),
            },
            loss: interval.filter(|_| !classes),
            accuracy: interval.filter(|_| classes),
            error: (self.in_unit)
                .then(|| RootMeanSquare::of(&self.values, units))
                .flatten(),
            behind,
        }
    }
}

/// [`measure`] on the tasks of the first model, where the evaluation asks for it.
pub(super) fn measure_wanted<B: Backend>(
    models: &[(String, TrainedModel)],
    evaluation: &Evaluation,
    device: &B::Device,
    observe: impl FnMut(Progress<'_>),
) -> Result<Vec<MeasuredBaseline>, EvaluateError> {
    match models.first() {
        Some(model) if evaluation.baselines => measure::<B>(model, evaluation, device, observe),
        _ => Ok(Vec::new()),
    }
}

/// Appends the tasks of another fold to those of the first.
pub(super) fn extend(all: &mut Vec<MeasuredBaseline>, more: Vec<MeasuredBaseline>) {
    if all.is_empty() {
        *all = more;
        return;
    }
    for (own, more) in all.iter_mut().zip(more) {
        own.choices.extend(more.choices);
        own.values.extend(more.values);
        append_units(&mut own.units, more.units);
    }
}

/// Measures all baselines that suit the tasks of a model, on its test episodes.
fn measure<B: Backend>(
    named: &(String, TrainedModel),
    evaluation: &Evaluation,
    device: &B::Device,
    mut observe: impl FnMut(Progress<'_>),
) -> Result<Vec<MeasuredBaseline>, EvaluateError> {
    let config = &named.1.config;
    let distribution = tasks_of(named, config.tasks.open()?, evaluation)?;
    let defaults = Evaluation::default_for(evaluation.on.as_ref().unwrap_or(&config.tasks));
    let episodes = |from, tasks| Episodes::new(&*distribution, evaluation, &defaults, from, tasks);
    let test = episodes((evaluation.split, Stream::Test), evaluation.tasks);
    let tuning = Tuning::new(&tuning_tasks(&*distribution, evaluation)?);
    let mut fitted: Vec<(usize, Fitted<'_>)> = Vec::new();
    for &shots in &evaluation.shots {
        let support = distribution.support_size(shots);
        for baseline in Baseline::suited(&*distribution) {
            let fit = tuning.fit(baseline, distribution.shape(), support);
            fitted.push((shots, fit));
        }
    }
    let scale = distribution.target_scale();
    let scale = scale.filter(|_| config.inner.loss == LossKind::Mse);
    let factor = scale.as_ref().map_or(1.0, |scale| scale.deviation.powi(2));
    let mut measured: Vec<MeasuredBaseline> = Vec::new();
    for (shots, fit) in &fitted {
        for &queries in &evaluation.queries {
            measured.push(MeasuredBaseline {
                baseline: fit.baseline,
                choices: vec![fit.chosen()],
                shots: *shots,
                queries,
                values: Vec::new(),
                in_unit: scale.is_some(),
                units: None,
            });
        }
    }
    let mut done = 0;
    let mut units = Some(Vec::new());
    for part in test.parts() {
        append_units(&mut units, part.units());
        for ((shots, fit), measured) in fitted
            .iter()
            .zip(measured.chunks_mut(evaluation.queries.len()))
        {
            let part = part.first_support_examples(distribution.support_size(*shots));
            let predictions = fit.predict(&part);
            for measured in measured {
                let queries = distribution.set_size(measured.queries);
                let values = values::<B>(config.loss(), &part, &predictions, queries, device);
                measured
                    .values
                    .extend(values.into_iter().map(|value| factor * value));
            }
        }
        done += part.tasks;
        observe(Progress {
            title: "baselines",
            done,
            tasks: evaluation.tasks,
        });
    }
    for measured in &mut measured {
        measured.units.clone_from(&units);
    }
    Ok(measured)
}

/// Tasks of training and of validation units, as many of every unit where units are known.
/// A split that has too few examples for them is left out, where the other has enough.
///
/// # Errors
/// What is missing in the validation split, where neither has enough.
fn tuning_tasks(
    distribution: &dyn TaskDistribution,
    evaluation: &Evaluation,
) -> Result<Vec<TaskBatch>, EvaluateError> {
    let mut suited = Baseline::suited(distribution).into_iter();
    if !suited.any(|baseline| baseline.chooses(distribution.shape())) {
        return Ok(Vec::new());
    }
    let (shots, queries) = (evaluation.most_shots(), evaluation.most_queries());
    let splits = [Split::Train, Split::Validation];
    let units = splits.map(|split| distribution.unit_count(split).unwrap_or(1).max(1));
    let all: usize = units.iter().sum();
    let mut batches = Vec::new();
    let mut refused = None;
    for (split, units) in splits.into_iter().zip(units) {
        if let Err(error) = distribution.check(split, shots, queries) {
            refused = Some(error);
            continue;
        }
        let tasks = match distribution.classes() {
            Some(_) => TUNING_TASKS_WITH_CLASSES,
            None => TUNING_TASKS,
        };
        let stream = match split {
            Split::Train => Stream::Train,
            _ => Stream::Validation,
        };
        let mut rng = generator(evaluation.seed, stream, 0);
        let tasks = (tasks * units).div_ceil(all);
        batches.push(distribution.draw(split, &mut rng, tasks, shots, queries));
    }
    match refused {
        Some(error) if batches.is_empty() => Err(error
            .also("baselines are tuned on that split, and --baselines none leaves them out")
            .into()),
        _ => Ok(batches),
    }
}

/// What was chosen, and in how many folds where it was not the same in all.
fn summary(choices: &[Option<String>]) -> Option<String> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for choice in choices {
        let choice = choice.as_deref()?;
        match counts.iter_mut().find(|(known, _)| *known == choice) {
            Some((_, count)) => *count += 1,
            None => counts.push((choice, 1)),
        }
    }
    counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let each = |&(choice, count): &(&str, usize)| format!("{choice} ({})", counted(count, "fold"));
    match &counts[..] {
        [(only, _)] => Some((*only).to_owned()),
        several => Some(several.iter().map(each).collect::<Vec<_>>().join("; ")),
    }
}

/// Accuracy or loss of every task on its first `queries` queries.
fn values<B: Backend>(
    loss: Loss,
    batch: &TaskBatch,
    predictions: &[f32],
    queries: usize,
    device: &B::Device,
) -> Vec<f32> {
    let (tasks, width) = (batch.tasks, batch.output);
    let of_task = batch.query_examples() * width;
    let kept = queries * width;
    let first = |values: &[f32]| -> Vec<f32> {
        let parts = values.chunks_exact(of_task);
        parts.flat_map(|part| &part[..kept]).copied().collect()
    };
    let (predictions, targets) = (first(predictions), first(&batch.query_y));
    if batch.classes.is_some() {
        let right = |(p, y): (&[f32], &[f32])| f32::from(u8::from(largest(p) == largest(y)));
        let pairs = predictions
            .chunks_exact(kept)
            .zip(targets.chunks_exact(kept));
        return pairs
            .map(|(p, y)| {
                let right = p.chunks_exact(width).zip(y.chunks_exact(width)).map(right);
                right.sum::<f32>() / queries as f32
            })
            .collect();
    }
    let tensor = |values: Vec<f32>| -> Tensor<B, 3> {
        Tensor::from_data(TensorData::new(values, [tasks, queries, width]), device)
    };
    let loss = Loss {
        reduction: Reduction::Mean,
        ..loss
    };
    to_host(loss.value(tensor(predictions), tensor(targets)))
}
