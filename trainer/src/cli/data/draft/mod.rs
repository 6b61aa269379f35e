//! A config for recordings that have none yet.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::data::{Group, Proposal, Recording, Recordings, counted};
use crate::tasks::{RecordedTask, TasksError};

/// The text, with names in braces for what depends on the recordings.
const TEXT: &str = include_str!("draft.toml");
/// Samples of an example.
const LENGTH: usize = 64;
/// Recordings that mostly last longer, in seconds, are cut into windows.
const WHOLE: f64 = 5.0;
/// Seconds of a window.
const WINDOW: f64 = 2.0;
/// Most classes of a task, on a board and in training.
const WAYS: usize = 5;
const TRAINING_WAYS: usize = 12;
/// Numbers of examples that training draws from, and most queries.
const SHOTS: [usize; 3] = [1, 3, 5];
const QUERIES: usize = 3;

/// A config to begin with for tasks of `recordings`: of new people where there are at
/// least three, else of new classes. It trains as it is. `path` is its `tasks.path` and
/// `name` its name.
///
/// # Errors
/// [`TasksError`] where there are too few people and classes to hold some back, or
/// too few recordings of one for a support and a query set.
pub(super) fn draft(
    recordings: &Recordings,
    path: &Path,
    name: &str,
    proposal: Option<&Proposal>,
) -> Result<String, TasksError> {
    let (task, split) = division(recordings)?;
    let fewest = fewest(recordings, task)?;
    let shots: Vec<usize> = SHOTS.into_iter().filter(|&shots| shots < fewest).collect();
    let most = shots.last().copied().unwrap_or(1);
    let ways = split.ways.min(WAYS);
    let values = [
        ("what", what(task).to_owned()),
        ("name", plain(name)),
        (
            "path",
            toml::Value::from(path.display().to_string()).to_string(),
        ),
        ("task", task_name(task).to_owned()),
        (
            "channels",
            toml::Value::from(recordings.channels.clone()).to_string(),
        ),
        ("examples", examples(recordings)),
        ("split", split.text),
        ("frames", frames(&recordings.channels)),
        (
            "training_ways",
            (2 * split.training_ways)
                .clamp(ways, TRAINING_WAYS)
                .to_string(),
        ),
        ("ways", ways.to_string()),
        ("shots", format!("{shots:?}")),
        ("validation_shots", shots[shots.len() / 2].to_string()),
        ("queries", (fewest - most).min(QUERIES).to_string()),
        ("layout", proposal.map_or_else(String::new, layout)),
    ];
    let filled = values
        .into_iter()
        .fold(TEXT.to_owned(), |text, (key, value)| {
            text.replace(&format!("{{{key}}}"), &value)
        });
    Ok(filled)
}

/// What is held back, as the config says it.
struct Division {
    text: String,
    /// Classes that validation and test both have, and those of training.
    ways: usize,
    training_ways: usize,
}

/// Whether people or classes are held back, and how many.
fn division(recordings: &Recordings) -> Result<(RecordedTask, Division), TasksError> {
    let (users, classes) = (recordings.users.len(), recordings.classes.len());
    if recordings.is_split() {
        return of_folders(recordings);
    }
    // A quarter to test on, and an eighth to choose by.
    let counts = |all: usize, least: usize| {
        let (test, validation) = ((all / 4).max(least), (all / 8).max(least));
        [all - test - validation, validation, test]
    };
    if users >= 3 {
        let ways = of_users(recordings, |_| true)?;
        let counts = counts(users, 1);
        let division = Division {
            text: format!(
                "# People to train on, to choose by and to test on; `split_seed` deals them anew.\n\
                 users = {counts:?}"
            ),
            ways,
            training_ways: classes,
        };
        return Ok((RecordedTask::NewUser, division));
    }
    if classes >= 6 {
        let counts = counts(classes, 2);
        let division = Division {
            text: format!(
                "# Classes to train on, to choose by and to test on; `split_seed` deals them anew.\n\
                 classes = {counts:?}"
            ),
            ways: counts[1],
            training_ways: counts[0],
        };
        return Ok((RecordedTask::NewClasses, division));
    }
    Err(TasksError::too_few(
        recordings.path.display().to_string(),
        format!(
            "{} and {}",
            counted(users, "user"),
            counted(classes, "class")
        ),
        "3 users or 6 classes are needed to train on some, to choose by others and to test on the \
         rest; more users can be named by a column, `user` in recordings.toml"
            .into(),
    ))
}

