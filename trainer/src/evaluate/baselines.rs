//! Baselines on the episodes of an evaluation, and whether meta-learning is ahead of
//! them.

use burn::tensor::{Tensor, TensorData, backend::Backend};
use serde::{Deserialize, Serialize};

use super::episodes::Episodes;
use super::measure::{Measured, Progress, tasks_of};
use super::{EvaluateError, Evaluation, Interval, Measure, Paired, RootMeanSquare};
use crate::baselines::{Average, Baseline, Fitted, largest};
use crate::loss::{Loss, LossKind, Reduction};
use crate::meta::to_host;
use crate::model::TrainedModel;
use crate::random::{Stream, generator};
use crate::tasks::{Split, TaskBatch};

/// Training tasks that the average is fitted to.
const TRAINING_TASKS: usize = 1000;

/// What one baseline reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaselineReport {
    /// Its title.
    pub title: String,
    /// What it chose on validation tasks, if it can.
    pub choice: Option<String>,
    /// Its mean query loss; `None` where tasks have classes.
    pub loss: Option<Interval>,
    /// Its mean accuracy, from 0 to 1, where tasks have classes.
    pub accuracy: Option<Interval>,
    /// Its root mean square error, where targets have a unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RootMeanSquare>,
}

impl BaselineReport {
    /// The mean of `measure`, as [`super::StepReport::of`] gives it.
    pub fn of(&self, measure: Measure) -> Option<Interval> {
        match measure {
            Measure::Loss => self.loss,
            Measure::Accuracy => self.accuracy.map(|accuracy| Interval {
                mean: 100.0 * accuracy.mean,
                half_width: 100.0 * accuracy.half_width,
            }),
            Measure::Error => Some(self.error?.interval()),
        }
    }
}

/// The best meta-learned run against the best of all else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Title of the run.
    pub run: String,
    /// Title of the best baseline: one of the baselines, or a run by another method.
    pub baseline: String,
    /// How far the run is ahead, task by task: in accuracy from 0 to 1, in loss or,
    /// where targets have a unit, in root mean square error. The difference of the
    /// roots `a − b` is `(a² − b²)/(a + b)`, and so is its interval.
    pub ahead: Paired,
}

impl Verdict {
    /// In words.
    pub fn words(&self) -> &'static str {
        match (self.ahead.excludes_zero, self.ahead.mean > 0.0) {
            (true, true) => "meta-learning pays",
            (true, false) => "meta-learning does not pay: the baseline is better",
            (false, _) => "meta-learning makes no difference that these tasks could show",
        }
    }
}

/// A baseline with one number of shots and of queries, task by task: accuracies, or
/// losses, in the square of the target's unit where it has one.
#[derive(Clone, Debug)]
pub(super) struct MeasuredBaseline {
    baseline: Baseline,
    choice: Option<String>,
    shots: usize,
    queries: usize,
    values: Vec<f32>,
    /// Whether targets have a unit.
    in_unit: bool,
    /// The device of every task, where they are of a finite set.
    devices: Option<Vec<usize>>,
}

impl MeasuredBaseline {
    pub fn is_of(&self, shots: usize, queries: usize) -> bool {
        (self.shots, self.queries) == (shots, queries)
    }

