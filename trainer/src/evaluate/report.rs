//! What an evaluation found.

use serde::{Deserialize, Serialize};

use super::measure::Measured;
use super::{BaselineReport, Interval, Paired, RootMeanSquare, Setting, Verdict};
use crate::config::{Config, Keep, KeepBy, Protocol};
use crate::model::TrainedModel;
use crate::predict::Curves;
use crate::tasks::Split;

/// How much a loss may grow by rounding alone, as a share of it.
const ROUNDING: f32 = 1e-4;

/// All methods on the same tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The classes that the tasks are drawn from.
    pub split: Split,
    /// Number of test tasks.
    pub tasks: usize,
    /// Classes of a task, N, where there are classes.
    pub ways: Option<usize>,
    /// How many units, such as people or instruments, the tasks are of, over which the
    /// intervals are then; `None` where a task is of several, where that is not known, and
    /// for formulas: intervals are over tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<usize>,
    /// The unit of the targets, whose square is that of losses; `None` where targets
    /// are as the network sees them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Whether values are returns in environments, and shots and queries rollouts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub acts: bool,
    /// Seed of the test tasks.
    pub seed: u64,
    /// Validation tasks on which rates were tuned.
    pub tuning_tasks: usize,
    /// The setting that is judged by. Reports that do not name one are transductive.
    #[serde(default = "transductive")]
    pub setting: Setting,
    /// One entry per number of support examples and number of queries.
    pub shots: Vec<ShotsReport>,
}

fn transductive() -> Setting {
    Setting::Transductive
}

/// All methods with the same numbers of support and query examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShotsReport {
    /// Support examples per task or, where there are classes, per class, K.
    pub shots: usize,
    /// Query examples per task, or per class.
    pub queries: usize,
    /// One entry per run and setting, then one for each group of runs that
    /// differ in their seed.
    pub methods: Vec<MethodReport>,
    /// What can be had without training a network, where that was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<BaselineReport>,
    /// Whether meta-learning is ahead, where there is something to be ahead of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The verdict by each of several splits of the units alone; empty if there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub splits: Vec<SplitVerdict>,
}

/// What one split of the units says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SplitVerdict {
    /// The seed of the split.
    pub split_seed: u64,
    /// Whether meta-learning is ahead there.
    pub verdict: Option<Verdict>,
}

/// One run, or the mean of several that differ in their seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodReport {
    /// Its title.
    pub title: String,
    /// Where it is; all places where there are several, with commas between.
    pub run: String,
    /// The protocol it was trained by.
    pub protocol: Protocol,
    /// How it was trained.
    pub method: String,
    /// The seed it was trained with, the first where there are several.
    pub seed: u64,
    /// The seeds of all runs that it is the mean of; empty for one run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<u64>,
    /// The iteration its parameters come from, the first run's where there are
    /// several.
    pub iteration: u64,
    /// Why that one.
    pub chosen: ChosenIteration,
    /// How queries were predicted; all where they cannot see one another.
    pub settings: Vec<Setting>,
    /// The number of steps it is meant to take.
    pub own_steps: usize,
    /// The inner rate, if it was tuned on validation tasks: one, or one for each fold of a
    /// cross-validation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tuned_rates: Vec<f64>,
    /// After the numbers of inner steps that were measured.
    pub steps: Vec<StepReport>,
    /// How far the run of the verdict is ahead of it, task by task, after the own number
    /// of steps of each, as [`Verdict::ahead`]; `None` for that run itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<Paired>,
}

/// Why a run's parameters are those of their iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChosenIteration {
    /// It is the last.
    Last,
    /// Its loss on validation tasks was lowest.
    BestValidationLoss,
    /// Its return on validation tasks was highest.
    BestValidationReturn,
    /// Its accuracy on tasks of the validation classes was highest.
    BestValidationAccuracy,
}

