//! `tasks.distribution = "readings"`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ReadingTasks;
use crate::data::{Columns, Table};
use crate::nn::Shape;
use crate::tasks::devices::DeviceSplit;
use crate::tasks::formula::Formulas;
use crate::tasks::{TasksError, formula};

/// Regression on readings of devices beside a reference: a row of a CSV file is a
/// reading, a device is a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Readings {
    /// Where the CSV files are, unless the command line says otherwise.
    pub path: PathBuf,
    /// Which of them: `*` stands for any characters, `?` for one.
    #[serde(default = "default::files")]
    pub files: String,
    /// Columns that together name what a task is of; the name of the file if none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub device: Vec<String>,
    /// Columns, or formulas of `let`, that the network sees, in this order.
    pub inputs: Vec<String>,
    /// The column, or the formula of `let`, that it learns.
    pub target: String,
    /// The target's unit.
    #[serde(default)]
    pub unit: String,
    /// What words of a column mean as numbers, such as `side = { L = -1, R = 1 }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub codes: BTreeMap<String, BTreeMap<String, f64>>,
    /// Formulas of columns.
    #[serde(default, rename = "let", skip_serializing_if = "BTreeMap::is_empty")]
    pub formulas: Formulas,
    /// Only rows whose columns have one of these values, `*` being any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows: BTreeMap<String, Vec<String>>,
    /// The column that a device's rows are ordered by, as numbers where all are
    /// numbers, else as text; the order of the files if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Which readings a device adapts to.
    #[serde(default)]
    pub support: Choice,
    /// The same for training tasks; as `support` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_support: Option<Choice>,
    /// First and last of the rows of a device, counted from 1, that query sets are
    /// drawn from; all but the support set if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_rows: Option<[usize; 2]>,
    /// Devices with fewer rows are not trained on.
    #[serde(default)]
    pub rows_to_train: usize,
    /// Columns that together name what is split, where several tasks are of one
    /// device; those of `device` if none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub split_by: Vec<String>,
    /// Which devices are in which split.
    #[serde(default)]
    pub split: DeviceSplit,
}

/// Which readings of a device make its support set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Any.
    #[default]
    Random,
    /// The first, in their order.
    First,
}

mod default {
    pub fn files() -> String {
        "*.csv".into()
    }
}

impl Readings {
    /// Shape of one example.
    pub fn shape(&self) -> Shape {
        Shape::Vector(self.inputs.len())
    }

    /// Queries of a task of the query rows, or a usual number.
    pub fn usual_queries(&self) -> usize {
        const USUAL: usize = 15;
        self.query_rows
            .map_or(USUAL, |[first, last]| last + 1 - first)
    }

    /// The key that has no usable value, what it needs and what it has.
    pub(crate) fn fault(&self) -> Option<(String, String, String)> {
        let fault = |key: &str, needs: &str, has: String| Some((key.into(), needs.into(), has));
        let inputs = &self.inputs;
        let mut all = inputs.iter().enumerate();
        if inputs.is_empty() || all.any(|(at, name)| inputs[..at].contains(name)) {
            let needs = "at least one column, each only once";
            return fault("inputs", needs, format!("{inputs:?}"));
        }
        if inputs.contains(&self.target) {
            return fault("inputs", "no target among them", format!("{inputs:?}"));
        }
        if let Some([first, last]) = self.query_rows
            && (first == 0 || last < first)
        {
            let needs = "first and last row, counted from 1";
            return fault("query_rows", needs, format!("[{first}, {last}]"));
        }
        for (name, text) in &self.formulas {
            if let Err(why) = formula::Formula::names(text) {
                return fault(&format!("let.{name}"), "a formula of columns", why);
            }
        }
        (self.split.fault()).map(|(key, needs, has)| (format!("split.{key}"), needs, has))
    }

    /// The columns of numbers that inputs, target and formulas need.
    fn numbers(&self) -> Vec<String> {
        let of_formulas = self.formulas.values();
        // The config was checked: all can be read.
        let of_formulas = of_formulas.flat_map(|text| formula::Formula::names(text).ok());
        let named = self.inputs.iter().chain([&self.target]).cloned();
        let named = named.chain(of_formulas.flatten());
        let mut numbers: Vec<String> = named
            .filter(|name| !self.formulas.contains_key(name))
            .collect();
        numbers.sort();
        numbers.dedup();
        numbers
    }

    /// Reads the readings.
    ///
    /// # Errors
    /// [`TasksError`] where they cannot be read or a split would be empty.
    pub fn open(&self) -> Result<ReadingTasks, TasksError> {
        let split_by = match self.split_by.is_empty() {
            true => &self.device,
            false => &self.split_by,
        };
        let table = Table::open(
            &self.path,
            &Columns {
                files: self.files.clone(),
                device: self.device.clone(),
                texts: split_by.iter().chain(&self.order).cloned().collect(),
                numbers: self.numbers(),
                codes: self.codes.clone(),
                rows: self.rows.clone(),
            },
        )?;
        ReadingTasks::new(self.clone(), &table)
    }
}
