//! `tasks.distribution = "curves"`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::CurveTasks;
use crate::data::{Columns, Table};
use crate::nn::Shape;
use crate::tasks::TasksError;
use crate::tasks::devices::DeviceSplit;
use crate::tasks::formula::{Formula, Formulas};

/// The input that a [`Nominal`] adds to those of the config.
pub(super) const NOMINAL: &str = "nominal";

/// Regression on calibrations: a row of a CSV file holds the coefficients of one
/// device's curve, which a formula turns into targets. A row is a task; devices
/// are split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curves {
    /// Where the CSV files are, unless the command line says otherwise.
    pub path: PathBuf,
    /// Which of them: `*` stands for any characters, `?` for one.
    #[serde(default = "default::files")]
    pub files: String,
    /// Columns that together name the device; the name of the file if none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub device: Vec<String>,
    /// Only rows whose columns have one of these values, `*` being any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows: BTreeMap<String, Vec<String>>,
    /// What a reading consists of, by name.
    pub variables: BTreeMap<String, Variable>,
    /// Formulas of columns, variables and one another.
    #[serde(default, rename = "let", skip_serializing_if = "BTreeMap::is_empty")]
    pub formulas: Formulas,
    /// The curve, a formula of columns, variables and those of `let`.
    pub target: String,
    /// The target's unit.
    #[serde(default)]
    pub unit: String,
    /// Standard deviation of the reference that a support set is read beside, in
    /// the target's unit. Queries are judged by the curve itself.
    #[serde(default)]
    pub noise: f64,
    /// Where in the ranges a support set is read.
    #[serde(default)]
    pub support: Places,
    /// What the network learns the difference to.
    #[serde(default)]
    pub nominal: Nominal,
    /// Variables, formulas of `let` without columns, and `nominal`, that the
    /// network sees, in this order.
    pub inputs: Vec<String>,
    /// Which devices are in which split.
    #[serde(default)]
    pub split: DeviceSplit,
}

/// One number of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Its lowest value.
    pub low: f64,
    /// Its highest value.
    pub high: f64,
    /// How values between them are drawn.
    #[serde(default)]
    pub spacing: Spacing,
    /// Standard deviation of a reading, the same everywhere.
    #[serde(default)]
    pub noise: f64,
}

/// How values of a range are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// Uniformly.
    #[default]
    Linear,
    /// Their logarithms uniformly.
    Log,
}

/// Where in the ranges a support set is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Places {
    /// Anywhere.
    #[default]
    Random,
    /// Each far from those before, as somebody chooses them who calibrates: the
    /// first anywhere, the next each a golden section of the range on, or round to
    /// its beginning (with several variables in steps of other irrational numbers).
    Spread,
}

/// What the network learns the difference to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nominal {
    /// Nothing: it learns the target.
    #[default]
    None,
    /// The curve of the median device: that calibration of the training split
    /// whose curve is nearest to the median curve. A device computes it by the same
    /// formula with that row's coefficients, and adds what the network says.
    Median,
}

mod default {
    pub fn files() -> String {
        "*.csv".into()
    }
}

impl Variable {
    /// The value at a share of the range, from 0 to 1.
    pub fn at(&self, share: f64) -> f64 {
        match self.spacing {
            Spacing::Linear => self.low + (self.high - self.low) * share,
            Spacing::Log => self.low * (self.high / self.low).powf(share),
        }
    }

    /// The value at a share of the range and the reading of it.
    pub fn read(&self, rng: &mut ChaCha8Rng, share: f64) -> [f64; 2] {
        let value = self.at(share);
        let noise: f64 = rng.sample(StandardNormal);
        [value, value + self.noise * noise]
    }
}

impl Curves {
    /// Shape of one example.
    pub fn shape(&self) -> Shape {
        Shape::Vector(self.inputs.len())
    }

    /// The key that has no usable value, what it needs and what it has.
    pub(crate) fn fault(&self) -> Option<(String, String, String)> {
        let fault = |key: &str, needs: &str, has: String| Some((key.into(), needs.into(), has));
        if self.variables.is_empty() {
            let needs = "at least one, such as n = { low = 0.0, high = 1.0 }";
            return fault("variables", needs, "none".into());
        }
        for (name, variable) in &self.variables {
            let Variable {
                low, high, noise, ..
            } = *variable;
            let key = format!("variables.{name}");
            let in_order = low.is_finite() && high.is_finite() && low < high;
            if !in_order || (variable.spacing == Spacing::Log && low <= 0.0) {
                let needs = "low < high, both above 0 where spacing = \"log\"";
                return fault(&key, needs, format!("low = {low}, high = {high}"));
            }
            if !(noise.is_finite() && noise >= 0.0) {
                let needs = "a number of at least 0";
                return fault(&format!("{key}.noise"), needs, noise.to_string());
            }
            if name == NOMINAL || self.formulas.contains_key(name) {
                return fault(&key, "a name of its own", name.clone());
            }
        }
        if !(self.noise.is_finite() && self.noise >= 0.0) {
            return fault("noise", "a number of at least 0", self.noise.to_string());
        }
        let texts = self
            .formulas
            .iter()
            .map(|(name, text)| (format!("let.{name}"), text));
        for (key, text) in texts.chain([("target".to_owned(), &self.target)]) {
            if let Err(why) = Formula::names(text) {
                return fault(&key, "a formula of columns and variables", why);
            }
        }
        let inputs = &self.inputs;
        let mut all = inputs.iter().enumerate();
        let known = |name: &String| {
            self.is_of_a_reading(name, 0) || (name == NOMINAL && self.nominal != Nominal::None)
        };
        if inputs.is_empty() || all.any(|(at, name)| inputs[..at].contains(name) || !known(name)) {
            let needs = "variables, formulas of them, or \"nominal\" where there is one, each only \
                         once: a new device has no coefficients yet";
            return fault("inputs", needs, format!("{inputs:?}"));
        }
        (self.split.fault()).map(|(key, needs, has)| (format!("split.{key}"), needs, has))
    }

    /// Whether a name is a variable, or a formula of nothing else.
    fn is_of_a_reading(&self, name: &String, depth: usize) -> bool {
        let formula = || {
            // Deeper than there are formulas, they go in a circle.
            let text = self.formulas.get(name).filter(|_| depth < 64)?;
            let names = Formula::names(text).ok()?;
            Some(
                names
                    .iter()
                    .all(|name| self.is_of_a_reading(name, depth + 1)),
            )
        };
        self.variables.contains_key(name) || formula().unwrap_or(false)
    }

    /// The columns that target and formulas need.
    fn columns(&self) -> Vec<String> {
        let texts = self.formulas.values().chain([&self.target]);
        // The config was checked: all can be read.
        let names = texts.flat_map(|text| Formula::names(text).ok()).flatten();
        let mut columns: Vec<String> = names
            .filter(|name| !self.formulas.contains_key(name) && !self.variables.contains_key(name))
            .collect();
        columns.sort();
        columns.dedup();
        columns
    }

    /// Reads the coefficients.
    ///
    /// # Errors
    /// [`TasksError`] where they cannot be read, a split would be empty or a curve
    /// has no value somewhere.
    pub fn open(&self) -> Result<CurveTasks, TasksError> {
        let table = Table::open(
            &self.path,
            &Columns {
                files: self.files.clone(),
                device: self.device.clone(),
                numbers: self.columns(),
                rows: self.rows.clone(),
                ..Columns::default()
            },
        )?;
        CurveTasks::new(self.clone(), &table)
    }
}
