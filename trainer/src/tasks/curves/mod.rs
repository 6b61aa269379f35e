//! Calibration of a new unit whose curve is known: coefficients from a table, targets
//! from a formula.

mod config;
mod contents;

use std::collections::BTreeSet;
use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

pub use config::{Curves, Nominal, Spacing, SupportPoints, Variable};

use super::formula::{Formula, Program};
use super::scale::{TargetScale, input_moments, target_moments};
use super::units::{Set, Turns, batch_of_units};
use super::{
    DataDigest, DataSum, Description, LabelledBatch, Sizes, Split, TaskBatch, TaskData,
    TaskDistribution, TaskSizes, TasksError,
};
use crate::data::{DataError, Group, Normalisation, Table};
use crate::random::{Stream, generator};

/// Points of a range at which curves are looked at, of each variable.
const POINTS: usize = 64;

/// Tasks of curves.
#[derive(Clone, Debug)]
pub struct CurveTasks {
    config: Curves,
    /// Names of the coefficients.
    columns: Vec<String>,
    /// `[rows, coefficients]`.
    rows: Vec<Vec<f64>>,
    /// The unit of every row.
    unit_of: Vec<usize>,
    /// Names of the units.
    names: Arc<[String]>,
    /// Rows of each split.
    splits: [Vec<usize>; 3],
    curve: Curve,
    /// The row whose curve is the nominal one.
    nominal: Option<usize>,
    normalisation: Arc<Normalisation>,
    scale: TargetScale,
    /// Root mean square of what the noise of a reading does to the target.
    floor: f64,
}

/// The formulas. A scope is made of coefficients, variables, and what `let` makes.
#[derive(Clone, Debug)]
struct Curve {
    program: Program,
    target: Formula,
    /// Of each input where it is in the scope; `None` for the nominal target.
    inputs: Vec<Option<usize>>,
}

impl Curve {
    /// The scope of one row's coefficients and a reading.
    fn scope(&self, row: &[f64], reading: &[f64]) -> Vec<f64> {
        let mut scope = row.to_vec();
        scope.extend_from_slice(reading);
        self.program.extend(&mut scope);
        scope
    }

    fn target(&self, row: &[f64], reading: &[f64]) -> f64 {
        self.target.value(&self.scope(row, reading))
    }
}

impl CurveTasks {
    /// Tasks of `config` from a table with the coefficients it needs.
    ///
    /// # Errors
    /// [`DataError`] where a split would be empty, a formula names what is not
    /// there, or a curve is not finite somewhere, with the row and the place.
    pub fn new(config: Curves, table: &Table) -> Result<Self, TasksError> {
        let curve = curve(&config, table)?;
        let rows: Vec<Vec<f64>> = table.rows.iter().map(|row| row.numbers.clone()).collect();
        let grid = grid(&config);
        let values: Vec<Vec<f64>> = rows
            .iter()
            .map(|row| grid.iter().map(|at| curve.target(row, at)).collect())
            .collect();
        let problems = values.iter().zip(&table.rows).filter_map(|(values, row)| {
            let at = values.iter().position(|value| !value.is_finite())?;
            let names = config.variables.keys().zip(&grid[at]);
            let place: Vec<String> = names.map(|(name, x)| format!("{name} = {x}")).collect();
            let what = format!("target is {} at {}", values[at], place.join(", "));
            Some(table.problem(row, what))
        });
        let problems: Vec<_> = problems.collect();
        if !problems.is_empty() {
            return Err(TasksError::Data(DataError::Problems {
                what: table.path.display().to_string(),
                unit: "row",
                problems,
            }));
        }
        let splits = splits(&config, table)?;
        let training = &splits[Split::Train as usize];
        let nominal = (config.nominal == Nominal::Median).then(|| median(&values, training));
        let mut tasks = Self {
            columns: table.numbers.clone(),
            names: table.subjects.clone().into(),
            unit_of: table.rows.iter().map(|row| row.subject).collect(),
            rows,
            splits,
            curve,
            nominal,
            normalisation: Arc::new(Normalisation {
                mean: Vec::new(),
                scale: Vec::new(),
            }),
            scale: TargetScale {
                mean: vec![0.0],
                deviation: 1.0,
                unit: config.unit.clone(),
            },
            floor: 0.0,
            config,
        };
        tasks.measure(&grid);
        Ok(tasks)
    }

