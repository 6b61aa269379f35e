//! Whether meta-learning is ahead, and by how much of each method.

use serde::{Deserialize, Serialize};

use super::baselines::MeasuredBaseline;
use super::measure::Measured;
use super::{Interval, Paired, Setting};
use crate::algorithms::Algorithm;
use crate::data::counted;
use crate::model::TrainedModel;

/// Units so few that the next as many may well say otherwise.
const FEW: usize = 10;

/// The best meta-learned run against the best of all else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Title of the run.
    pub run: String,
    /// Title of the best baseline: one of the baselines, or a run by another method.
    pub baseline: String,
    /// How far the run is ahead, task by task: in accuracy from 0 to 1, in loss or,
    /// where targets have a unit, in root mean square error.
    pub ahead: Paired,
    /// How many units the interval is over; `None` where it is over tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<usize>,
}

impl Verdict {
    /// In words.
    pub fn words(&self) -> &'static str {
        if !self.ahead.difference.half_width.is_finite() {
            return "whether meta-learning pays cannot be told";
        }
        match (self.ahead.excludes_zero, self.ahead.difference.mean > 0.0) {
            (true, true) => "meta-learning pays",
            (true, false) => "meta-learning does not pay",
            (false, _) => "meta-learning makes no difference that these tasks could show",
        }
    }

    /// Which of the two is ahead, by a difference that `written` writes.
    pub fn who(&self, written: impl Fn(Interval) -> String) -> String {
        let difference = self.ahead.difference;
        let (first, second, by) = match difference.mean >= 0.0 {
            true => (&self.run, &self.baseline, difference.mean),
            false => (&self.baseline, &self.run, -difference.mean),
        };
        let by = written(Interval {
            mean: by,
            ..difference
        });
        format!("{first} is ahead of {second} by {by}")
    }

    /// What to bear in mind where the units are few.
    pub fn caution(&self) -> Option<String> {
        match self.units? {
            1 => Some(
                "all tasks are of one person or device: this says nothing of others".to_owned(),
            ),
            units if units < FEW => Some(format!(
                "that rests on {} alone: other units may say otherwise",
                counted(units, "unit")
            )),
            _ => None,
        }
    }
}

/// One method with its values, accuracies or losses, task by task.
struct Row<'a> {
    title: &'a str,
    values: &'a [f32],
}

/// How methods with one number of shots and of queries are compared.
pub(super) struct Comparing<'a> {
    measured: &'a [&'a Measured],
    baselines: &'a [&'a MeasuredBaseline],
    /// Indices of `measured` that are meta-learned, and those that are not.
    kinds: [Vec<usize>; 2],
    titles: &'a [String],
    high_is_good: bool,
    in_unit: bool,
    units: Option<&'a [u32]>,
}

impl<'a> Comparing<'a> {
    /// Of runs, with the title of each, and baselines. What was measured in another setting
    /// than the one that is judged by, and what bounds all methods, is neither meta-learned
    /// nor a baseline.
    pub fn new(
        models: &'a [(String, TrainedModel)],
        judged: Setting,
        (measured, titles): (&'a [&'a Measured], &'a [String]),
        baselines: &'a [&'a MeasuredBaseline],
    ) -> Self {
        let mut kinds = [Vec::new(), Vec::new()];
        for (at, measured) in measured.iter().enumerate() {
            let method = &models[measured.model].1.config.method;
            if measured.settings.contains(&judged) && !method.properties().is_bound {
                kinds[usize::from(!method.has_recipe())].push(at);
            }
        }
        Self {
            kinds,
            titles,
            high_is_good: measured
                .iter()
                .any(|own| own.acts || own.curves.accuracy.is_some()),
            in_unit: measured.iter().any(|own| own.unit.is_some()),
            units: measured.first().and_then(|own| own.units.as_deref()),
            measured,
            baselines,
        }
    }

    /// A run after its own number of steps.
    fn run(&self, at: usize) -> Option<Row<'a>> {
        let measured = self.measured[at];
        let curves = &measured.curves;
        let row = (curves.steps.iter()).position(|&step| step == measured.own_steps)?;
        let rows = curves.accuracy.as_ref().unwrap_or(&curves.query);
        Some(Row {
            title: &self.titles[at],
            values: &rows[row],
        })
    }

    /// The best of some rows, with its place among them.
    fn best<K>(&self, rows: impl Iterator<Item = (K, Row<'a>)>) -> Option<(K, Row<'a>)> {
        let sign = if self.high_is_good { 1.0 } else { -1.0 };
        let scored = rows.filter_map(|(key, row)| {
            let mean = Interval::of(row.values).mean;
            mean.is_finite().then_some((sign * mean, (key, row)))
        });
        let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(best.1)
    }

    /// The best meta-learned run.
    pub fn leader(&self) -> Option<usize> {
        let [learned, _] = &self.kinds;
        let runs = learned.iter().filter_map(|&at| Some((at, self.run(at)?)));
        Some(self.best(runs)?.0)
    }

    /// The leader against the best of all else; `None` where one of the two is missing.
    pub fn verdict(&self) -> Option<Verdict> {
        let leader = self.run(self.leader()?)?;
        let [_, others] = &self.kinds;
        let others = others.iter().filter_map(|&at| self.run(at));
        let others = others.chain(self.baselines.iter().map(|baseline| baseline.row()));
        let (_, baseline) = self.best(others.map(|row| ((), row)))?;
        Some(Verdict {
            run: leader.title.to_owned(),
            baseline: baseline.title.to_owned(),
            ahead: self.ahead(&leader, &baseline)?,
            units: self.units.map(Interval::count_units),
        })
    }

    /// How far the leader is ahead of another run.
    pub fn ahead_of_run(&self, at: usize) -> Option<Paired> {
        let leader = self.leader().filter(|&leader| leader != at)?;
        self.ahead(&self.run(leader)?, &self.run(at)?)
    }

    /// How far the leader is ahead of a baseline.
    pub fn ahead_of_baseline(&self, baseline: &MeasuredBaseline) -> Option<Paired> {
        self.ahead(&self.run(self.leader()?)?, &baseline.row())
    }

    fn ahead(&self, run: &Row<'_>, other: &Row<'_>) -> Option<Paired> {
        if self.high_is_good {
            return Paired::of(other.values, run.values, self.units);
        }
        match self.in_unit {
            false => Paired::of(run.values, other.values, self.units),
            true => Paired::of_roots(run.values, other.values, self.units),
        }
    }
}

impl MeasuredBaseline {
    fn row(&self) -> Row<'_> {
        Row {
            title: self.title(),
            values: self.values(),
        }
    }
}
