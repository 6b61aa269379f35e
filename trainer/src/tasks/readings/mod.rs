//! Calibration of a new device from a few of its readings.

mod config;

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

pub use config::{Choice, Readings};

use super::devices::{Set, Turns, batch_of_devices};
use super::formula::Program;
use super::scale::{TargetScale, input_moments, target_moments};
use super::{Split, TaskBatch, TaskDistribution, TasksError};
use crate::data::{DataError, Group, Normalisation, Problem, Row, Table, counted};
use crate::nn::Shape;
use crate::random::{Stream, generator};

/// Readings of what one task is of, in order.
#[derive(Clone, Debug)]
struct Device {
    name: String,
    /// What is split, as an index.
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
    devices: Vec<Device>,
    /// Their names.
    names: Arc<[String]>,
    /// Devices of each split.
    splits: [Vec<usize>; 3],
    normalisation: Arc<Normalisation>,
    scale: TargetScale,
    /// Lowest and highest value of each input, then of the target.
    ranges: Vec<[f64; 2]>,
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
        for (device, rows) in orders.iter().enumerate() {
            let own = assigned[units.of_device[device]];
            let trains = own == Some(Group::Train);
            if !(trains && rows.len() < config.rows_to_train)
                && let Some(group) = own
            {
                splits[group as usize].push(device);
            }
        }
        let width = config.inputs.len();
        let training = splits[Split::Train as usize].iter();
        let training: Vec<&Reading> = training
            .flat_map(|&device| orders[device].iter().map(|&row| &readings[row]))
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
        let devices = table.devices.iter().enumerate().map(|(at, name)| {
            let rows = || orders[at].iter().map(|&row| &readings[row]);
            let mut y: Vec<f32> = rows().map(|(_, y)| *y as f32).collect();
            scale.normalise(&mut y);
            Device {
                name: name.clone(),
                unit: units.of_device[at],
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
        Ok(Self {
            devices: devices.collect(),
            names: table.devices.clone().into(),
            splits,
            normalisation: Arc::new(input_moments(&x, width)),
            ranges: (0..=width).map(range).collect(),
            scale,
            config,
        })
    }

    /// The config.
    pub fn config(&self) -> &Readings {
        &self.config
    }

    /// Lowest and highest value of each input, then of the target.
    pub fn ranges(&self) -> &[[f64; 2]] {
        &self.ranges
    }

    /// What a split holds.
    pub fn holds(&self, split: Split) -> Holds {
        let devices = self.splits[split as usize]
            .iter()
            .map(|&at| &self.devices[at]);
        let rows = || devices.clone().map(|device| device.y.len());
        Holds {
            devices: devices.clone().count(),
            rows: rows().sum(),
            of_device: [rows().min().unwrap_or(0), rows().max().unwrap_or(0)],
            smallest: (devices.clone().min_by_key(|device| device.y.len()))
                .map_or_else(String::new, |device| device.name.clone()),
        }
    }

    fn support(&self, split: Split) -> Choice {
        let training = (self.config.training_support).filter(|_| split == Split::Train);
        training.unwrap_or(self.config.support)
    }

    /// Rows of support and query set: support from the front of an order, queries
    /// from its back, so that more of one does not change the other. Queries start
    /// again where there are not enough.
    fn rows(&self, split: Split, device: &Device, seed: u64, shots: usize) -> [Vec<usize>; 2] {
        let mut rng = generator(seed, Stream::Devices, 0);
        let mut order: Vec<usize> = (0..device.y.len()).collect();
        let first = self.support(split) == Choice::First;
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
    fn most_shots(&self, split: Split, device: &Device) -> usize {
        let rows = device.y.len();
        match self.config.query_rows {
            None => rows.saturating_sub(1),
            Some([first, _]) if rows < first => 0,
            Some([first, _]) if self.support(split) == Choice::First => first - 1,
            Some([first, last]) => rows - (last.min(rows) + 1 - first),
        }
    }
}

/// What a split of readings holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Holds {
    /// Devices.
    pub devices: usize,
    /// Rows of all of them.
    pub rows: usize,
    /// Rows of the device with the fewest, and of that with the most.
    pub of_device: [usize; 2],
    /// The device with the fewest.
    pub smallest: String,
}

impl TaskDistribution for ReadingTasks {
    fn shape(&self) -> Shape {
        self.config.shape()
    }

    fn output(&self) -> usize {
        1
    }

    /// Devices take turns in a random order; every task has a generator of its own
    /// for its rows. Queries repeat where a device has fewer rows than both sets
    /// need. Panics where a split has no device, which opening refuses.
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
            let device = &self.devices[at];
            let rows = self.rows(split, device, seed, shots);
            for ((rows, count), (x, y)) in rows.iter().zip([shots, queries]).zip(sets) {
                for &row in rows.iter().cycle().take(count) {
                    x.extend_from_slice(&device.x[row * width..(row + 1) * width]);
                    y.push(device.y[row]);
                }
            }
            at
        };
        batch_of_devices(turns, queries, &self.names, &self.normalisation, fill)
    }

    fn check(&self, split: Split, shots: usize, _queries: usize) -> Result<(), TasksError> {
        let devices = &self.splits[split as usize];
        let devices = devices.iter().map(|&at| &self.devices[at]);
        let fewest = devices.min_by_key(|device| self.most_shots(split, device));
        let most = fewest.map_or(0, |device| self.most_shots(split, device));
        if most >= shots {
            return Ok(());
        }
        let (what, has) = match fewest {
            None => (
                format!("the {} split", split.name()),
                "no device of enough rows".to_owned(),
            ),
            Some(device) => (
                format!("device {} of the {} split", device.name, split.name()),
                counted(device.y.len(), "row"),
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

    fn normalisation(&self) -> Option<Arc<Normalisation>> {
        Some(self.normalisation.clone())
    }

    fn target_scale(&self) -> Option<TargetScale> {
        Some(self.scale.clone())
    }

    fn devices(&self, split: Split, rng: &mut ChaCha8Rng, tasks: usize) -> Option<Vec<usize>> {
        let turns = Turns::new(&self.splits[split as usize], rng).take(tasks);
        Some(turns.map(|(device, _)| self.devices[device].unit).collect())
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
    let place = |name: &String| {
        let found = scope.iter().position(|known| known == name);
        found.ok_or_else(|| wrong(format!("no column or formula {name:?}")))
    };
    let inputs = config.inputs.iter().map(place);
    let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
    let target = place(&config.target)?;
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

/// What is split.
struct Units<'a> {
    names: Vec<String>,
    first_rows: Vec<&'a Row>,
    of_device: Vec<usize>,
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
        of_device: vec![0; table.devices.len()],
    };
    for row in &table.rows {
        let name = match parts {
            0 => table.devices[row.device].clone(),
            _ => row.texts[..parts].join("/"),
        };
        let unit = *numbers.entry(name.clone()).or_insert_with(|| {
            units.names.push(name);
            units.first_rows.push(row);
            units.names.len() - 1
        });
        units.of_device[row.device] = unit;
    }
    units
}

/// The rows of every device, in order.
fn orders(config: &Readings, table: &Table) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new(); table.devices.len()];
    for (at, row) in table.rows.iter().enumerate() {
        orders[row.device].push(at);
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