    /// The scales of inputs and target, and what noise does, over the training
    /// split.
    fn measure(&mut self, grid: &[Vec<f64>]) {
        let (mut x, mut y, mut noise) = (Vec::new(), Vec::new(), Vec::new());
        let variables: Vec<&Variable> = self.config.variables.values().collect();
        for &row in &self.splits[Split::Train as usize] {
            for at in grid {
                let (inputs, target) = self.example(row, at, at);
                x.extend(inputs);
                y.push(target);
                let of_variable = variables.iter().enumerate().map(|(index, variable)| {
                    // One step of the noise either way.
                    let moved = |by: f64| {
                        let mut at = at.clone();
                        at[index] += by * variable.noise;
                        self.curve.target(&self.rows[row], &at)
                    };
                    ((moved(1.0) - moved(-1.0)) / 2.0).powi(2)
                });
                noise.push(of_variable.sum::<f64>());
            }
        }
        let (mean, deviation) = target_moments(&y, 1);
        // A difference to the median unit has no mean worth a bias: 0 is the unit that
        // is like it.
        self.scale.mean = if self.nominal.is_some() {
            vec![0.0]
        } else {
            mean
        };
        self.scale.deviation = deviation;
        self.normalisation = Arc::new(input_moments(&x, self.config.inputs.len()));
        self.floor = (noise.iter().sum::<f64>() / noise.len().max(1) as f64).sqrt();
    }

    /// Input and target of a reading, in the unit of the target.
    fn example(&self, row: usize, truth: &[f64], reading: &[f64]) -> (Vec<f64>, f64) {
        let target = self.curve.target(&self.rows[row], truth);
        let nominal = self
            .nominal
            .map(|nominal| self.curve.target(&self.rows[nominal], reading));
        let scope = self.curve.scope(&self.rows[row], reading);
        let inputs = self.curve.inputs.iter();
        let inputs = inputs.map(|place| place.map_or(nominal.unwrap_or(f64::NAN), |at| scope[at]));
        (inputs.collect(), target - nominal.unwrap_or(0.0))
    }

    /// Appends the examples of a task, `noise` being that of the reference.
    fn set(
        &self,
        row: usize,
        rng: &mut ChaCha8Rng,
        (count, noise, points): (usize, f64, SupportPoints),
        (x, y): Set<'_>,
    ) {
        let from = y.len();
        let variables: Vec<&Variable> = self.config.variables.values().collect();
        let start: Vec<f64> = variables.iter().map(|_| rng.random()).collect();
        for example in 0..count {
            let drawn: Vec<[f64; 2]> = (variables.iter().zip(&start).enumerate())
                .map(|(index, (variable, start))| {
                    let share = match points {
                        SupportPoints::Random => rng.random(),
                        SupportPoints::Spread => {
                            (start + example as f64 * step(variables.len(), index)).fract()
                        }
                    };
                    variable.read(rng, share)
                })
                .collect();
            let [truth, reading] = [0, 1].map(|of| drawn.iter().map(|v| v[of]).collect::<Vec<_>>());
            let (inputs, target) = self.example(row, &truth, &reading);
            x.extend(inputs.iter().map(|&value| value as f32));
            let off: f64 = rng.sample(StandardNormal);
            y.push((target + noise * off) as f32);
        }
        self.scale.normalise(&mut y[from..]);
    }
}

impl TaskSizes for CurveTasks {
    fn sizes(&self) -> Sizes {
        self.config.sizes()
    }
}

impl TaskDistribution for CurveTasks {
    fn description(&self) -> Description {
        Description {
            normalisation: Some(self.normalisation.clone()),
            target_scale: Some(self.scale.clone()),
            front_end: None,
        }
    }

    /// Calibrations take turns in a random order; every task has generators of its
    /// own for its support and for its query set.
    fn draw(
        &self,
        split: Split,
        rng: &mut ChaCha8Rng,
        tasks: usize,
        shots: usize,
        queries: usize,
    ) -> TaskBatch {
        let turns = Turns::new(&self.splits[split as usize], rng).take(tasks);
        let fill = |(row, seed): (usize, u64), [support, query]: [Set<'_>; 2]| {
            let sets = [
                (shots, self.config.noise, self.config.support, support),
                (queries, 0.0, SupportPoints::Random, query),
            ];
            for (index, (count, noise, points, set)) in sets.into_iter().enumerate() {
                let mut rng = generator(seed, Stream::Units, index as u64);
                self.set(row, &mut rng, (count, noise, points), set);
            }
            self.unit_of[row]
        };
        batch_of_units(turns, queries, &self.names, &self.normalisation, fill)
    }

    fn data(&self) -> Option<&dyn TaskData> {
        Some(self)
    }
}

