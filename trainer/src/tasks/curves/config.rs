//! `tasks.distribution = "curves"`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::CurveTasks;
use crate::data::{Columns, Table};
use crate::fault::{Fault, not_negative, require};
use crate::nn::Shape;
use crate::tasks::formula::{Formula, Formulas};
use crate::tasks::{
    Contents, EvaluationDefaults, ExportDefaults, Facts, Keys, Sizes, TaskFamily, TaskSizes,
    TaskSource, TasksError, UnitSplit,
};

/// The input that a [`Nominal`] adds to those of the config.
pub(super) const NOMINAL: &str = "nominal";

/// Regression on calibrations of units, such as thermometers. A row of a CSV file has the
/// coefficients of a calibration, which a formula turns into targets. A row is a task;
/// splits keep units whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curves {
    /// Where the CSV files are, unless the command line says otherwise.
    pub path: PathBuf,
    /// Which of them: `*` stands for any characters, `?` for one.
    #[serde(default = "default::files")]
    pub files: String,
    /// Columns that together name the unit; the name of the file if none.
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
    /// the unit of the target. The targets of queries are the curve itself.
    #[serde(default)]
    pub noise: f64,
    /// Where in the ranges a support set is read.
    #[serde(default)]
    pub support: SupportPoints,
    /// What the network learns the difference to.
    #[serde(default)]
    pub nominal: Nominal,
    /// Variables, formulas of `let` without columns, and `nominal`, that the
    /// network sees, in this order.
    pub inputs: Vec<String>,
    /// Which units are in which split.
    #[serde(default)]
    pub split: UnitSplit,
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
pub enum SupportPoints {
    /// Anywhere.
    #[default]
    Random,
    /// Each far from those before, as in a calibration. The first is anywhere; each
    /// of the next is a golden section of the range further, counted from the beginning
    /// again after the end. Several variables go in steps of other irrational numbers.
    Spread,
}

/// What the network learns the difference to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nominal {
    /// Nothing: it learns the target.
    #[default]
    None,
    /// The curve of the median unit: that calibration of the training split whose
    /// curve is nearest to the median curve. A board computes it by the same formula
    /// with the coefficients of that row, and adds the output of the network.
    Median,
}

mod default {
    pub fn files() -> String {
        "*.csv".into()
    }
}

impl Variable {
    /// What the table `key` must satisfy beyond its types.
    fn check(&self, key: &str) -> Result<(), Fault> {
        let (low, high) = (self.low, self.high);
        let in_order = low.is_finite() && high.is_finite() && low < high;
        require(
            in_order && (self.spacing == Spacing::Linear || low > 0.0),
            key,
            "low < high, both above 0 where spacing = \"log\"",
            format!("low = {low}, high = {high}"),
        )?;
        not_negative(&format!("{key}.noise"), self.noise)
    }

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
                subject: self.device.clone(),
                numbers: self.columns(),
                rows: self.rows.clone(),
                ..Columns::default()
            },
        )?;
        CurveTasks::new(self.clone(), &table)
    }
}

impl TaskSizes for Curves {
    fn sizes(&self) -> Sizes {
        Sizes::of_values(Shape::Vector(self.inputs.len()), 1)
    }
}

impl TaskFamily for Curves {
    fn check(&self) -> Result<(), Fault> {
        require(
            !self.variables.is_empty(),
            "tasks.variables",
            "at least one, such as n = { low = 0.0, high = 1.0 }",
            "none",
        )?;
        for (name, variable) in &self.variables {
            let key = format!("tasks.variables.{name}");
            variable.check(&key)?;
            require(
                name != NOMINAL && !self.formulas.contains_key(name),
                &key,
                "a name of its own",
                name,
            )?;
        }
        not_negative("tasks.noise", self.noise)?;
        let formulas = self.formulas.iter();
        let formulas = formulas.map(|(name, text)| (format!("tasks.let.{name}"), text));
        for (key, text) in formulas.chain([("tasks.target".to_owned(), &self.target)]) {
            Formula::check(&key, "a formula of columns and variables", text)?;
        }
        let inputs = &self.inputs;
        let mut all = inputs.iter().enumerate();
        let known = |name: &String| {
            self.is_of_a_reading(name, 0) || (name == NOMINAL && self.nominal != Nominal::None)
        };
        require(
            !inputs.is_empty() && all.all(|(at, name)| !inputs[..at].contains(name) && known(name)),
            "tasks.inputs",
            "variables, formulas of them, or \"nominal\" where there is one, each only once: a new \
             device has no coefficients yet",
            format!("{inputs:?}"),
        )?;
        self.split.check()
    }

    fn facts(&self) -> Facts {
        Facts {
            finite_classes: false,
            target_scale: true,
            shows_task: None,
            actions: None,
            evaluation: EvaluationDefaults::CALIBRATION,
            export: ExportDefaults::CALIBRATION,
        }
    }

    fn keys(&mut self) -> Keys<'_> {
        Keys {
            ways: None,
            path: Some(&mut self.path),
            unit_split: Some(&mut self.split),
        }
    }

    fn keep_evaluation_keys(&mut self) {
        self.path = PathBuf::new();
    }

    fn source(&self) -> Result<TaskSource, TasksError> {
        Ok(TaskSource::supervised(self.open()?))
    }

    fn contents(&self) -> Result<Option<Contents>, TasksError> {
        Ok(Some(self.open()?.contents()))
    }
}
