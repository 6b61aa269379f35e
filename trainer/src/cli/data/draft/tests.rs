//! Configs for recordings that have none.

use super::*;
use crate::config::Config;
use crate::data::tests::Fixture;
use crate::tasks::{Recorded, Split, TaskDistribution, TaskFamily, TasksConfig};

/// So many users and classes, takes of each, and rows of a take, of one channel.
fn folder(users: usize, classes: usize, takes: usize, rows: usize, layout: &str) -> Fixture {
    let fixture = Fixture::empty();
    let layout = format!("label = \"what\"\nrecording = [\"take\"]\n{layout}");
    fixture.put("recordings.toml", layout.as_bytes());
    for user in 0..users {
        let mut text = "take,what,x\n".to_owned();
        for (class, take) in (0..classes).flat_map(|class| (0..takes).map(move |t| (class, t))) {
            text += &format!("{take},{class},{}\n", class + take).repeat(rows);
        }
        fixture.put(&format!("user{user}.csv"), text.as_bytes());
    }
    fixture
}

/// The config, once everything that training checks was checked.
fn drafted(fixture: &Fixture) -> Result<(Config, Recorded), TasksError> {
    let recordings = Recordings::survey(fixture.path(), None)?;
    let text = draft(&recordings, fixture.path(), "My {ways} watch", None)?;
    let file = fixture.path().join("draft.toml");
    std::fs::write(&file, text).unwrap();
    let config = Config::load(&file, &[]).unwrap_or_else(|error| panic!("{error}"));
    let TasksConfig::Recordings(recorded) = &config.tasks else {
        panic!("of recordings");
    };
    assert_eq!(config.name, "my--ways--watch");
    let recorded = Recorded::clone(recorded);
    let tasks = recorded.open()?;
    let shots = config.meta.shots.choices().iter().copied().max().unwrap();
    tasks.check(Split::Train, shots, config.meta.queries)?;
    let record = &config.record;
    let queries = record.validation_queries.unwrap();
    for split in [Split::Validation, Split::Test] {
        tasks.check(split, record.validation_shots, queries)?;
    }
    Ok((config, recorded))
}

#[test]
fn people_are_held_back_where_there_are_enough() {
    let (config, tasks) = drafted(&folder(8, 3, 4, 10, "rate = 10.0")).unwrap();
    assert_eq!(tasks.task, RecordedTask::NewUser);
    assert_eq!((tasks.users, tasks.ways), (Some([5, 1, 2]), 3));
    assert_eq!(config.meta.shots.choices(), [1, 3]);
    assert_eq!((config.meta.queries, tasks.stride), (1, None));
    drafted(&folder(3, 2, 2, 10, "rate = 10.0")).unwrap();
}

#[test]
fn classes_are_held_back_where_people_are_few() {
    let (_, tasks) = drafted(&folder(2, 12, 2, 10, "rate = 10.0")).unwrap();
    assert_eq!(tasks.task, RecordedTask::NewClasses);
    assert_eq!((tasks.classes, tasks.ways), (Some([7, 2, 3]), 2));
    drafted(&folder(1, 6, 2, 10, "rate = 10.0")).unwrap();
}

#[test]
fn long_recordings_are_cut_into_windows() {
    let (_, tasks) = drafted(&folder(4, 2, 3, 120, "rate = 20.0")).unwrap();
    assert_eq!(
        (tasks.length, tasks.stride, tasks.rate),
        (64, Some(32), Some(20.0))
    );
    let (_, tasks) = drafted(&folder(4, 2, 3, 800, "rate = 100.0")).unwrap();
    assert_eq!((tasks.stride, tasks.rate), (Some(32), Some(32.0)));
}

#[test]
fn what_is_lacking_is_said() {
    let lacks = |fixture| drafted(&fixture).unwrap_err().to_string();
    let error = lacks(folder(2, 5, 2, 10, "rate = 10.0"));
    assert!(error.contains("2 users and 5 classes"), "{error}");
    let error = lacks(folder(3, 5, 1, 10, "rate = 10.0"));
    assert!(
        error.contains("class \"0\" of user0 has 1 recording"),
        "{error}"
    );
    let error = lacks(folder(3, 1, 5, 10, "rate = 10.0"));
    let expected = "user0, user1, user2 has 1 class each, but a task";
    assert!(error.contains(expected), "{error}");
    let error = lacks(folder(3, 5, 2, 10, "rate = 0.0"));
    assert!(error.contains("rate: a number above 0"), "{error}");
    let error = lacks(folder(3, 5, 2, 10, "rate = 1.0\nfiles = \"*.txt\""));
    assert!(error.contains("no file of that name"), "{error}");
}