impl ChosenIteration {
    /// How a config has it chosen.
    pub fn of(config: &Config) -> Self {
        match (config.record.keep, config.record.keep_by) {
            (Keep::Last, _) => Self::Last,
            (Keep::Best, KeepBy::Loss) if config.tasks.acts() => Self::BestValidationReturn,
            (Keep::Best, KeepBy::Loss) => Self::BestValidationLoss,
            (Keep::Best, KeepBy::Accuracy) => Self::BestValidationAccuracy,
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Last => "the last",
            Self::BestValidationReturn => "the highest return on validation tasks",
            Self::BestValidationLoss => "the lowest loss on validation tasks",
            Self::BestValidationAccuracy => "the highest accuracy on validation tasks",
        }
    }
}

impl MethodReport {
    /// Of one run.
    pub(super) fn new((run, model): &(String, TrainedModel), measured: &Measured) -> Self {
        let config = &model.config;
        Self {
            title: config.title.clone(),
            run: run.clone(),
            protocol: config.protocol,
            method: config.method.name().to_owned(),
            seed: config.seed,
            seeds: Vec::new(),
            iteration: model.iteration,
            chosen: ChosenIteration::of(config),
            settings: measured.settings.clone(),
            own_steps: measured.own_steps,
            tuned_rates: measured.tuned_rates.clone(),
            steps: {
                let units = measured.units.as_deref();
                let mut steps = StepReport::all(&measured.curves, units);
                if measured.acts {
                    steps.iter_mut().for_each(|step| step.diverged = None);
                }
                if measured.unit.is_some() {
                    for (step, losses) in steps.iter_mut().zip(&measured.curves.query) {
                        step.error = RootMeanSquare::of(losses, units);
                    }
                }
                steps
            },
            behind: None,
        }
    }

    /// The tuned rates as they are written: one where all folds have the same.
    pub fn tuned(&self) -> Option<String> {
        let first = self.tuned_rates.first()?;
        let rates = match self.tuned_rates.iter().all(|rate| rate == first) {
            true => &self.tuned_rates[..1],
            false => &self.tuned_rates,
        };
        let written = rates.iter().map(|rate| format!("{rate:.4}"));
        Some(written.collect::<Vec<_>>().join(", "))
    }

    /// Whether there is an accuracy.
    pub(super) fn has_classes(&self) -> bool {
        self.steps.iter().any(|step| step.accuracy.is_some())
    }

    /// What was measured after `step` inner steps, if it was.
    pub fn after(&self, step: usize) -> Option<&StepReport> {
        self.steps.iter().find(|report| report.step == step)
    }
}

/// One method after a number of inner steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Inner steps taken.
    pub step: usize,
    /// Mean query loss over the tasks, or mean return where [`Report::acts`]; `null` if it is
    /// not finite.
    pub mean: Option<f64>,
    /// Half the width of its 95 % interval, over [`Report::units`] or tasks; `null` if it
    /// is not finite.
    pub half_width: Option<f64>,
    /// Median query loss, which a few diverged tasks do not move.
    pub median: Option<f64>,
    /// Mean query accuracy over the tasks, from 0 to 1, where tasks have classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Interval>,
    /// Root mean square error of the queries, where targets have a unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RootMeanSquare>,
    /// Tasks whose support loss is not finite or is higher than before
    /// adaptation; not known where the latter was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diverged: Option<usize>,
    /// The standard deviation between the means of runs that differ in their
    /// seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between_seeds: Option<Spread>,
}

/// A standard deviation between runs, with `n − 1`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Of the mean query loss; `null` if it is not finite.
    pub loss: Option<f64>,
    /// Of the mean query accuracy, from 0 to 1, where tasks have classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
}

impl Spread {
    /// Of `measure`, as [`StepReport::of`] gives it.
    pub fn of(&self, measure: Measure) -> Option<f64> {
        match measure {
            Measure::Loss => self.loss,
            Measure::Accuracy => Some(100.0 * self.accuracy?),
            Measure::Error => None,
            Measure::Return => self.loss,
        }
    }
}

