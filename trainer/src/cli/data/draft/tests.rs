//! Configs for recordings that have none.

use super::*;
use crate::config::Config;
use crate::data::tests::Fixture;
use crate::tasks::{Recorded, Split, TaskDistribution, TasksConfig};

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
    let recordings = Recordings::survey(fixture.path())?;
    let text = draft(&recordings, fixture.path(), "My {ways} watch")?;
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
    assert!(error.contains("a user with 1 class, but a task"), "{error}");
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
    let recordings = Recordings::survey(fixture.path()).unwrap();
    assert_eq!(recordings.channels, names);
    let text = frames(&recordings.channels);
    let expected = "frames = [[\"AccX\", \"AccY\", \"AccZ\"], [\"gx\", \"gy\", \"gz\"]]\n";
    assert!(text.contains(expected), "{text}");
    assert_eq!(frames(&["x".to_owned()]), "");
}