#[test]
fn axes_are_found_by_their_names() {
    let names = [
        "AccX",
        "AccY",
        "AccZ",
        "x",
        "y",
        "gx",
        "gy",
        "gz",
        "temperature",
    ];
    let fixture = Fixture::empty();
    let header = names.join(",");
    let row = "a,".to_owned() + &["1"; 9].join(",");
    fixture.put("a.csv", format!("what,{header}\n{row}\n{row}\n").as_bytes());
    fixture.put("recordings.toml", b"label = \"what\"\nrate = 1.0\n");
    let recordings = Recordings::survey(fixture.path(), None).unwrap();
    assert_eq!(recordings.channels, names);
    let text = frames(&recordings.channels);
    let expected = "frames = [[\"AccX\", \"AccY\", \"AccZ\"], [\"gx\", \"gy\", \"gz\"]]\n";
    assert!(text.contains(expected), "{text}");
    assert_eq!(frames(&["x".to_owned()]), "");
}

#[test]
fn who_has_too_few_classes_is_named_and_can_be_left_out() {
    let fixture = folder(5, 3, 3, 10, "rate = 10.0");
    let single = "take,what,x\n".to_owned() + &"0,1,5\n".repeat(10) + &"1,1,6\n".repeat(10);
    fixture.put("user3.csv", single.as_bytes());
    let error = drafted(&fixture).unwrap_err().to_string();
    assert!(error.contains("user3 has 1 class, but"), "{error}");
    assert!(error.contains("without.users = [\"user3\"]"), "{error}");
    let layout = "label = \"what\"\nrecording = [\"take\"]\nrate = 10.0\n\
                  without.users = [\"user3\"]\n";
    fixture.put("recordings.toml", layout.as_bytes());
    let (_, tasks) = drafted(&fixture).unwrap();
    assert_eq!((tasks.users, tasks.ways), (Some([2, 1, 1]), 3));
}

/// Folders `train` and `test`, with these classes by these users.
fn split(train: [usize; 2], test: [usize; 2], first_of_test: usize) -> Fixture {
    let fixture = Fixture::empty();
    fixture.put(
        "recordings.toml",
        b"label = \"what\"\nrows = 10\nrate = 10.0\n",
    );
    for (name, [users, classes], first) in [("train", train, 0), ("test", test, first_of_test)] {
        for user in 0..users {
            let rows = |class: usize| format!("{},1\n", first + class).repeat(30);
            let text: String = (0..classes).map(rows).collect();
            let file = format!("{name}/{name}{user}.csv");
            fixture.put(&file, format!("what,x\n{text}").as_bytes());
        }
    }
    fixture
}

#[test]
fn without_a_folder_for_validation_a_part_of_training_is_for_it() {
    let fixture = split([1, 20], [1, 4], 20);
    let (_, tasks) = drafted(&fixture).unwrap();
    assert_eq!(
        (tasks.task, tasks.validation),
        (RecordedTask::NewClasses, Some(2))
    );
    let opened = tasks.open().unwrap();
    let count = |split| opened.classes_of(split).len();
    assert_eq!(Split::ALL.map(count), [18, 2, 4]);
    let fixture = split([9, 3], [2, 3], 0);
    let (_, tasks) = drafted(&fixture).unwrap();
    assert_eq!(
        (tasks.task, tasks.validation),
        (RecordedTask::NewUser, Some(1))
    );
    let contents = TaskFamily::contents(&tasks).unwrap().unwrap();
    let users: Vec<&str> = contents.rows.iter().map(|row| &row[1][..]).collect();
    assert_eq!(users, ["8", "1", "2"]);
    let error = drafted(&split([1, 3], [1, 4], 3)).unwrap_err().to_string();
    assert!(
        error.contains("the folder train of") && error.contains("no folder val"),
        "{error}"
    );
    let error = drafted(&split([2, 3], [0, 0], 3)).unwrap_err().to_string();
    assert!(error.contains("the folder test of"), "{error}");
}
