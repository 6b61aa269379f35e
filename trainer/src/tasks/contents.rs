//! What data holds, as `mamlet data check` prints it.

use serde::Serialize;
use serde_json::{Value, json};

use super::Split;

/// What the data of a family holds: a table and lines for people, and the same for
/// programs.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    /// Head of a table with a row for each split.
    pub head: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
    /// Lines below it.
    pub lines: Vec<String>,
    /// Keys and values of a JSON object.
    pub json: Vec<(&'static str, Value)>,
}

impl Contents {
    /// Contents of which each split has `of(split)`: a row of the table, whose
    /// `columns` come after the name of the split, and an element of `splits` in
    /// JSON.
    pub(super) fn of_splits<T: Serialize>(
        columns: &[&str],
        of: impl Fn(Split) -> T,
        row: impl Fn(&T) -> Vec<String>,
    ) -> Self {
        let splits = Split::ALL.map(|split| (split.name(), of(split)));
        let rows = splits
            .iter()
            .map(|(name, contents)| [vec![(*name).to_owned()], row(contents)].concat());
        let json = splits
            .iter()
            .map(|(name, contents)| json!({ "split": name, "holds": contents }));
        Self {
            head: ["split"].iter().chain(columns).map(|&s| s.into()).collect(),
            rows: rows.collect(),
            lines: Vec::new(),
            json: vec![("splits", json.collect())],
        }
    }

    /// With more lines below the table, and more keys in JSON.
    pub(super) fn with<const N: usize>(
        mut self,
        lines: impl IntoIterator<Item = String>,
        json: [(&'static str, Value); N],
    ) -> Self {
        self.lines.extend(lines);
        self.json.extend(json);
        self
    }
}