/// What the numbers of a report are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Mean query loss.
    Loss,
    /// Mean query accuracy in per cent.
    Accuracy,
    /// Root mean square error of the queries, in the target's unit.
    Error,
    /// Mean return of a rollout.
    Return,
}

impl Measure {
    /// The name of an axis or a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => "query loss",
            Self::Accuracy => "query accuracy in %",
            Self::Error => "root mean square error of queries",
            Self::Return => "return",
        }
    }
}

impl Report {
    /// What its tables and figures show: accuracy where tasks have classes, the error
    /// where targets have a unit.
    pub fn measure(&self) -> Measure {
        let mut steps = (self.shots.iter())
            .flat_map(|shots| &shots.methods)
            .flat_map(|method| &method.steps);
        match steps.next() {
            _ if self.acts => Measure::Return,
            Some(step) if step.accuracy.is_some() => Measure::Accuracy,
            _ if self.unit.is_some() => Measure::Error,
            _ => Measure::Loss,
        }
    }

    /// The setting that is judged by; `None` where no network sees the batch at hand, so
    /// that all are the same.
    pub fn judged(&self) -> Option<Setting> {
        let mut methods = self.shots.iter().flat_map(|shots| &shots.methods);
        methods
            .any(|method| method.settings.len() == 1)
            .then_some(self.setting)
    }

    /// The name of that measure, with the unit it is in.
    pub fn measured(&self) -> String {
        let (measure, unit) = (self.measure(), self.unit.as_deref());
        match unit.filter(|unit| measure == Measure::Error && !unit.is_empty()) {
            Some(unit) => format!("{} in {unit}", measure.name()),
            None => measure.name().to_owned(),
        }
    }
}

impl Measure {
    /// What the shares, losses and errors of a report times it are: accuracies are shares
    /// there and per cent where they are shown.
    pub fn scale(self) -> f64 {
        match self {
            Self::Accuracy => 100.0,
            Self::Loss | Self::Error | Self::Return => 1.0,
        }
    }
}

impl StepReport {
    /// The mean of `measure` with its interval; `None` if it is not finite or
    /// was not measured.
    pub fn of(&self, measure: Measure) -> Option<Interval> {
        match measure {
            Measure::Loss | Measure::Return => Some(Interval {
                mean: self.mean?,
                half_width: self.half_width.unwrap_or(f64::INFINITY),
            }),
            Measure::Accuracy => self.accuracy.map(|accuracy| accuracy.scaled(100.0)),
            Measure::Error => Some(self.error?.interval),
        }
    }

    /// Of every row of `curves`, whose tasks may be of known units.
    pub fn all(curves: &Curves, units: Option<&[u32]>) -> Vec<Self> {
        let finite = |value: f64| value.is_finite().then_some(value);
        let before = (curves.steps.first() == Some(&0)).then(|| &curves.support[0]);
        let rows = curves.steps.iter().enumerate();
        rows.map(|(row, &step)| {
            let interval = Interval::over(&curves.query[row], units);
            let mut sorted = curves.query[row].clone();
            sorted.sort_by(f32::total_cmp);
            let diverged = before.map(|before| {
                // A NaN is not at most anything. Rounding is no divergence.
                let pairs = before.iter().zip(&curves.support[row]);
                let fine = pairs.filter(|(before, after)| **after <= **before * (1.0 + ROUNDING));
                sorted.len() - fine.count()
            });
            Self {
                step,
                mean: finite(interval.mean),
                half_width: finite(interval.half_width),
                accuracy: (curves.accuracy.as_ref()).map(|rows| Interval::over(&rows[row], units)),
                median: finite(f64::from(sorted[sorted.len() / 2])),
                error: None,
                diverged,
                between_seeds: None,
            }
        })
        .collect()
    }
}