impl TaskData for CurveTasks {
    fn digest_examples(&self) -> DataDigest {
        let units = self.names.iter().enumerate().map(|(unit, name)| {
            let rows = self.rows.iter().zip(&self.unit_of);
            let own = rows.filter(|(_, of)| **of == unit).map(|(row, _)| row);
            let (mut sum, mut count) = (DataSum::default(), 0);
            for row in own {
                sum.numbers(row.iter().copied());
                count += 1;
            }
            (name.clone(), count, sum)
        });
        DataDigest::new("device", "row", units)
    }

    fn check_counts(
        &self,
        _split: Split,
        _shots: usize,
        _queries: usize,
    ) -> Result<(), TasksError> {
        Ok(())
    }

    fn count_units(&self, split: Split) -> Option<usize> {
        let rows = self.splits[split as usize].iter();
        let units: BTreeSet<usize> = rows.map(|&row| self.unit_of[row]).collect();
        Some(units.len())
    }

    fn count_classes(&self, _split: Split) -> Option<usize> {
        None
    }

    fn draw_examples(&self, _rng: &mut ChaCha8Rng, _count: usize) -> Option<LabelledBatch> {
        None
    }
}

/// The formulas of a config for the columns of a table.
fn curve(config: &Curves, table: &Table) -> Result<Curve, TasksError> {
    let wrong = |why: String| {
        TasksError::Data(DataError::Read {
            path: table.path.clone(),
            why,
        })
    };
    let mut scope = table.numbers.clone();
    scope.extend(config.variables.keys().cloned());
    let program = Program::new(&config.formulas, &mut scope)
        .map_err(|why| wrong(format!("tasks.let.{why}")))?;
    let target = Formula::new(&config.target, &scope)
        .map_err(|why| wrong(format!("tasks.target = {why}")))?;
    let place = |name: &String| scope.iter().rposition(|known| known == name);
    Ok(Curve {
        program,
        target,
        inputs: config.inputs.iter().map(place).collect(),
    })
}

/// The distance between evenly spread points, as a share of the range, in one of so
/// many dimensions: the powers of `1/x`, where `x^(d + 1) = x + 1`.
fn step(dimensions: usize, index: usize) -> f64 {
    let mut x = 1.5f64;
    for _ in 0..40 {
        x = (x + 1.0).powf(1.0 / (dimensions as f64 + 1.0));
    }
    x.powi(-(index as i32 + 1))
}

/// Points all over the ranges: the first variable in equal steps, the others in
/// steps of an irrational number, which fills all dimensions evenly.
fn grid(config: &Curves) -> Vec<Vec<f64>> {
    let variables = config.variables.values().enumerate();
    let at = |point: usize| {
        let even = (point as f64 + 0.5) / POINTS as f64;
        let each = variables.clone().map(|(index, variable)| {
            let share = match index.checked_sub(1) {
                None => even,
                Some(other) => {
                    (0.5 + point as f64 * step(config.variables.len() - 1, other)).fract()
                }
            };
            variable.at(share)
        });
        each.collect()
    };
    (0..POINTS).map(at).collect()
}

fn splits(config: &Curves, table: &Table) -> Result<[Vec<usize>; 3], TasksError> {
    let mut folders = vec![None; table.subjects.len()];
    for row in &table.rows {
        folders[row.subject] = row.group;
    }
    let what = table.path.display().to_string();
    let assigned = config.split.assign(&what, &table.subjects, &folders)?;
    let of = |group: Group| {
        let rows = table.rows.iter().enumerate();
        rows.filter(|(_, row)| assigned[row.subject] == Some(group))
            .map(|(at, _)| at)
            .collect()
    };
    Ok(Group::ALL.map(of))
}

/// The row of `among` whose curve is nearest to the median of theirs, point by
/// point.
fn median(values: &[Vec<f64>], among: &[usize]) -> usize {
    let points = values.first().map_or(0, Vec::len);
    let at = |point: usize| {
        let mut all: Vec<f64> = among.iter().map(|&row| values[row][point]).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let median: Vec<f64> = (0..points).map(at).collect();
    let distance = |row: usize| -> f64 {
        let pairs = values[row].iter().zip(&median);
        pairs.map(|(a, b)| (a - b).powi(2)).sum()
    };
    let nearest = among
        .iter()
        .copied()
        .min_by(|&a, &b| distance(a).total_cmp(&distance(b)));
    nearest.unwrap_or(0)
}

#[cfg(test)]
mod tests;
