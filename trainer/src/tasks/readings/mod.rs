//! Calibration of a new unit from a few of its readings.

mod config;
mod contents;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

pub use config::{Readings, SupportRows};

use super::formula::Program;
use super::scale::{TargetScale, input_moments, target_moments};
use super::units::{Set, Turns, batch_of_units};
use super::{
    DataDigest, DataSum, Description, LabelledBatch, Sizes, Split, TaskBatch, TaskData,
    TaskDistribution, TaskSizes, TasksError,
};
use crate::data::{DataError, Group, Normalisation, Problem, Row, Table, counted};
use crate::random::{Stream, generator};

/// The readings that one task is drawn from, in order.
#[derive(Clone, Debug)]
struct Series {
    name: String,
    /// Index of the unit, which splits keep whole.
    unit: usize,
    /// `[rows, inputs]`.
    x: Vec<f32>,
    /// Of every row, normalised.
    y: Vec<f32>,
}

/// Tasks of readings in memory.
#[derive(Clone, Debug)]
pub struct ReadingTasks {
    config: Readings,
    series: Vec<Series>,
    /// Their names.
    names: Arc<[String]>,
    /// The unit of each.
    units: Arc<[u32]>,
    /// Indices of the series of each split.
    splits: [Vec<usize>; 3],
    normalisation: Arc<Normalisation>,
    scale: TargetScale,
    /// Lowest and highest value of each input, then of the target.
    ranges: Vec<[f64; 2]>,
    /// Of all readings in their units.
    digest: DataDigest,
}

/// A row's inputs and target.
type Reading = (Vec<f64>, f64);

impl ReadingTasks {
    /// Tasks of `config` from a table with the columns it needs.
    ///
    /// # Errors
    /// [`DataError`] where a split would be empty, a formula names what is not
    /// there, or a value is not finite.
    pub fn new(config: Readings, table: &Table) -> Result<Self, TasksError> {
        let mut problems = Vec::new();
        let readings = readings(&config, table, &mut problems)?;
        if !problems.is_empty() {
            return Err(TasksError::Data(DataError::Problems {
                what: table.path.display().to_string(),
                unit: "row",
                problems,
            }));
        }
        let units = units(&config, table);
        let orders = orders(&config, table);
        let folders: Vec<Option<Group>> = units.first_rows.iter().map(|row| row.group).collect();
        let what = table.path.display().to_string();
        let assigned = config.split.assign(&what, &units.names, &folders)?;
        let mut splits = [(); 3].map(|()| Vec::new());
        for (at, rows) in orders.iter().enumerate() {
            let own = assigned[units.of_series[at]];
            let trains = own == Some(Group::Train);
            if !(trains && rows.len() < config.rows_to_train)
                && let Some(group) = own
            {
                splits[group as usize].push(at);
            }
        }
        let width = config.inputs.len();
        let training = splits[Split::Train as usize].iter();
        let training: Vec<&Reading> = training
            .flat_map(|&at| orders[at].iter().map(|&row| &readings[row]))
            .collect();
        let x: Vec<f64> = training
            .iter()
            .flat_map(|(x, _)| x.iter().copied())
            .collect();
        let y: Vec<f64> = training.iter().map(|(_, y)| *y).collect();
        let (mean, deviation) = target_moments(&y, 1);
        let scale = TargetScale {
            mean,
            deviation,
            unit: config.unit.clone(),
        };
        let series = table.subjects.iter().enumerate().map(|(at, name)| {
            let rows = || orders[at].iter().map(|&row| &readings[row]);
            let mut y: Vec<f32> = rows().map(|(_, y)| *y as f32).collect();
            scale.normalise(&mut y);
            Series {
                name: name.clone(),
                unit: units.of_series[at],
                x: rows()
                    .flat_map(|(x, _)| x.iter().map(|&x| x as f32))
                    .collect(),
                y,
            }
        });
        let range = |at: usize| {
            let values = readings
                .iter()
                .map(|(x, y)| x.get(at).copied().unwrap_or(*y));
            values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| {
                [low.min(value), high.max(value)]
            })
        };
        let digests = table.subjects.iter().zip(&orders).map(|(name, rows)| {
            let mut sum = DataSum::default();
            for (x, y) in rows.iter().map(|&row| &readings[row]) {
                sum.numbers(x.iter().chain([y]).copied());
            }
            (name.clone(), rows.len(), sum)
        });
        Ok(Self {
            digest: DataDigest::new("device", "row", digests),
            series: series.collect(),
            names: table.subjects.clone().into(),
            units: units.of_series.iter().map(|&unit| unit as u32).collect(),
            splits,
            normalisation: Arc::new(input_moments(&x, width)),
            ranges: (0..=width).map(range).collect(),
            scale,
            config,
        })
    }

    fn series_of(&self, split: Split) -> impl Iterator<Item = &Series> + Clone {
        let own = self.splits[split as usize].iter();
        own.map(|&at| &self.series[at])
    }

    fn support(&self, split: Split) -> SupportRows {
        let training = (self.config.training_support).filter(|_| split == Split::Train);
        training.unwrap_or(self.config.support)
    }

    /// Rows of support and query set: support from the front of an order, queries
    /// from its back, so that more of one does not change the other. Queries start
    /// again where there are not enough.
    fn rows(&self, split: Split, series: &Series, seed: u64, shots: usize) -> [Vec<usize>; 2] {
        let mut rng = generator(seed, Stream::Units, 0);
        let mut order: Vec<usize> = (0..series.y.len()).collect();
        let first = self.support(split) == SupportRows::First;
        match (self.config.query_rows, first) {
            (Some([first_row, last]), first) => {
                let mut queries: Vec<usize> = (first_row - 1..last.min(order.len())).collect();
                order.retain(|row| !queries.contains(row));
                if !first {
                    order.shuffle(&mut rng);
                }
                queries.shuffle(&mut rng);
                [order, queries]
            }
            (None, true) => {
                let mut queries = order.split_off(shots.min(order.len()));
                queries.shuffle(&mut rng);
                [order, queries]
            }
            (None, false) => {
                order.shuffle(&mut rng);
                let mut queries = order.split_off(shots.min(order.len()));
                queries.reverse();
                [order, queries]
            }
        }
    }

    /// Rows that a support set can have, where there is a query left.
    fn most_shots(&self, split: Split, series: &Series) -> usize {
        let rows = series.y.len();
        match self.config.query_rows {
            None => rows.saturating_sub(1),
            Some([first, _]) if rows < first => 0,
            Some([first, _]) if self.support(split) == SupportRows::First => first - 1,
            Some([first, last]) => rows - (last.min(rows) + 1 - first),
        }
    }
}

