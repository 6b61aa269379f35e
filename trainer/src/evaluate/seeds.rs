//! Runs that differ in nothing but their seed, together.

use super::Interval;
use super::measure::Measured;
use super::report::{MethodReport, Spread, StepReport};
use crate::config::Config;
use crate::interval::moments;
use crate::model::TrainedModel;
use crate::predict::Curves;

/// The mean of every group of runs whose configs differ in their seed, and in
/// what they are called, alone. `measured` are those of one number of shots and
/// queries.
///
/// All runs see the same tasks, so a task's value is its mean over the runs and
/// the interval is that over tasks: counting every run's tasks as new ones would
/// make it too narrow. How far runs lie apart is told beside it.
pub(super) fn together(
    models: &[(String, TrainedModel)],
    measured: &[&Measured],
) -> Vec<MethodReport> {
    let mut groups: Vec<Vec<&Measured>> = Vec::new();
    for &measured in measured {
        let same = |group: &&mut Vec<&Measured>| {
            let first = group[0];
            let config = |measured: &Measured| nameless(&models[measured.model].1.config);
            first.settings == measured.settings && config(first) == config(measured)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(measured),
            None => groups.push(vec![measured]),
        }
    }
    let seed = |measured: &&Measured| models[measured.model].1.config.seed;
    (groups.into_iter())
        .filter(|group| {
            // A run given twice is no second seed.
            let mut seeds: Vec<u64> = group.iter().map(seed).collect();
            seeds.sort_unstable();
            seeds.dedup();
            seeds.len() > 1 && seeds.len() == group.len()
        })
        .map(|group| of_group(models, &group))
        .collect()
}

/// A config without what may differ between the runs of a group.
fn nameless(config: &Config) -> Config {
    Config {
        name: String::new(),
        title: String::new(),
        seed: 0,
        ..config.clone()
    }
}

fn of_group(models: &[(String, TrainedModel)], group: &[&Measured]) -> MethodReport {
    let first = group[0];
    let curves: Vec<&Curves> = group.iter().map(|measured| &measured.curves).collect();
    let mean = mean(&curves);
    let mut report = MethodReport::new(
        &models[first.model],
        &Measured {
            curves: mean,
            ..first.clone()
        },
    );
    report.title += &format!(", mean of {} seeds", group.len());
    let runs = group
        .iter()
        .map(|measured| models[measured.model].0.as_str());
    report.run = runs.collect::<Vec<_>>().join(", ");
    let seeds = group
        .iter()
        .map(|measured| models[measured.model].1.config.seed);
    report.seeds = seeds.collect();
    // Tuned run by run.
    report.tuned_rates.clear();
    for (row, step) in report.steps.iter_mut().enumerate() {
        let of_runs = curves
            .iter()
            .map(|curves| Interval::of(&curves.query[row]).mean);
        let (_, loss) = moments(of_runs);
        let accuracy = curves.iter().map(|curves| {
            let rows = curves.accuracy.as_ref();
            rows.map_or(f64::NAN, |rows| Interval::of(&rows[row]).mean)
        });
        let (_, accuracy) = moments(accuracy);
        step.between_seeds = Some(Spread {
            loss: loss.is_finite().then_some(loss),
            accuracy: accuracy.is_finite().then_some(accuracy),
        });
        let diverged = curves
            .iter()
            .map(|curves| StepReport::all(curves, None)[row].diverged);
        step.diverged = diverged.sum();
    }
    report
}

/// Every task's mean over runs of the same steps.
fn mean(curves: &[&Curves]) -> Curves {
    let over_runs = |rows: Vec<&Vec<Vec<f32>>>| -> Vec<Vec<f32>> {
        let count = rows.len() as f64;
        let (steps, tasks) = (rows[0].len(), rows[0].first().map_or(0, Vec::len));
        let value = |step: usize, task: usize| {
            let sum: f64 = rows.iter().map(|rows| f64::from(rows[step][task])).sum();
            (sum / count) as f32
        };
        (0..steps)
            .map(|step| (0..tasks).map(|task| value(step, task)).collect())
            .collect()
    };
    let accuracies = curves.iter().map(|curves| curves.accuracy.as_ref());
    Curves {
        steps: curves[0].steps.clone(),
        support: over_runs(curves.iter().map(|curves| &curves.support).collect()),
        query: over_runs(curves.iter().map(|curves| &curves.query).collect()),
        accuracy: accuracies.collect::<Option<Vec<_>>>().map(over_runs),
    }
}