/// Folders are splits. Where there is none for validation, it is a part of training.
fn of_folders(recordings: &Recordings) -> Result<(RecordedTask, Division), TasksError> {
    let own = |group: Group| {
        let own = recordings.recordings.iter();
        own.filter(move |r| r.group == Some(group))
    };
    let [classes, users] = [(|r| r.class) as fn(&Recording) -> usize, |r| r.user]
        .map(|of| Group::ALL.map(|group| own(group).map(of).collect::<BTreeSet<_>>()));
    let lacks = |what: &str, has: String, needs: &str| {
        let what = format!("{what} of {}", recordings.path.display());
        TasksError::too_few(what, has, needs.into())
    };
    for (group, name) in [(Group::Train, "train"), (Group::Test, "test")] {
        if own(group).next().is_none() {
            let needs = "folders of splits are train, test and, if there are, val";
            return Err(lacks(
                &format!("the folder {name}"),
                "no recording".into(),
                needs,
            ));
        }
    }
    let [train, validation, test] = &classes;
    let task = match train.is_disjoint(test) {
        true => RecordedTask::NewClasses,
        false => RecordedTask::NewUser,
    };
    let of_split = match task {
        RecordedTask::NewClasses => train.len(),
        RecordedTask::NewUser => users[0].len(),
    };
    let least = match task {
        RecordedTask::NewClasses => 2,
        RecordedTask::NewUser => 1,
    };
    let held = validation.is_empty().then(|| (of_split / 8).max(least));
    if let Some(held) = held.filter(|held| of_split < held + least) {
        return Err(lacks(
            "the folder train",
            match task {
                RecordedTask::NewClasses => counted(of_split, "class"),
                RecordedTask::NewUser => counted(of_split, "user"),
            },
            &format!("there is no folder val, and {held} of them are to be chosen by"),
        ));
    }
    let ways = match (task, held) {
        (RecordedTask::NewUser, None) => of_users(recordings, |r| r.group != Some(Group::Train))?,
        (RecordedTask::NewUser, Some(_)) => of_users(recordings, |_| true)?,
        (RecordedTask::NewClasses, held) => held.unwrap_or(validation.len()).min(test.len()),
    };
    if ways < 2 {
        let name = if test.len() < 2 { "test" } else { "val" };
        return Err(lacks(
            &format!("the folder {name}"),
            counted(ways, "class"),
            "a task tells at least 2 apart",
        ));
    }
    let folders = "# Folders say what is for training, for choosing and for testing";
    let text = match held {
        None => format!("{folders}."),
        Some(held) => format!(
            "{folders};\n# as there is no folder val, so many {} of train are to choose by.\n\
             validation = {held}",
            match task {
                RecordedTask::NewClasses => "classes",
                RecordedTask::NewUser => "people",
            }
        ),
    };
    let division = Division {
        text,
        ways,
        training_ways: train.len()
            - held
                .filter(|_| task == RecordedTask::NewClasses)
                .unwrap_or(0),
    };
    Ok((task, division))
}

/// Classes of the user who has the fewest, among these recordings.
fn of_users(
    recordings: &Recordings,
    among: impl Fn(&Recording) -> bool,
) -> Result<usize, TasksError> {
    let mut classes: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for recording in recordings.recordings.iter().filter(|r| among(r)) {
        let own = classes.entry(recording.user).or_default();
        own.insert(recording.class);
    }
    let few = classes.iter().filter(|(_, classes)| classes.len() < 2);
    let few: Vec<&str> = few.map(|(&user, _)| &recordings.users[user][..]).collect();
    if few.is_empty() {
        return Ok(classes.values().map(BTreeSet::len).min().unwrap_or(0));
    }
    Err(TasksError::too_few(
        few.join(", "),
        match few.len() {
            1 => "1 class".into(),
            _ => "1 class each".into(),
        },
        format!(
            "a task tells at least 2 apart; without.users = {} in recordings.toml or in \
             tasks.layout leaves out who has fewer",
            toml::Value::from(few)
        ),
    ))
}

/// `[tasks.layout]`, where no `recordings.toml` says it.
fn layout(proposal: &Proposal) -> String {
    format!(
        "\n# How the files are read.\n[tasks.layout]\n{}",
        proposal.text
    )
}

