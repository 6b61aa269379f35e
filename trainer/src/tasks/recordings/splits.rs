//! Who and what is for training, for choosing and for testing.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;

use super::{OfClass, Pool, Recorded, RecordedTask};
use crate::data::{Group, Recording, Recordings};
use crate::random::{Stream, generator};
use crate::tasks::TasksError;

/// What training, validation and test tasks are drawn from.
pub(super) fn splits(config: &Recorded, all: &Recordings) -> Result<[Vec<Pool>; 3], TasksError> {
    let drawn = |counts: Option<[usize; 3]>, names: &[String], key: &str, index: u64| {
        let Some(counts) = counts else {
            return Ok(None);
        };
        let needed: usize = counts.iter().sum();
        if needed > names.len() {
            return Err(TasksError::too_few(
                all.path.display().to_string(),
                format!("{} {key}", names.len()),
                format!("tasks.{key} = {counts:?} need {needed}"),
            ));
        }
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.shuffle(&mut generator(config.split_seed, Stream::Split, index));
        // Which split each belongs to; the rest belong to none.
        let mut of: Vec<Option<Group>> = vec![None; names.len()];
        let mut order = order.into_iter();
        for (group, count) in Group::ALL.into_iter().zip(counts) {
            for at in order.by_ref().take(count) {
                of[at] = Some(group);
            }
        }
        Ok(Some(of))
    };
    let users = drawn(config.users, &all.users, "users", 1)?;
    let classes = drawn(config.classes, &all.classes, "classes", 2)?;
    let unsplit = users.is_none() && classes.is_none();
    if unsplit != all.is_split() {
        let (has, needs) = match unsplit {
            true => (
                "no folders train, val and test",
                "tasks.users or tasks.classes must split it",
            ),
            false => (
                "folders that split it",
                "tasks.users and tasks.classes split it too",
            ),
        };
        return Err(TasksError::too_few(
            all.path.display().to_string(),
            has.into(),
            needs.into(),
        ));
    }
    let belongs = |recording: &Recording, group: Group| {
        let of = |of: &Option<Vec<Option<Group>>>, at: usize| {
            of.as_ref().is_none_or(|of| of[at] == Some(group))
        };
        recording.group.is_none_or(|own| own == group)
            && of(&users, recording.user)
            && of(&classes, recording.class)
    };
    Ok(Group::ALL.map(|group| {
        let mut pools: BTreeMap<usize, BTreeMap<usize, Vec<usize>>> = BTreeMap::new();
        for (at, recording) in all.recordings.iter().enumerate() {
            if belongs(recording, group) {
                let pool = match config.task {
                    RecordedTask::NewClasses => 0,
                    RecordedTask::NewUser => recording.user,
                };
                let classes = pools.entry(pool).or_default();
                classes.entry(recording.class).or_default().push(at);
            }
        }
        let of_class = |(class, recordings)| OfClass { class, recordings };
        let pools = pools.into_values();
        pools
            .map(|classes| classes.into_iter().map(of_class).collect())
            .collect()
    }))
}
