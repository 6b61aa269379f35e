//! Devices of a data set: which are trained on, and whose turn it is.

use std::sync::Arc;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Origin, Origins, TaskBatch};
use crate::data::{DataError, Examples, Group, Normalisation, counted};
use crate::random::{Stream, generator};

/// Which devices are trained on, which are for choices, and which results are
/// reported on: exactly one of counts, names and folds, or none where folders
/// `train`, `val` and `test` say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeviceSplit {
    /// Numbers of devices of the training, validation and test split, in an order
    /// that `seed` decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<[usize; 3]>,
    /// Names of the devices that are trained on; `*` stands for any characters,
    /// `?` for one, `[0-4]` for one of some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub train: Vec<String>,
    /// Names of those for validation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validation: Vec<String>,
    /// Names of those for testing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// Cross-validation: all devices, in an order that `seed` decides, are dealt
    /// to so many folds. One is for testing, the next one for validation, the
    /// others for training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
    /// The fold for testing, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<usize>,
    /// Decides the order of the devices.
    pub seed: u64,
}

const GROUPS: [Group; 3] = [Group::Train, Group::Validation, Group::Test];

impl DeviceSplit {
    fn names(&self) -> [&[String]; 3] {
        [&self.train, &self.validation, &self.test]
    }

    /// The key that has no usable value, what it needs and what it has.
    pub fn fault(&self) -> Option<(&'static str, String, String)> {
        let named = self.names().iter().any(|names| !names.is_empty());
        let ways = [self.counts.is_some(), named, self.folds.is_some()];
        let fold = self.fold.unwrap_or(0);
        let wrong = self.names().into_iter().flatten();
        let mut wrong = wrong.filter(|name| glob::Pattern::new(name).is_err());
        if ways.iter().filter(|&&way| way).count() > 1 {
            let what = "one of counts, folds, and the lists train, validation and test";
            Some(("counts", what.into(), "several of them".into()))
        } else if let Some(name) = wrong.next() {
            let what = "names in which * stands for any characters";
            Some(("train", what.into(), name.clone()))
        } else if self.folds.is_some_and(|folds| folds < 3) {
            let what = "at least 3, as one is for testing and one for validation";
            Some(("folds", what.into(), self.folds.unwrap_or(0).to_string()))
        } else if self.fold.is_some() && fold >= self.folds.unwrap_or(0) {
            let what = format!("below tasks.split.folds, {}", self.folds.unwrap_or(0));
            Some(("fold", what, fold.to_string()))
        } else {
            None
        }
    }

