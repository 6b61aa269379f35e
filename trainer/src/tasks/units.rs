//! Units of a data set, such as its thermometers: which are trained on, and in which
//! order tasks are of them.

use std::sync::Arc;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Origin, Origins, TaskBatch};
use crate::data::{DataError, Examples, Group, Normalisation, counted};
use crate::fault::{Fault, require};
use crate::random::{Stream, generator};

/// Which units are trained on, which are for choices, and which results are reported
/// on. Exactly one of counts, names and folds says it, or none of them where units lie
/// in folders `train`, `val` and `test`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UnitSplit {
    /// Numbers of units of the training, validation and test split, in an order that
    /// `seed` decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<[usize; 3]>,
    /// Names of the units that are trained on; `*` stands for any characters,
    /// `?` for one, `[0-4]` for one of some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub train: Vec<String>,
    /// Names of those for validation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validation: Vec<String>,
    /// Names of those for testing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// Cross-validation: all units, in an order that `seed` decides, are dealt to so
    /// many folds. One is for testing, the next one for validation, the others for
    /// training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
    /// The fold for testing, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<usize>,
    /// Decides the order of the units.
    pub seed: u64,
}

impl UnitSplit {
    fn names(&self) -> [&[String]; 3] {
        [&self.train, &self.validation, &self.test]
    }

    /// What the table must satisfy beyond its types.
    ///
    /// # Errors
    /// The first key whose value cannot be used.
    pub fn check(&self) -> Result<(), Fault> {
        let named = self.is_named();
        let ways = [self.counts.is_some(), named, self.folds.is_some()];
        require(
            ways.iter().filter(|&&way| way).count() <= 1,
            "tasks.split.counts",
            "one of counts, folds, and the lists train, validation and test",
            "several of them",
        )?;
        let all = self.names().into_iter().flatten();
        for name in all {
            require(
                glob::Pattern::new(name).is_ok(),
                "tasks.split.train",
                "names in which * stands for any characters",
                name,
            )?;
        }
        let folds = self.folds.unwrap_or(0);
        require(
            self.folds.is_none_or(|folds| folds >= 3),
            "tasks.split.folds",
            "at least 3, as one is for testing and one for validation",
            folds,
        )?;
        require(
            self.fold.is_none_or(|fold| fold < folds),
            "tasks.split.fold",
            format!("below tasks.split.folds, {folds}"),
            self.fold.unwrap_or(0),
        )
    }

    fn is_named(&self) -> bool {
        self.names().iter().any(|names| !names.is_empty())
    }

    /// The split of every unit; those that belong to none are left out. `what` is
    /// the data set, in messages.
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
        let too_few = |(has, needs): (String, String)| DataError::TooFew {
            what: what.to_owned(),
            has,
            needs,
        };
        let in_folders = folders.iter().any(Option::is_some);
        let of = if let Some(counts) = self.counts {
            self.by_counts(counts, names.len())
        } else if let Some(folds) = self.folds {
            self.by_folds(folds, names.len())
        } else if self.is_named() {
            self.by_names(names)
        } else if in_folders {
            Ok(folders.to_vec())
        } else {
            let has = "no folders train, val and test".into();
            Err((has, "[tasks.split] must split its devices".into()))
        };
        let of = of.map_err(too_few)?;
        if in_folders && of != folders {
            let has = "folders that split it".into();
            return Err(too_few((has, "[tasks.split] splits it too".into())));
        }
        let empty = Group::ALL.iter().find(|group| !of.contains(&Some(**group)));
        match empty {
            None => Ok(of),
            Some(group) => Err(too_few((
                format!("no device of the {group:?} split"),
                format!("a task needs one; there are {}", listed(names)),
            ))),
        }
    }

    /// Units in the order that the seed decides.
    fn order(&self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut generator(self.seed, Stream::Split, 3));
        order
    }

    fn by_counts(&self, counts: [usize; 3], count: usize) -> Assigned {
        let needed: usize = counts.iter().sum();
        if needed > count {
            let needs = format!("tasks.split.counts = {counts:?} need {needed}");
            return Err((counted(count, "device"), needs));
        }
        let groups = Group::ALL.into_iter().zip(counts);
        let groups = groups.flat_map(|(group, count)| std::iter::repeat_n(group, count));
        let mut of = vec![None; count];
        for (at, group) in self.order(count).into_iter().zip(groups) {
            of[at] = Some(group);
        }
        Ok(of)
    }

    fn by_folds(&self, folds: usize, count: usize) -> Assigned {
        if count < folds {
            let needs = format!("tasks.split.folds = {folds}");
            return Err((counted(count, "device"), needs));
        }
        let fold = self.fold.unwrap_or(0);
        let mut of = vec![None; count];
        for (turn, at) in self.order(count).into_iter().enumerate() {
            of[at] = Some(match (turn % folds + folds - fold) % folds {
                0 => Group::Test,
                1 => Group::Validation,
                _ => Group::Train,
            });
        }
        Ok(of)
    }

    fn by_names(&self, names: &[String]) -> Assigned {
        let matches = |patterns: &[String], name: &str| {
            let pattern = |text: &String| glob::Pattern::new(text).ok();
            let mut patterns = patterns.iter().filter_map(pattern);
            patterns.any(|pattern| pattern.matches(name))
        };
        let group_of = |name: &String| {
            let lists = Group::ALL.into_iter().zip(self.names());
            let own: Vec<Group> = lists
                .filter(|(_, patterns)| matches(patterns, name))
                .map(|(group, _)| group)
                .collect();
            if own.len() > 1 {
                let has = format!("device {name:?} in several lists of tasks.split");
                return Err((has, "splits must be disjoint".into()));
            }
            Ok(own.first().copied())
        };
        names.iter().map(group_of).collect()
    }
}

