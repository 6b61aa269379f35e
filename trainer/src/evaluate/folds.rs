//! The folds of a cross-validation as one method.

use burn::tensor::backend::Backend;

use super::baselines::{self, MeasuredBaseline};
use super::measure::{Measured, Progress, Steps, append_units, measure};
use super::{EvaluateError, Evaluation, Report, report};
use crate::model::TrainedModel;

/// The runs of all folds of one split of the units.
#[derive(Clone, Debug)]
pub struct Folds {
    /// The seed of the split.
    pub split_seed: u64,
    /// The run of each fold, with the place it comes from.
    pub models: Vec<(String, TrainedModel)>,
}

/// What was measured of all folds of some splits, on all their tasks together.
#[derive(Default)]
pub(super) struct FoldsMeasured {
    tasks: usize,
    runs: Vec<Measured>,
    baselines: Vec<MeasuredBaseline>,
}

impl FoldsMeasured {
    /// Measures each fold on its part of the tasks.
    pub fn of<B: Backend>(
        folds: &Folds,
        evaluation: &Evaluation,
        device: &B::Device,
        mut observe: impl FnMut(Progress<'_>),
    ) -> Result<Self, EvaluateError> {
        let mut all = Self::default();
        let parts = parts(&folds.models, evaluation)?;
        for (fold, &tasks) in folds.models.chunks(1).zip(&parts) {
            let evaluation = Evaluation {
                tasks,
                ..evaluation.clone()
            };
            let runs = measure::<B>(fold, &evaluation, Steps::All, device, &mut observe)?;
            let baselines =
                baselines::measure_wanted::<B>(fold, &evaluation, device, &mut observe)?;
            all.extend(Self {
                tasks,
                runs,
                baselines,
            });
        }
        Ok(all)
    }

    /// Appends the tasks of other folds.
    pub fn extend(&mut self, more: Self) {
        self.tasks += more.tasks;
        baselines::extend(&mut self.baselines, more.baselines);
        if self.runs.is_empty() {
            self.runs = more.runs;
            return;
        }
        for (own, more) in self.runs.iter_mut().zip(more.runs) {
            own.curves.extend(more.curves);
            append_units(&mut own.units, more.units);
            own.tuned_rates.extend(more.tuned_rates);
        }
    }

    /// The report, in which all folds go by the name of the first.
    pub fn report(&self, folds: &Folds, evaluation: &Evaluation) -> Report {
        let evaluation = Evaluation {
            tasks: self.tasks,
            ..evaluation.clone()
        };
        report(&folds.models, &evaluation, &self.runs, &self.baselines)
    }
}

/// Tasks of every fold, at least one each.
fn parts(
    models: &[(String, TrainedModel)],
    evaluation: &Evaluation,
) -> Result<Vec<usize>, EvaluateError> {
    let mut counts = Vec::with_capacity(models.len());
    for (_, model) in models {
        let tasks = model.config.tasks.open()?;
        counts.push(tasks.unit_count(evaluation.split).unwrap_or(1));
    }
    let all: usize = counts.iter().sum::<usize>().max(1);
    let part = |count: &usize| (evaluation.tasks * count).div_ceil(all).max(1);
    Ok(counts.iter().map(part).collect())
}

/// Says in a report of the first fold that it is of all.
pub(super) fn name(report: &mut Report, splits: &[Folds]) {
    let mut runs = splits.iter().flat_map(|folds| &folds.models);
    let of = |named: Option<&(String, TrainedModel)>| {
        named.map_or_else(String::new, |(run, _)| run.clone())
    };
    let runs = [of(runs.next()), of(runs.next_back())].join(" to ");
    let folds = splits.first().map_or(0, |folds| folds.models.len());
    for method in report.shots.iter_mut().flat_map(|set| &mut set.methods) {
        method.title += &format!(", {folds} folds");
        if splits.len() > 1 {
            method.title += &format!(", {} splits", splits.len());
        }
        method.run.clone_from(&runs);
    }
}