    /// The split of every device; those that belong to none are left out. `what`
    /// is what holds them, in messages.
    ///
    /// # Errors
    /// [`DataError::TooFew`] where a split would be empty, and where folders say
    /// something else.
    pub(super) fn assign(
        &self,
        what: &str,
        names: &[String],
        folders: &[Option<Group>],
    ) -> Result<Vec<Option<Group>>, DataError> {
        let too_few = |has: String, needs: String| DataError::TooFew {
            what: what.to_owned(),
            has,
            needs,
        };
        let has = || counted(names.len(), "device");
        let in_folders = folders.iter().any(Option::is_some);
        let mut of = vec![None; names.len()];
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.shuffle(&mut generator(self.seed, Stream::Split, 3));
        if let Some(counts) = self.counts {
            let needed: usize = counts.iter().sum();
            if needed > names.len() {
                let needs = format!("tasks.split.counts = {counts:?} need {needed}");
                return Err(too_few(has(), needs));
            }
            let mut order = order.iter();
            for (group, count) in GROUPS.into_iter().zip(counts) {
                order
                    .by_ref()
                    .take(count)
                    .for_each(|&at| of[at] = Some(group));
            }
        } else if let Some(folds) = self.folds {
            if names.len() < folds {
                return Err(too_few(has(), format!("tasks.split.folds = {folds}")));
            }
            let fold = self.fold.unwrap_or(0);
            for (turn, &at) in order.iter().enumerate() {
                of[at] = Some(match (turn % folds + folds - fold) % folds {
                    0 => Group::Test,
                    1 => Group::Validation,
                    _ => Group::Train,
                });
            }
        } else if self.names().iter().any(|names| !names.is_empty()) {
            let matches = |patterns: &[String], name: &str| {
                let pattern = |text: &String| glob::Pattern::new(text).ok();
                let mut patterns = patterns.iter().filter_map(pattern);
                patterns.any(|pattern| pattern.matches(name))
            };
            for (of, name) in of.iter_mut().zip(names) {
                let lists = GROUPS.into_iter().zip(self.names());
                let own: Vec<Group> = lists
                    .filter(|(_, patterns)| matches(patterns, name))
                    .map(|(group, _)| group)
                    .collect();
                if own.len() > 1 {
                    let has = format!("device {name:?} in several lists of tasks.split");
                    return Err(too_few(has, "splits must be disjoint".into()));
                }
                *of = own.first().copied();
            }
        } else if in_folders {
            of.clone_from_slice(folders);
        } else {
            let has = "no folders train, val and test".into();
            return Err(too_few(has, "[tasks.split] must split its devices".into()));
        }
        if in_folders && of != folders {
            let has = "folders that split it".into();
            return Err(too_few(has, "[tasks.split] splits it too".into()));
        }
        let empty = GROUPS.iter().find(|group| !of.contains(&Some(**group)));
        match empty {
            None => Ok(of),
            Some(group) => Err(too_few(
                format!("no device of the {group:?} split"),
                format!("a task needs one; there are {}", listed(names)),
            )),
        }
    }
}

/// The first few names.
fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(8).map(String::as_str).collect();
    let more = if names.len() > shown.len() {
        ", ..."
    } else {
        ""
    };
    shown.join(", ") + more
}

/// Whose turn it is, task after task: all of some take turns in a random order,
/// so that in any number of tasks each has its equal part. Every task comes with
/// a seed of its own.
pub(super) struct Turns<'a> {
    all: &'a [usize],
    left: Vec<usize>,
    rng: &'a mut ChaCha8Rng,
}

impl<'a> Turns<'a> {
    /// Turns of `all`.
    pub fn new(all: &'a [usize], rng: &'a mut ChaCha8Rng) -> Self {
        Self {
            all,
            left: Vec::new(),
            rng,
        }
    }
}

impl Iterator for Turns<'_> {
    type Item = (usize, u64);

    fn next(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            self.left.extend(self.all);
            self.left.shuffle(self.rng);
        }
        Some((self.left.pop()?, self.rng.random()))
    }
}

/// Inputs and targets of one set of a task, to append its examples to.
pub(super) type Set<'a> = (&'a mut Vec<f32>, &'a mut Vec<f32>);

