//! Who and what is for training, for choosing and for testing.

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::SliceRandom;

use super::{OfClass, Pool, Recorded, RecordedTask};
use crate::data::{DataError, Group, Problem, Recording, Recordings, counted};
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
    let held = held_back(config, all)?;
    let belongs = |recording: &Recording, group: Group| {
        let of = |of: &Option<Vec<Option<Group>>>, at: usize| {
            of.as_ref().is_none_or(|of| of[at] == Some(group))
        };
        let own = match held.contains(&of_task(config, recording)) {
            true => recording.group.map(|own| match own {
                Group::Train => Group::Validation,
                own => own,
            }),
            false => recording.group,
        };
        own.is_none_or(|own| own == group)
            && of(&users, recording.user)
            && of(&classes, recording.class)
    };
    let mut split_of: Vec<Option<Group>> = vec![None; all.recordings.len()];
    for (own, recording) in split_of.iter_mut().zip(&all.recordings) {
        *own = (Group::ALL.into_iter()).find(|&group| belongs(recording, group));
    }
    apart(all, &split_of)?;
    Ok(Group::ALL.map(|group| {
        let mut pools: BTreeMap<usize, BTreeMap<usize, Vec<usize>>> = BTreeMap::new();
        for (at, recording) in all.recordings.iter().enumerate() {
            if split_of[at] == Some(group) {
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

/// What tasks of training and test must not share: a class, or a person.
fn of_task(config: &Recorded, recording: &Recording) -> usize {
    match config.task {
        RecordedTask::NewClasses => recording.class,
        RecordedTask::NewUser => recording.user,
    }
}

/// The classes or people of the training folder that are for validation.
fn held_back(config: &Recorded, all: &Recordings) -> Result<BTreeSet<usize>, TasksError> {
    let Some(count) = config.validation else {
        return Ok(BTreeSet::new());
    };
    let too_few = |has: String, needs: &str| {
        TasksError::too_few(
            all.path.display().to_string(),
            has,
            format!("tasks.validation = {count} {needs}"),
        )
    };
    let of = |group: Group| {
        let own = all
            .recordings
            .iter()
            .filter(move |r| r.group == Some(group));
        own.map(|recording| of_task(config, recording))
    };
    if !all.is_split() || of(Group::Validation).next().is_some() {
        return Err(too_few(
            "no folders train and test, or a folder val".into(),
            "is for folders train and test without val",
        ));
    }
    let mut names: Vec<usize> = of(Group::Train)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    if names.len() <= count {
        let what = match config.task {
            RecordedTask::NewClasses => "class",
            RecordedTask::NewUser => "user",
        };
        return Err(too_few(
            format!("{} to train on", counted(names.len(), what)),
            "leaves none of them",
        ));
    }
    names.shuffle(&mut generator(config.split_seed, Stream::Split, 3));
    Ok(names.into_iter().take(count).collect())
}

/// Rows that must differ from the one before for two recordings not to be alike by chance.
const MANY: usize = 10;

/// Whether no recording is in two splits under two names.
fn apart(all: &Recordings, split_of: &[Option<Group>]) -> Result<(), TasksError> {
    // Those of two files are one problem.
    let mut found: BTreeMap<[usize; 2], Vec<[usize; 2]>> = BTreeMap::new();
    for twins in all.twins() {
        let splits = twins.recordings.map(|at| split_of[at]);
        if splits[0] != splits[1] && splits.iter().all(Option::is_some) && twins.changes >= MANY {
            let files = twins.recordings.map(|at| all.recordings[at].file);
            found.entry(files).or_default().push(twins.recordings);
        }
    }
    let problem = |twins: &Vec<[usize; 2]>| -> Problem {
        let [own, others] = twins[0].map(|at| split_of[at].map_or("", name));
        let [first, other] = twins[0].map(|at| all.place(&all.recordings[at]));
        let more = match twins.len() - 1 {
            0 => String::new(),
            more => format!("; and {more} more of these files"),
        };
        let what = format!(
            "for {others}, and the same as for {own} at {first}{more}: delete one of them, or leave \
             a user or a class out by `without` in recordings.toml or tasks.layout"
        );
        Problem {
            alike: twins.len() - 1,
            ..Problem::new(other, what)
        }
    };
    let problems: Vec<Problem> = found.values().map(problem).collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(DataError::Problems {
            what: all.path.display().to_string(),
            unit: "recording",
            problems,
        }
        .into()),
    }
}

fn name(group: Group) -> &'static str {
    match group {
        Group::Train => "training",
        Group::Validation => "validation",
        Group::Test => "test",
    }
}
