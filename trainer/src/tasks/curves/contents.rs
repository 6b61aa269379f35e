//! What a data set of calibrations holds.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use super::CurveTasks;
use crate::tasks::{Contents, Split};

/// What a split of calibrations holds.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct SplitContents {
    /// Names that the key `device` of the config makes.
    pub devices: usize,
    /// Calibrations of all of them.
    pub calibrations: usize,
}

impl CurveTasks {
    pub(super) fn split_contents(&self, split: Split) -> SplitContents {
        let rows = &self.splits[split as usize];
        let mut units: Vec<usize> = rows.iter().map(|&row| self.unit_of[row]).collect();
        units.sort_unstable();
        units.dedup();
        SplitContents {
            devices: units.len(),
            calibrations: rows.len(),
        }
    }

    /// Names and values of the coefficients of the median unit, where there is one.
    pub(super) fn median_coefficients(&self) -> Option<BTreeMap<&str, f64>> {
        let names = self.columns.iter().map(String::as_str);
        let row = &self.rows[self.nominal?];
        Some(names.zip(row.iter().copied()).collect())
    }

    /// What the data holds.
    pub(super) fn contents(&self) -> Contents {
        let nominal = self.median_coefficients();
        let median = nominal.as_ref().map(|coefficients| {
            let values = coefficients.iter();
            let values: Vec<_> = values
                .map(|(name, value)| format!("{name} = {value}"))
                .collect();
            format!("median device: {}", values.join(", "))
        });
        let last = format!(
            "{}; noise of readings is worth {:.2e} {}; every row has a curve",
            self.scale.describe(),
            self.floor,
            self.config.unit
        );
        Contents::of_splits(
            &["devices", "calibrations"],
            |split| self.split_contents(split),
            |split| vec![split.devices.to_string(), split.calibrations.to_string()],
        )
        .with(
            median.into_iter().chain([last]),
            [
                ("nominal", json!(nominal.unwrap_or_default())),
                ("scale", json!(self.scale)),
                ("noise_floor", json!(self.floor)),
            ],
        )
    }
}
