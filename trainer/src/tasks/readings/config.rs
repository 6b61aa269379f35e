//! `tasks.distribution = "readings"`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ReadingTasks;
use crate::data::{Columns, Table};
use crate::fault::{Fault, require};
use crate::nn::Shape;
use crate::tasks::formula::{Formula, Formulas};
use crate::tasks::{
    Contents, EvaluationDefaults, ExportDefaults, Facts, Keys, Sizes, TaskFamily, TaskSizes,
    TaskSource, TasksError, UnitSplit,
};

/// Regression on readings of units, such as thermometers, beside a reference. A row of a
/// CSV file is a reading, and the readings of one unit are a task.
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
    /// The column that the rows of a task are ordered by, as numbers where all are
    /// numbers, else as text; the order of the files if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Which of its readings a unit adapts to.
    #[serde(default)]
    pub support: SupportRows,
    /// The same for training tasks; as `support` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_support: Option<SupportRows>,
    /// First and last of the rows of a task, counted from 1, that query sets are drawn
    /// from; all but the support set if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_rows: Option<[usize; 2]>,
    /// Tasks with fewer rows are not trained on.
    #[serde(default)]
    pub rows_to_train: usize,
    /// Columns that together name the unit, where several tasks are of one; those of
    /// `device` if none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub split_by: Vec<String>,
    /// Which units are in which split.
    #[serde(default)]
    pub split: UnitSplit,
}

/// Which readings of a task make its support set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupportRows {
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
    /// The columns of numbers that inputs, target and formulas need.
    fn numbers(&self) -> Vec<String> {
        let of_formulas = self.formulas.values();
        // The config was checked: all can be read.
        let of_formulas = of_formulas.flat_map(|text| Formula::names(text).ok());
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
                subject: self.device.clone(),
                texts: split_by.iter().chain(&self.order).cloned().collect(),
                numbers: self.numbers(),
                codes: self.codes.clone(),
                rows: self.rows.clone(),
            },
        )?;
        ReadingTasks::new(self.clone(), &table)
    }
}

impl TaskSizes for Readings {
    fn sizes(&self) -> Sizes {
        Sizes::of_values(Shape::Vector(self.inputs.len()), 1)
    }
}

impl TaskFamily for Readings {
    fn check(&self) -> Result<(), Fault> {
        let inputs = &self.inputs;
        let mut all = inputs.iter().enumerate();
        require(
            !inputs.is_empty() && !all.any(|(at, name)| inputs[..at].contains(name)),
            "tasks.inputs",
            "at least one column, each only once",
            format!("{inputs:?}"),
        )?;
        require(
            !inputs.contains(&self.target),
            "tasks.inputs",
            "no target among them",
            format!("{inputs:?}"),
        )?;
        if let Some([first, last]) = self.query_rows {
            require(
                first > 0 && last >= first,
                "tasks.query_rows",
                "first and last row, counted from 1",
                format!("[{first}, {last}]"),
            )?;
        }
        for (name, text) in &self.formulas {
            Formula::check(&format!("tasks.let.{name}"), "a formula of columns", text)?;
        }
        self.split.check()
    }

    fn facts(&self) -> Facts {
        Facts {
            finite_classes: false,
            target_scale: true,
            shows_task: None,
            actions: None,
            // Queries of a task are its query rows, where the config names them.
            evaluation: EvaluationDefaults {
                queries: self.query_rows.map_or(15, |[first, last]| last + 1 - first),
                ..EvaluationDefaults::CALIBRATION
            },
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