/// A batch with a task for each of `turns`, one device and one target each, of
/// `queries` queries. `fill` appends a task's support and query set and says whose
/// it is, an index of `names`.
pub(super) fn batch_of_devices(
    turns: impl Iterator<Item = (usize, u64)>,
    queries: usize,
    names: &Arc<[String]>,
    normalisation: &Arc<Normalisation>,
    mut fill: impl FnMut((usize, u64), [Set<'_>; 2]) -> usize,
) -> TaskBatch {
    let [mut support, mut query] = [(); 2].map(|()| (Vec::new(), Vec::new()));
    let mut origins = Vec::new();
    let mut tasks = 0;
    for turn in turns {
        let [support, query] = [&mut support, &mut query].map(|(x, y)| (x, y));
        let origin = Origin {
            user: Some(fill(turn, [support, query]) as u32),
            class: None,
        };
        origins.extend(std::iter::repeat_n(origin, queries));
        tasks += 1;
    }
    let measured = |values: Vec<f32>| Examples::Measured {
        values,
        normalisation: normalisation.clone(),
    };
    TaskBatch {
        tasks,
        input: normalisation.mean.len(),
        output: 1,
        classes: None,
        support_x: measured(support.0),
        support_y: support.1,
        query_x: measured(query.0),
        query_y: query.1,
        origins: Some(Origins {
            users: names.clone(),
            classes: Arc::default(),
            queries: origins,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|at| format!("D{at}")).collect()
    }

    fn assign(split: &DeviceSplit, count: usize) -> Result<Vec<Option<Group>>, DataError> {
        split.assign("data", &names(count), &vec![None; count])
    }

    fn of(assigned: &[Option<Group>], group: Group) -> Vec<usize> {
        let all = assigned.iter().enumerate();
        all.filter(|(_, of)| **of == Some(group))
            .map(|(at, _)| at)
            .collect()
    }

    #[test]
    fn every_device_is_tested_in_one_fold_and_never_trained_on_there() {
        let mut tested = Vec::new();
        for fold in 0..4 {
            let split = DeviceSplit {
                folds: Some(4),
                fold: Some(fold),
                seed: 3,
                ..DeviceSplit::default()
            };
            let assigned = assign(&split, 11).unwrap();
            let [train, validation, test] = GROUPS.map(|group| of(&assigned, group));
            assert_eq!(train.len() + validation.len() + test.len(), 11);
            assert!([2, 3].contains(&test.len()));
            tested.extend(test);
        }
        tested.sort_unstable();
        assert_eq!(tested, (0..11).collect::<Vec<_>>());
    }

    #[test]
    fn names_and_counts_split_too() {
        let split: DeviceSplit =
            toml::from_str("train = [\"D[0-4]\"]\nvalidation = [\"D5\"]\ntest = [\"D7\", \"D1?\"]")
                .unwrap();
        let assigned = assign(&split, 12).unwrap();
        assert_eq!(of(&assigned, Group::Train), [0, 1, 2, 3, 4]);
        assert_eq!(of(&assigned, Group::Test), [7, 10, 11]);
        assert_eq!(assigned[6], None);
        let split: DeviceSplit = toml::from_str("counts = [5, 2, 3]").unwrap();
        let assigned = assign(&split, 11).unwrap();
        assert_eq!(
            GROUPS.map(|group| of(&assigned, group).len()),
            [5, 2, 3],
            "and one is left"
        );
    }

    #[test]
    fn splits_that_make_no_sense_are_refused() {
        for (text, count, part) in [
            ("counts = [5, 2, 9]", 11, "need 16"),
            ("folds = 12", 11, "folds = 12"),
            ("train = [\"*\"]\ntest = [\"D1\"]", 3, "disjoint"),
            (
                "train = [\"D1\"]\ntest = [\"D2\"]",
                3,
                "Validation split, but a task needs one; there are D0, D1, D2",
            ),
            ("", 3, "[tasks.split]"),
        ] {
            let split: DeviceSplit = toml::from_str(text).unwrap();
            let message = assign(&split, count).unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
        for (text, key) in [
            ("counts = [1, 1, 1]\nfolds = 3", "counts"),
            ("folds = 2", "folds"),
            ("folds = 5\nfold = 5", "fold"),
            ("fold = 0", "fold"),
            ("train = [\"[\"]", "train"),
        ] {
            let split: DeviceSplit = toml::from_str(text).unwrap();
            assert_eq!(split.fault().map(|fault| fault.0), Some(key), "{text}");
        }
    }

    #[test]
    fn all_take_turns() {
        let all = [4, 7, 9];
        let mut rng = generator(1, Stream::Test, 0);
        let turns: Vec<_> = Turns::new(&all, &mut rng).take(7).collect();
        let count = |of| turns.iter().filter(|(at, _)| *at == of).count();
        assert!(all.iter().all(|&at| [2, 3].contains(&count(at))));
        let mut rng = generator(1, Stream::Test, 0);
        let fewer: Vec<_> = Turns::new(&all, &mut rng).take(5).collect();
        assert_eq!(fewer[..], turns[..5]);
        assert_eq!(Turns::new(&[], &mut rng).next(), None);
    }
}