impl TaskSizes for ReadingTasks {
    fn sizes(&self) -> Sizes {
        self.config.sizes()
    }
}

impl TaskDistribution for ReadingTasks {
    fn description(&self) -> Description {
        Description {
            normalisation: Some(self.normalisation.clone()),
            target_scale: Some(self.scale.clone()),
            front_end: None,
        }
    }

    /// Series take turns in a random order; every task has a generator of its own for
    /// its rows. Queries repeat where a series has fewer rows than both sets need. The
    /// split must have a series, as [`TaskData::check_counts`] says.
    fn draw(
        &self,
        split: Split,
        rng: &mut ChaCha8Rng,
        tasks: usize,
        shots: usize,
        queries: usize,
    ) -> TaskBatch {
        let width = self.config.inputs.len();
        let turns = Turns::new(&self.splits[split as usize], rng).take(tasks);
        let fill = |(at, seed): (usize, u64), sets: [Set<'_>; 2]| {
            let series = &self.series[at];
            let rows = self.rows(split, series, seed, shots);
            for ((rows, count), (x, y)) in rows.iter().zip([shots, queries]).zip(sets) {
                for &row in rows.iter().cycle().take(count) {
                    x.extend_from_slice(&series.x[row * width..(row + 1) * width]);
                    y.push(series.y[row]);
                }
            }
            at
        };
        let mut batch = batch_of_units(turns, queries, &self.names, &self.normalisation, fill);
        if let Some(origins) = &mut batch.origins {
            origins.unit_of = Some(self.units.clone());
        }
        batch
    }

    fn data(&self) -> Option<&dyn TaskData> {
        Some(self)
    }
}

impl TaskData for ReadingTasks {
    fn digest_examples(&self) -> DataDigest {
        self.digest.clone()
    }

