//! What tells one recording from the next, and names by number.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use mamlet_simulator::rows::{Row, Rows};

use super::{columns, layout::Layout};
use crate::data::DataError;

/// Names by number.
#[derive(Default)]
pub(super) struct Names {
    numbers: HashMap<String, usize>,
    pub names: Vec<String>,
}

impl Names {
    /// The number of a name, the next one where it has none.
    pub fn number(&mut self, name: &str) -> usize {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.names.len();
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        number
    }
}

/// Where the columns of a layout are in a file.
pub(super) struct Columns {
    pub inputs: Vec<usize>,
    pub label: Option<usize>,
    pub recording: Vec<usize>,
    pub user: Option<usize>,
    pub clock: Option<usize>,
}

/// What is the same in all rows of a recording.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Key {
    pub user: String,
    pub label: String,
    pub recording: Vec<String>,
}

impl Columns {
    pub fn of(
        layout: &Layout,
        channels: &[String],
        rows: &Rows,
        path: &Path,
    ) -> Result<Self, DataError> {
        let column = |name: &String| columns::place(rows, path, name);
        let all = |names: &[String]| names.iter().map(column).collect::<Result<Vec<_>, _>>();
        let one = |name: &Option<String>| name.as_ref().map(column).transpose();
        Ok(Self {
            inputs: all(channels)?,
            label: one(&layout.label)?,
            recording: all(&layout.recording)?,
            user: one(&layout.user)?,
            clock: one(&layout.clock)?,
        })
    }

    /// Writes the key of a row, of whose file the name says `named`.
    pub fn key(&self, row: &Row<'_>, named: &Key, key: &mut Key) {
        let set = |text: &mut String, value: &str| {
            text.clear();
            text.push_str(value);
        };
        set(
            &mut key.user,
            self.user.map_or(&named.user, |at| row.get(at)),
        );
        set(
            &mut key.label,
            self.label.map_or(&named.label, |at| row.get(at)),
        );
        let values = named.recording.iter().map(|take| &take[..]);
        let values = values.chain(self.recording.iter().map(|&at| row.get(at)));
        key.recording
            .resize(named.recording.len() + self.recording.len(), String::new());
        key.recording
            .iter_mut()
            .zip(values)
            .for_each(|(text, value)| set(text, value));
    }
}

/// Names that are present in order, numbers by their size, and the new index of each.
pub(super) fn sorted(names: &[String], present: &BTreeSet<usize>) -> (Vec<String>, Vec<usize>) {
    let mut order: Vec<usize> = present.iter().copied().collect();
    let number = |at: usize| names[at].parse::<f64>().unwrap_or(f64::INFINITY);
    order.sort_by(|&a, &b| {
        number(a)
            .total_cmp(&number(b))
            .then_with(|| names[a].cmp(&names[b]))
    });
    let mut moved = vec![0; names.len()];
    for (place, &at) in order.iter().enumerate() {
        moved[at] = place;
    }
    let sorted = order.iter().map(|&at| names[at].clone()).collect();
    (sorted, moved)
}
