//! What a data set of readings holds.

use serde::Serialize;
use serde_json::json;

use super::ReadingTasks;
use crate::data::range;
use crate::tasks::{Contents, Split};

/// What a split of readings holds.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct SplitContents {
    /// Names that the key `device` of the config makes.
    pub devices: usize,
    /// Rows of all of them.
    pub rows: usize,
    /// Rows of the device with the fewest, and of that with the most.
    pub of_device: [usize; 2],
    /// The device with the fewest.
    pub smallest: String,
}

impl ReadingTasks {
    pub(super) fn split_contents(&self, split: Split) -> SplitContents {
        let rows = self.series_of(split).map(|series| series.y.len());
        let smallest = self.series_of(split).min_by_key(|series| series.y.len());
        SplitContents {
            devices: rows.clone().count(),
            rows: rows.clone().sum(),
            of_device: [rows.clone().min(), rows.max()].map(Option::unwrap_or_default),
            smallest: smallest.map_or_else(String::new, |series| series.name.clone()),
        }
    }

    /// What the data holds.
    pub(super) fn contents(&self) -> Contents {
        let config = &self.config;
        let names = config.inputs.iter().chain([&config.target]);
        let ranges: Vec<(&String, &[f64; 2])> = names.zip(&self.ranges).collect();
        let lines = ranges
            .iter()
            .map(|(name, [low, high])| format!("{name}: {low} to {high}"));
        let last = format!("{}; every row can be read", self.scale.describe());
        Contents::of_splits(
            &["devices", "rows", "of a device", "fewest"],
            |split| self.split_contents(split),
            |split| {
                let [fewest, most] = split.of_device;
                vec![
                    split.devices.to_string(),
                    split.rows.to_string(),
                    range(Some(fewest), Some(most)),
                    split.smallest.clone(),
                ]
            },
        )
        .with(
            lines.chain([last]),
            [
                ("ranges", json!(ranges)),
                ("unit", json!(config.unit)),
                ("scale", json!(self.scale)),
            ],
        )
    }
}