    fn check_counts(&self, split: Split, shots: usize, _queries: usize) -> Result<(), TasksError> {
        let most_shots = |series: &&Series| self.most_shots(split, series);
        let fewest = self.series_of(split).min_by_key(most_shots);
        let most = fewest.as_ref().map_or(0, most_shots);
        if most >= shots {
            return Ok(());
        }
        let (what, has) = match fewest {
            None => (
                format!("the {} split", split.name()),
                "no device of enough rows".to_owned(),
            ),
            Some(series) => (
                format!("device {} of the {} split", series.name, split.name()),
                counted(series.y.len(), "row"),
            ),
        };
        let needs = match self.config.query_rows {
            Some([first, last]) => format!(
                "{shots} are needed for the support set besides rows {first} to {last} for queries"
            ),
            None => format!("{shots} are needed for the support set and one for queries"),
        };
        Err(DataError::TooFew { what, has, needs }.into())
    }

    fn count_units(&self, split: Split) -> Option<usize> {
        let series = self.splits[split as usize].iter();
        let units: BTreeSet<usize> = series.map(|&at| self.series[at].unit).collect();
        Some(units.len())
    }

    fn count_classes(&self, _split: Split) -> Option<usize> {
        None
    }

    fn draw_examples(&self, _rng: &mut ChaCha8Rng, _count: usize) -> Option<LabelledBatch> {
        None
    }
}

/// Inputs and target of every row.
fn readings(
    config: &Readings,
    table: &Table,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Reading>, TasksError> {
    let wrong = |why: String| {
        TasksError::Data(DataError::Read {
            path: table.path.clone(),
            why,
        })
    };
    let mut scope = table.numbers.clone();
    let program = Program::new(&config.formulas, &mut scope)
        .map_err(|why| wrong(format!("tasks.let.{why}")))?;
    let index = |name: &String| {
        let found = scope.iter().position(|known| known == name);
        found.ok_or_else(|| wrong(format!("no column or formula {name:?}")))
    };
    let inputs = config.inputs.iter().map(index);
    let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
    let target = index(&config.target)?;
    let mut all = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        let mut values = row.numbers.clone();
        program.extend(&mut values);
        let mut value = |at: usize| {
            if !(values[at] as f32).is_finite() {
                let what = format!("{} is {}", scope[at], values[at]);
                problems.push(table.problem(row, what));
            }
            values[at]
        };
        let x = inputs.iter().map(|&at| value(at)).collect();
        all.push((x, value(target)));
    }
    Ok(all)
}

/// The units, which splits keep whole.
struct Units<'a> {
    names: Vec<String>,
    first_rows: Vec<&'a Row>,
    of_series: Vec<usize>,
}

fn units<'a>(config: &Readings, table: &'a Table) -> Units<'a> {
    let parts = match config.split_by.is_empty() {
        true => config.device.len(),
        false => config.split_by.len(),
    };
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut units = Units {
        names: Vec::new(),
        first_rows: Vec::new(),
        of_series: vec![0; table.subjects.len()],
    };
    for row in &table.rows {
        let name = match parts {
            0 => table.subjects[row.subject].clone(),
            _ => row.texts[..parts].join("/"),
        };
        let unit = *numbers.entry(name.clone()).or_insert_with(|| {
            units.names.push(name);
            units.first_rows.push(row);
            units.names.len() - 1
        });
        units.of_series[row.subject] = unit;
    }
    units
}

/// The rows of every series, in order.
fn orders(config: &Readings, table: &Table) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new(); table.subjects.len()];
    for (at, row) in table.rows.iter().enumerate() {
        orders[row.subject].push(at);
    }
    if config.order.is_none() {
        return orders;
    }
    // The column comes after those of the units.
    let text = |at: usize| table.rows[at].texts.last().map_or("", String::as_str);
    let number = |at: usize| text(at).parse::<f64>();
    for order in &mut orders {
        if order.iter().all(|&at| number(at).is_ok()) {
            let number = |at: usize| number(at).unwrap_or(0.0);
            order.sort_by(|&a, &b| number(a).total_cmp(&number(b)));
        } else {
            order.sort_by(|&a, &b| text(a).cmp(text(b)));
        }
    }
    orders
}

#[cfg(test)]
mod tests;
