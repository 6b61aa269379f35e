//! The folds of a cross-validation as one method.

use super::measure::Measured;
use super::{EvaluateError, Evaluation, Report};
use crate::model::TrainedModel;
use crate::random::{Stream, generator};

/// Tasks looked at to count a fold's devices.
const LOOKED_AT: usize = 10_000;

/// Tasks of every fold, at least one each.
pub(super) fn parts(
    models: &[(String, TrainedModel)],
    evaluation: &Evaluation,
) -> Result<Vec<usize>, EvaluateError> {
    let mut counts = Vec::with_capacity(models.len());
    for (_, model) in models {
        let tasks = model.config.tasks.open()?;
        let mut rng = generator(0, Stream::Test, 0);
        let devices = tasks.units(evaluation.split, &mut rng, LOOKED_AT);
        let count = devices.map_or(1, |mut devices| {
            devices.sort_unstable();
            devices.dedup();
            devices.len()
        });
        counts.push(count);
    }
    let all: usize = counts.iter().sum::<usize>().max(1);
    let part = |count: &usize| (evaluation.tasks * count).div_ceil(all).max(1);
    Ok(counts.iter().map(part).collect())
}

/// Appends the tasks of another fold to those of the first.
pub(super) fn extend(all: &mut Vec<Measured>, more: Vec<Measured>) {
    if all.is_empty() {
        *all = more;
        return;
    }
    for (own, more) in all.iter_mut().zip(more) {
        own.curves.extend(more.curves);
        own.devices = own.devices.take().zip(more.devices).map(|(mut own, more)| {
            own.extend(more);
            own
        });
        // Tuned fold by fold.
        own.tuned_rate = own.tuned_rate.filter(|_| own.tuned_rate == more.tuned_rate);
    }
}

/// Says in a report of the first fold that it is of all.
pub(super) fn name(report: &mut Report, models: &[(String, TrainedModel)]) {
    let runs: Vec<&str> = models.iter().map(|(run, _)| run.as_str()).collect();
    for method in report.shots.iter_mut().flat_map(|set| &mut set.methods) {
        method.title += &format!(", {} folds", models.len());
        method.run = runs.join(", ");
    }
}
