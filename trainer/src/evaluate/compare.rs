//! Two runs on the same episodes: is one better, or was it the tasks?

use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::measure::{Measured, Progress, Steps, measure, titles, units_of};
use super::{ChosenIteration, EvaluateError, Evaluation, Interval, Measure, Setting};
use crate::model::TrainedModel;
use crate::tasks::Split;

/// Runs against the first of them, task by task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The classes that the tasks are drawn from.
    pub split: Split,
    /// Number of test tasks.
    pub tasks: usize,
    /// Classes of a task, N, where there are classes.
    pub ways: Option<usize>,
    /// How many units the tasks are of, as [`super::Report::units`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<usize>,
    /// Seed of the test tasks.
    pub seed: u64,
    /// What is compared: losses, or accuracies from 0 to 1.
    pub measure: Measure,
    /// One entry per number of support examples, number of queries and setting
    /// that makes a difference.
    pub sets: Vec<Compared>,
}

/// All runs with the same numbers of examples in the same setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// Support examples per task or, where there are classes, per class.
    pub shots: usize,
    /// Query examples per task, or per class.
    pub queries: usize,
    /// How queries were predicted; all where no run sees a difference.
    pub settings: Vec<Setting>,
    /// The runs; the first is the one that the others are compared with.
    pub runs: Vec<ComparedRun>,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparedRun {
    /// Its title.
    pub title: String,
    /// Where it is.
    pub run: String,
    /// The seed it was trained with.
    pub seed: u64,
    /// The iteration its parameters come from.
    pub iteration: u64,
    /// Why that one.
    pub chosen: ChosenIteration,
    /// Inner steps taken, the number that is its own.
    pub steps: usize,
    /// Mean over the tasks; `None` if it is not finite.
    pub value: Option<Interval>,
    /// This run's value less the first run's, task by task; `None` for the
    /// first run and where a value is not finite.
    pub difference: Option<Paired>,
}

/// A mean difference over tasks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// The mean of the differences, with its interval over units or tasks.
    #[serde(flatten)]
    pub difference: Interval,
    /// Whether 0 lies outside the interval.
    pub excludes_zero: bool,
}

impl Paired {
    /// Of `b − a`, task by task, over their units where these are known; `None` if it is
    /// not finite.
    pub fn of(a: &[f32], b: &[f32], units: Option<&[u32]>) -> Option<Self> {
        let difference = Interval::of_differences(a, b, units);
        difference.mean.is_finite().then_some(Self {
            excludes_zero: difference.excludes_zero(),
            difference,
        })
    }

    /// Of the difference of roots `√b − √a` of the means of squares, task by task. By the
    /// first terms of both roots its interval is that of the means of `b / 2√b̄ − a / 2√ā`.
    pub(super) fn of_roots(a: &[f32], b: &[f32], units: Option<&[u32]>) -> Option<Self> {
        let [of_a, of_b] = [a, b].map(|values| Interval::of(values).mean.sqrt());
        let scaled = |values: &[f32], root: f64| -> Vec<f32> {
            let factor = 1.0 / (2.0 * root).max(f64::MIN_POSITIVE);
            let values = values
                .iter()
                .map(|&value| (factor * f64::from(value)) as f32);
            values.collect()
        };
        let linear = Interval::of_differences(&scaled(a, of_a), &scaled(b, of_b), units);
        let difference = Interval {
            mean: of_b - of_a,
            half_width: linear.half_width,
        };
        difference.mean.is_finite().then_some(Self {
            excludes_zero: difference.excludes_zero(),
            difference,
        })
    }
}

/// Compares every run with the first on the same tasks, each after its own
/// number of inner steps.
///
/// # Errors
/// As [`super::evaluate`], and [`EvaluateError::Alone`] for less than two runs.
/// Accuracy cannot be asked for where tasks have no classes:
/// [`EvaluateError::NoAccuracy`].
pub fn compare<B: Backend>(
    models: &[(String, TrainedModel)],
    evaluation: &Evaluation,
    by: Measure,
    device: &B::Device,
    observe: impl FnMut(Progress<'_>),
) -> Result<Comparison, EvaluateError> {
    let [(_, first), _, ..] = models else {
        return Err(EvaluateError::Alone);
    };
    let ways = first.config.tasks.classes();
    if by == Measure::Accuracy && ways.is_none() {
        return Err(EvaluateError::NoAccuracy);
    }
    let measured = measure::<B>(models, evaluation, Steps::Own, device, observe)?;
    let mut sets = Vec::new();
    for &shots in &evaluation.shots {
        for &queries in &evaluation.queries {
            let here =
                |measured: &&Measured| (measured.shots, measured.queries) == (shots, queries);
            let here: Vec<&Measured> = measured.iter().filter(here).collect();
            let same = here.iter().all(|measured| measured.settings.len() > 1);
            let settings: Vec<Vec<Setting>> = if same {
                vec![here[0].settings.clone()]
            } else {
                let each = evaluation.settings.iter();
                each.map(|&setting| vec![setting]).collect()
            };
            for settings in settings {
                let of_setting = |measured: &&&Measured| measured.settings.contains(&settings[0]);
                let runs: Vec<&Measured> = here.iter().filter(of_setting).copied().collect();
                sets.push(Compared {
                    shots,
                    queries,
                    runs: against_the_first(models, &runs, by),
                    settings,
                });
            }
        }
    }
    Ok(Comparison {
        split: evaluation.split,
        tasks: evaluation.tasks,
        ways,
        units: units_of(&measured),
        seed: evaluation.seed,
        measure: by,
        sets,
    })
}

fn against_the_first(
    models: &[(String, TrainedModel)],
    runs: &[&Measured],
    by: Measure,
) -> Vec<ComparedRun> {
    fn values(measured: &Measured, by: Measure) -> &[f32] {
        let rows = match (by, &measured.curves.accuracy) {
            (Measure::Accuracy, Some(rows)) => rows,
            _ => &measured.curves.query,
        };
        // There is one row, that of the run's own steps.
        rows.first().map_or(&[], Vec::as_slice)
    }
    let titles = titles(models, runs);
    let each = runs.iter().enumerate().map(|(index, measured)| {
        let (run, model) = &models[measured.model];
        let units = measured.units.as_deref();
        let value = Interval::over(values(measured, by), units);
        let paired = || Paired::of(values(runs[0], by), values(measured, by), units);
        ComparedRun {
            title: titles[index].clone(),
            run: run.clone(),
            seed: model.config.seed,
            iteration: model.iteration,
            chosen: ChosenIteration::of(&model.config),
            steps: measured.own_steps,
            value: value.mean.is_finite().then_some(value),
            difference: if index == 0 { None } else { paired() },
        }
    });
    each.collect()
}
