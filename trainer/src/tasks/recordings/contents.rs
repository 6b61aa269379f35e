//! What a data set of recordings holds.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::RecordedTasks;
use crate::data::range;
use crate::tasks::{Contents, Split};

/// What a split of recordings holds.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct SplitContents {
    /// People or units.
    pub users: usize,
    /// Recordings of every class.
    pub classes: BTreeMap<String, usize>,
    /// Examples that are made of them.
    pub examples: usize,
    /// Rows of the shortest and of the longest recording.
    pub rows: [usize; 2],
}

impl RecordedTasks {
    pub(super) fn split_contents(&self, split: Split) -> SplitContents {
        let mut contents = SplitContents::default();
        let mut users = BTreeSet::new();
        let mut rows = BTreeSet::new();
        for of_class in self.splits[split as usize].iter().flatten() {
            let class = &self.classes[of_class.class];
            *contents.classes.entry(class.clone()).or_default() += of_class.recordings.len();
            for &at in &of_class.recordings {
                let [user, _, of_recording] = self.sources[at];
                users.insert(user);
                rows.insert(of_recording);
                contents.examples += self.recordings[at].len();
            }
        }
        contents.users = users.len();
        contents.rows = [rows.first(), rows.last()].map(|rows| rows.copied().unwrap_or_default());
        contents
    }

    /// Rows of the longest recording of the training split.
    pub(super) fn longest_training_recording(&self) -> usize {
        self.split_contents(Split::Train).rows[1]
    }

    /// What the data holds.
    pub(super) fn contents(&self) -> Contents {
        Contents::of_splits(
            &[
                "users",
                "classes",
                "recordings",
                "of a class",
                "rows",
                "examples",
            ],
            |split| self.split_contents(split),
            |split| {
                let counts = || split.classes.values();
                vec![
                    split.users.to_string(),
                    split.classes.len().to_string(),
                    counts().sum::<usize>().to_string(),
                    range(counts().min().copied(), counts().max().copied()),
                    range(Some(split.rows[0]), Some(split.rows[1])),
                    split.examples.to_string(),
                ]
            },
        )
        .with(
            [format!(
                "examples of {} samples of {} channels; every row can be read",
                self.config.length,
                self.config.channels.len()
            )],
            [],
        )
        .with(self.notes.iter().cloned(), [])
    }
}