/// Recordings of the class that has the fewest, of one person where tasks are of one.
fn fewest(recordings: &Recordings, task: RecordedTask) -> Result<usize, TasksError> {
    let mut counts: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for recording in &recordings.recordings {
        let user = match task {
            RecordedTask::NewUser => recording.user,
            RecordedTask::NewClasses => 0,
        };
        *counts.entry((user, recording.class)).or_default() += 1;
    }
    let least = counts.into_iter().min_by_key(|&(_, count)| count);
    let ((user, class), count) = least.unwrap_or_default();
    if count >= 2 {
        return Ok(count);
    }
    let of = match task {
        RecordedTask::NewUser => format!(" of {}", recordings.users[user]),
        RecordedTask::NewClasses => String::new(),
    };
    Err(TasksError::too_few(
        format!("class {:?}{of}", recordings.classes[class]),
        counted(count, "recording"),
        format!(
            "a task needs one for its support set and another for its query set; in \
             recordings.toml, without.{} leaves {} out, and `recording`, `boundary` or `rows` \
             tells recordings apart",
            match task {
                RecordedTask::NewUser => format!("users = [{:?}]", recordings.users[user]),
                RecordedTask::NewClasses => format!("classes = [{:?}]", recordings.classes[class]),
            },
            match task {
                RecordedTask::NewUser => "this person",
                RecordedTask::NewClasses => "the class",
            }
        ),
    ))
}

fn what(task: RecordedTask) -> &'static str {
    match task {
        RecordedTask::NewUser => {
            "A new person or device shows some classes, and the rest are recognised."
        }
        RecordedTask::NewClasses => "New classes, learned from a few examples of each.",
    }
}

fn task_name(task: RecordedTask) -> &'static str {
    match task {
        RecordedTask::NewUser => "new_user",
        RecordedTask::NewClasses => "new_classes",
    }
}

/// A name as a run can have it.
fn plain(name: &str) -> String {
    let plain = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => '-',
    };
    let name: String = name.chars().map(plain).collect();
    match name.trim_matches('-') {
        "" => "recordings".into(),
        name => name.into(),
    }
}

/// Whole recordings, or windows of long ones.
fn examples(recordings: &Recordings) -> String {
    let rate = recordings.rate;
    let mut rows: Vec<usize> = (recordings.recordings.iter())
        .map(|recording| recordings.rows(recording))
        .collect();
    rows.sort_unstable();
    let median = rows[rows.len() / 2] as f64 / rate;
    let shortest = rows[0] as f64 / rate;
    // No faster than the recordings.
    let wanted = (LENGTH as f64 / WINDOW).min(rate);
    if median <= WHOLE || shortest < LENGTH as f64 / wanted {
        return format!("# Whole recordings, brought to so many samples.\nlength = {LENGTH}");
    }
    format!(
        "# Windows of {:.1} s, one beginning half a window after the other.\nlength = {LENGTH}\n\
         stride = {}\nrate = {wanted:?}",
        LENGTH as f64 / wanted,
        LENGTH / 2
    )
}

/// Channels that are the axes of one frame, as augmentation turns them: three
/// whose names differ in an x, y and z at one place.
fn frames(channels: &[String]) -> String {
    // The name of another axis, where one has an x at this place.
    let other = |name: &str, place: usize, axis: char| {
        let mut letters: Vec<char> = name.chars().collect();
        let letter = letters.get_mut(place)?;
        *letter = match *letter {
            'x' => axis,
            'X' => axis.to_ascii_uppercase(),
            _ => return None,
        };
        Some(letters.into_iter().collect::<String>())
    };
    let mut frames: Vec<Vec<String>> = Vec::new();
    for x in channels {
        let others = (0..x.chars().count()).find_map(|place| {
            let find = |axis| {
                let name = other(x, place, axis)?;
                channels.contains(&name).then_some(name)
            };
            Some(vec![x.clone(), find('y')?, find('z')?])
        });
        frames.extend(others);
    }
    if frames.is_empty() {
        return String::new();
    }
    let frames = toml::Value::from(frames);
    format!(
        "# Axes of one sensor each; list those that measure rates of turn as `turning` too.\n\
         frames = {frames}\n\
         # How differently a sensor may sit, in degrees, and move between two examples.\n\
         mount = 30.0\nrotate = 15.0\n"
    )
}

#[cfg(test)]
mod tests;
