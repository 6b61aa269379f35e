//! What baselines are fitted to and choose on: tasks of training and validation units, in
//! parts that share no unit, each of which is predicted by an average of the others.

use std::collections::BTreeMap;

use super::{Average, Baseline, Fitted};
use crate::nn::Shape;
use crate::tasks::TaskBatch;

/// Most parts.
const PARTS: usize = 5;

/// Most tasks of a part that choices are made on.
const TASKS: usize = 80;

/// Tasks of units that are not tested.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// Tasks, each a batch of its own, of every part.
    parts: Vec<Vec<TaskBatch>>,
    /// That of all parts, and for each part that of the others, where targets are values.
    averages: Option<(Average, Vec<Average>)>,
}

impl Tuning {
    /// On the tasks of some batches: their units, or the tasks themselves where units are
    /// not known, are dealt to parts.
    pub fn new(batches: &[TaskBatch]) -> Self {
        let mut part_of: BTreeMap<(usize, u32), usize> = BTreeMap::new();
        let mut parts: Vec<Vec<TaskBatch>> = vec![Vec::new(); PARTS];
        // Batches are of different splits, but name units alike.
        let known = batches.iter().all(|batch| batch.units().is_some());
        for (at, batch) in batches.iter().enumerate() {
            let units = batch.units();
            for task in 0..batch.tasks {
                let unit = units
                    .as_ref()
                    .filter(|_| known)
                    .map(|units| (0, units[task]));
                let count = part_of.len();
                let part = part_of.entry(unit.unwrap_or((at + 1, task as u32)));
                parts[*part.or_insert(count % PARTS)].push(batch.tasks(task..task + 1));
            }
        }
        parts.retain(|part| !part.is_empty());
        let values = batches.iter().all(|batch| batch.classes.is_none());
        let averages = (values && !parts.is_empty()).then(|| Average::fit(&parts));
        Self { parts, averages }
    }

    /// The baseline with the choice that is best, by accuracy or by the mean squared error,
    /// on tasks with `support` support examples: each part's by what the others know.
    pub fn fit(&self, baseline: Baseline, shape: Shape, support: usize) -> Fitted<'_> {
        let mut candidates = baseline.candidates(shape).into_iter();
        let whole = self.averages.as_ref().map(|(whole, _)| whole);
        let with = |choice| Fitted {
            baseline,
            choice,
            average: whole,
            shape,
        };
        if candidates.len() == 1 || self.parts.is_empty() {
            return with(candidates.next().unwrap_or_default());
        }
        let tasks: Vec<Vec<TaskBatch>> = (self.parts.iter())
            .map(|part| {
                let part = part.iter().take(TASKS);
                part.map(|task| task.first_support_examples(support))
                    .collect()
            })
            .collect();
        let error = |choice| -> f64 {
            let parts = tasks.iter().enumerate().map(|(at, tasks)| {
                let average = self.averages.as_ref().map(|(_, others)| &others[at]);
                Fitted {
                    average,
                    ..with(choice)
                }
                .error(tasks)
            });
            parts.sum()
        };
        let scored = candidates.map(|choice| (error(choice), choice));
        let best = scored.min_by(|a, b| a.0.total_cmp(&b.0));
        with(best.map_or_else(Default::default, |(_, choice)| choice))
    }
}