/// The split of every unit, or what there is and what is needed.
type Assigned = Result<Vec<Option<Group>>, (String, String)>;

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

/// What each task is of: some indices take turns in a random order, so that each has
/// its equal part of any number of tasks. Every task comes with a seed of its own.
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

/// A batch with a task for each of `turns`, of one unit, one target and `queries`
/// queries. `fill` appends a task's support and query set and says whose it is, an
/// index of `names`.
pub(super) fn batch_of_units(
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
            unit_of: None,
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

    fn assign(split: &UnitSplit, count: usize) -> Result<Vec<Option<Group>>, DataError> {
        split.assign("data", &names(count), &vec![None; count])
    }

    fn of(assigned: &[Option<Group>], group: Group) -> Vec<usize> {
        let all = assigned.iter().enumerate();
        all.filter(|(_, of)| **of == Some(group))
            .map(|(at, _)| at)
            .collect()
    }

    #[test]
    fn every_unit_is_tested_in_one_fold_and_never_trained_on_there() {
        let mut tested = Vec::new();
        for fold in 0..4 {
            let split = UnitSplit {
                folds: Some(4),
                fold: Some(fold),
                seed: 3,
                ..UnitSplit::default()
            };
            let assigned = assign(&split, 11).unwrap();
            let [train, validation, test] = Group::ALL.map(|group| of(&assigned, group));
            assert_eq!(train.len() + validation.len() + test.len(), 11);
            assert!([2, 3].contains(&test.len()));
            tested.extend(test);
        }
        tested.sort_unstable();
        assert_eq!(tested, (0..11).collect::<Vec<_>>());
    }

    #[test]
    fn names_and_counts_split_too() {
        let split: UnitSplit =
            toml::from_str("train = [\"D[0-4]\"]\nvalidation = [\"D5\"]\ntest = [\"D7\", \"D1?\"]")
                .unwrap();
        let assigned = assign(&split, 12).unwrap();
        assert_eq!(of(&assigned, Group::Train), [0, 1, 2, 3, 4]);
        assert_eq!(of(&assigned, Group::Test), [7, 10, 11]);
        assert_eq!(assigned[6], None);
        let split: UnitSplit = toml::from_str("counts = [5, 2, 3]").unwrap();
        let assigned = assign(&split, 11).unwrap();
        assert_eq!(
            Group::ALL.map(|group| of(&assigned, group).len()),
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
            let split: UnitSplit = toml::from_str(text).unwrap();
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
            let split: UnitSplit = toml::from_str(text).unwrap();
            let fault = split.check().unwrap_err();
            assert_eq!(fault.key, format!("tasks.split.{key}"), "{text}");
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