    pub fn report(&self, classes: bool) -> BaselineReport {
        let interval = Interval::of(&self.values);
        let interval = interval.mean.is_finite().then_some(interval);
        BaselineReport {
            title: self.baseline.title().to_owned(),
            choice: self.choice.clone(),
            loss: interval.filter(|_| !classes),
            accuracy: interval.filter(|_| classes),
            error: (self.in_unit)
                .then(|| RootMeanSquare::of(&self.values, self.devices.as_deref()))
                .flatten(),
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
        own.values.extend(more.values);
        own.devices = own.devices.take().zip(more.devices).map(|(mut own, more)| {
            own.extend(more);
            own
        });
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
    let validation = episodes(
        (Split::Validation, Stream::Validation),
        evaluation.tuning_tasks,
    );
    let test = episodes((evaluation.split, Stream::Test), evaluation.tasks);
    let (suited, shape) = (Baseline::suited(&*distribution), distribution.shape());
    let chosen = |baseline: &Baseline| baseline.chooses(shape);
    let whole: Vec<TaskBatch> = match suited.iter().any(chosen) {
        true => {
            let (shots, queries) = (evaluation.most_shots(), evaluation.most_queries());
            let enough = distribution.check(Split::Validation, shots, queries);
            enough.map_err(|error| {
                error
                    .also("baselines are tuned on that split, and --baselines none leaves them out")
            })?;
            validation.parts().collect()
        }
        false => Vec::new(),
    };
    let average = match distribution.classes() {
        Some(_) => None,
        None => {
            let mut rng = generator(evaluation.seed, Stream::Train, 0);
            let (shots, queries) = (defaults.most_shots(), defaults.most_queries());
            distribution.check(Split::Train, shots, 1)?;
            let training =
                distribution.draw(Split::Train, &mut rng, TRAINING_TASKS, shots, queries);
            whole.first().map(|whole| Average::fit(&training, whole))
        }
    };
    let mut fitted: Vec<(usize, Fitted<'_>)> = Vec::new();
    for &shots in &evaluation.shots {
        // The first part is enough to choose one number of a few.
        let kept = distribution.support_size(shots);
        let validation = whole.first();
        let validation = validation.map(|part| part.first_support_examples(kept));
        for &baseline in &suited {
            let fit = Fitted::new(baseline, shape, average.as_ref(), validation.as_ref());
            fitted.push((shots, fit));
        }
    }
    let scale = distribution.target_scale();
    let scale = scale.filter(|_| config.inner.loss == LossKind::Mse);
    let factor = scale.as_ref().map_or(1.0, |scale| scale.deviation.powi(2));
    let devices = test.devices();
    let mut measured: Vec<MeasuredBaseline> = Vec::new();
    for (shots, fit) in &fitted {
        for &queries in &evaluation.queries {
            measured.push(MeasuredBaseline {
                baseline: fit.baseline,
                choice: fit.chosen(),
                shots: *shots,
                queries,
                values: Vec::new(),
                in_unit: scale.is_some(),
                devices: scale.as_ref().and_then(|_| devices.clone()),
            });
        }
    }
    let mut done = 0;
    for part in test.parts() {
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
    Ok(measured)
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

/// The best meta-learned run against the best of all else, after each run's own
/// number of steps; `None` where one of the two is missing.
pub(super) fn verdict(
    models: &[(String, TrainedModel)],
    measured: &[&Measured],
    baselines: &[&MeasuredBaseline],
) -> Option<Verdict> {
    let mut learned: Vec<(&str, &[f32])> = Vec::new();
    let mut others: Vec<(&str, &[f32])> = Vec::new();
    let mut classes = false;
    for measured in measured {
        let (_, model) = &models[measured.model];
        let curves = &measured.curves;
        let row = curves.steps.iter().position(|&s| s == measured.own_steps)?;
        classes = curves.accuracy.is_some();
        let rows = curves.accuracy.as_ref().unwrap_or(&curves.query);
        let kind = match model.config.method.has_recipe() {
            true => &mut learned,
            false => &mut others,
        };
        kind.push((&model.config.title, &rows[row]));
    }
    others.extend(
        baselines
            .iter()
            .map(|r| (r.baseline.title(), &r.values[..])),
    );
    let sign = if classes { 1.0 } else { -1.0 };
    let best = |all: &[(&'_ str, &'_ [f32])]| {
        let finite = all.iter().enumerate().filter_map(|(at, (_, values))| {
            let mean = Interval::of(values).mean;
            mean.is_finite().then_some((at, sign * mean))
        });
        finite.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
    };
    let (run, run_values) = learned[best(&learned)?];
    let (baseline, baseline_values) = others[best(&others)?];
    let ahead = match classes {
        true => Paired::of(baseline_values, run_values),
        false => Paired::of(run_values, baseline_values),
    }?;
    let in_unit = measured.iter().any(|measured| measured.unit.is_some());
    let roots = [run_values, baseline_values].map(|values| Interval::of(values).mean.sqrt());
    let ahead = match in_unit && !classes {
        true => {
            let sum = roots.iter().sum::<f64>().max(f64::MIN_POSITIVE);
            Paired {
                mean: ahead.mean / sum,
                half_width: ahead.half_width / sum,
                ..ahead
            }
        }
        false => ahead,
    };
    Some(Verdict {
        run: run.to_owned(),
        baseline: baseline.to_owned(),
        ahead,
    })
}
