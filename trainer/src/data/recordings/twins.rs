//! Recordings that are in two places.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Recording, Recordings};
use crate::data::counted;

/// Two recordings that are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twins {
    /// Their indices in [`Recordings::recordings`].
    pub recordings: [usize; 2],
    /// Rows that are not like the row before: few may be the same by chance.
    pub changes: usize,
}

impl Recordings {
    /// Recordings with the samples of an earlier one, with the first that has them. Where
    /// nothing moves all are alike, which is no sign of a copy.
    pub fn twins(&self) -> Vec<Twins> {
        let mut known: HashMap<u64, Vec<usize>> = HashMap::new();
        let mut twins = Vec::new();
        for (at, recording) in self.recordings.iter().enumerate() {
            let changes = self.changes(recording);
            if changes == 0 {
                continue;
            }
            let mut hasher = DefaultHasher::new();
            let bits = recording.samples.iter().map(|value| value.to_bits());
            bits.for_each(|bits| bits.hash(&mut hasher));
            let alike = known.entry(hasher.finish()).or_default();
            let same = |&&other: &&usize| self.recordings[other].samples == recording.samples;
            match alike.iter().find(same) {
                Some(&first) => twins.push(Twins {
                    recordings: [first, at],
                    changes,
                }),
                None => alike.push(at),
            }
        }
        twins
    }

    fn changes(&self, recording: &Recording) -> usize {
        let channels = self.channels.len();
        let rows = recording.samples.chunks_exact(channels);
        let next = rows.clone().skip(1);
        rows.zip(next).filter(|(row, next)| row != next).count()
    }

    /// What is to be known of twins, in a sentence.
    pub(super) fn note_of_twins(&self) -> Option<String> {
        let twins = self.twins();
        let [first, other] = twins.first()?.recordings.map(|at| &self.recordings[at]);
        Some(format!(
            "{} identical to another, such as those at {} ({} of {}) and at {} ({} of {})",
            are(twins.len()),
            self.place(first),
            self.classes[first.class],
            self.users[first.user],
            self.place(other),
            self.classes[other.class],
            self.users[other.user],
        ))
    }
}

/// `1 recording is`, `2 recordings are`.
fn are(count: usize) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(count, "recording"))
}
