use std::collections::HashSet;
use std::path::Path;

use super::*;
use burn::backend::Flex;

use crate::data::Layout;
use crate::data::tests::Fixture;
use crate::meta::to_host;
use crate::random::{Stream, generator};

mod changes;
mod mixtures;

/// Six people, four classes, five takes of each: three rows whose first channel
/// says which, `100 user + 10 class + take`, and whose second is the row.
fn fixture() -> Fixture {
    let fixture = Fixture::empty();
    for user in 0..6 {
        let mut text = "take,what,x,y\n".to_owned();
        for (take, class) in (0..5).flat_map(|take| (0..4).map(move |class| (take, class))) {
            for row in 0..3 {
                let x = 100 * user + 10 * class + take;
                text += &format!("{take},{class},{x},{row}\n");
            }
        }
        fixture.put(&format!("user{user}.csv"), text.as_bytes());
    }
    fixture
}

fn layout(text: &str) -> Layout {
    toml::from_str(text).unwrap()
}

fn recorded(path: &Path, task: RecordedTask) -> Recorded {
    Recorded {
        path: path.into(),
        task,
        ways: 2,
        channels: vec!["x".into(), "y".into()],
        length: 3,
        stride: None,
        rate: None,
        centre: Centre::None,
        normalise: false,
        labels: Labels::Shuffled,
        users: Some([3, 1, 2]),
        classes: None,
        split_seed: 1,
        validation: None,
        layout: Some(layout(
            "label = \"what\"\nrecording = [\"take\"]\nrate = 10.0",
        )),
        augment: None,
    }
}

/// User, class, take and label of every example of a set, and its task.
fn decoded(tasks: usize, x: &[f32], y: &[f32], ways: usize) -> Vec<(usize, [usize; 3], usize)> {
    let of_task = y.len() / ways / tasks;
    let examples = x.chunks_exact(6).zip(y.chunks_exact(ways)).enumerate();
    examples
        .map(|(at, (x, y))| {
            assert!(x[0] == x[2] && x[2] == x[4] && [x[1], x[3], x[5]] == [0.0, 1.0, 2.0]);
            let code = x[0] as usize;
            let label = y.iter().position(|&value| value == 1.0).unwrap();
            (at / of_task, [code / 100, code / 10 % 10, code % 10], label)
        })
        .collect()
}

fn draw(tasks: &RecordedTasks, split: Split, shots: usize, queries: usize) -> TaskBatch {
    tasks.draw(
        split,
        &mut generator(1, Stream::Train, 0),
        50,
        shots,
        queries,
    )
}

#[test]
fn a_new_user_is_one_of_the_split_with_different_takes_of_each_class() {
    let fixture = fixture();
    let tasks = recorded(fixture.path(), RecordedTask::NewUser)
        .open()
        .unwrap();
    let mut seen: [HashSet<usize>; 3] = Default::default();
    for (split, seen) in Split::ALL.into_iter().zip(&mut seen) {
        let batch = draw(&tasks, split, 2, 3);
        let support = decoded(50, &batch.support_x.values(), &batch.support_y, 2);
        let query = decoded(50, &batch.query_x.values(), &batch.query_y, 2);
        for task in 0..50 {
            let all = support
                .iter()
                .chain(&query)
                .filter(|(own, ..)| *own == task);
            let all: Vec<_> = all.map(|(_, code, label)| (*code, *label)).collect();
            let users: HashSet<usize> = all.iter().map(|([user, ..], _)| *user).collect();
            let pairs: HashSet<_> = all
                .iter()
                .map(|([_, class, _], label)| (class, label))
                .collect();
            let takes: HashSet<_> = all.iter().map(|(code, _)| code).collect();
            assert_eq!((users.len(), pairs.len(), takes.len()), (1, 2, 10));
            seen.extend(users);
        }
    }
    assert_eq!(
        seen.each_ref().map(HashSet::len),
        [3, 1, 2],
        "every user comes up"
    );
    assert!(seen[0].is_disjoint(&seen[1]) && seen[0].is_disjoint(&seen[2]));
    assert!(seen[1].is_disjoint(&seen[2]));
}

#[test]
fn new_classes_are_never_those_of_training_nor_by_its_people() {
    let fixture = fixture();
    let config = Recorded {
        classes: Some([2, 0, 2]),
        users: Some([3, 0, 3]),
        ..recorded(fixture.path(), RecordedTask::NewClasses)
    };
    let tasks = config.open().unwrap();
    let seen = |split| {
        let batch = draw(&tasks, split, 1, 1);
        let support = decoded(50, &batch.support_x.values(), &batch.support_y, 2);
        let of = |at: usize| {
            support
                .iter()
                .map(|(_, code, _)| code[at])
                .collect::<HashSet<_>>()
        };
        [of(0), of(1)]
    };
    let ([users, classes], [others, unseen]) = (seen(Split::Train), seen(Split::Test));
    assert_eq!([users.len(), classes.len()], [3, 2]);
    assert!(users.is_disjoint(&others) && classes.is_disjoint(&unseen));
    let message = tasks
        .check(Split::Validation, 1, 1)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("the validation split has 0 classes"),
        "{message}"
    );
    let message = tasks.check(Split::Test, 10, 6).unwrap_err().to_string();
    assert!(
        message.contains("15 recordings, but 16 are needed"),
        "{message}"
    );
}

#[test]
fn fixed_labels_are_the_classes() {
    let fixture = fixture();
    let config = Recorded {
        labels: Labels::Fixed,
        ways: 4,
        ..recorded(fixture.path(), RecordedTask::NewUser)
    };
    let batch = draw(&config.open().unwrap(), Split::Test, 1, 2);
    for (_, [_, class, _], label) in decoded(50, &batch.query_x.values(), &batch.query_y, 4) {
        assert_eq!(class, label);
    }
    let few = Recorded { ways: 3, ..config };
    assert!(
        few.open()
            .unwrap_err()
            .to_string()
            .contains("tasks.ways = 3")
    );
}

/// A copy of a person's recordings would be trained on and tested with.
#[test]
fn a_recording_is_not_in_two_splits_under_two_names() {
    let fixture = Fixture::empty();
    let text = |shift: usize| {
        let row = |row: usize| format!("{},{},{}\n", row / 12, row * row % 7 + shift, row);
        (0..24)
            .map(row)
            .fold("what,x,y\n".to_owned(), |text, row| text + &row)
    };
    for (user, shift) in [("ann", 0), ("bob", 1), ("eve", 0)] {
        fixture.put(&format!("{user}.csv"), text(shift).as_bytes());
    }
    let config = |users, more: &str| Recorded {
        users: Some(users),
        layout: Some(layout(&format!("label = \"what\"\nrate = 10.0\n{more}"))),
        ..recorded(fixture.path(), RecordedTask::NewUser)
    };
    let message = config([1, 1, 1], "").open().unwrap_err().to_string();
    for part in [
        "eve.csv, line 2: for ",
        "ann.csv, line 2; and 1 more",
        "`without`",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let without = config([1, 0, 1], "without.users = [\"eve\"]");
    assert!(without.open().unwrap().notes()[0].contains("eve"));
    let together = config([3, 0, 0], "").open().unwrap();
    assert!(together.notes()[0].contains("2 recordings are identical"));
}

#[test]
fn fewer_shots_or_queries_are_the_first_of_more() {
    let fixture = fixture();
    let tasks = recorded(fixture.path(), RecordedTask::NewUser)
        .open()
        .unwrap();
    let (few, many) = (
        draw(&tasks, Split::Test, 1, 1),
        draw(&tasks, Split::Test, 3, 2),
    );
    assert_eq!(
        many.first_support_examples(many.output).support_x,
        few.support_x
    );
    let first = |batch: &TaskBatch, of: usize| -> Vec<f32> {
        let values = batch.query_x.values().into_owned();
        values
            .chunks(6 * of)
            .flat_map(|task| task[..12].to_vec())
            .collect()
    };
    assert_eq!(first(&many, 4), first(&few, 2));
}

#[test]
fn training_data_alone_says_mean_and_deviation() {
    let fixture = fixture();
    let config = Recorded {
        normalise: true,
        ..recorded(fixture.path(), RecordedTask::NewUser)
    };
    let tasks = config.open().unwrap();
    let pools = tasks.splits[0].iter().flatten();
    let training = pools.flat_map(|of_class| &of_class.recordings);
    let training = training.flat_map(|&at| tasks.recordings[at][0].clone());
    let training = tasks.measured(training.collect());
    let device = Default::default();
    let training = to_host(training.to_device::<Flex>(6, &device));
    let parts = [&training[..]];
    let (mean, sigma) = signal::moments(parts.into_iter(), 2);
    for (mean, sigma) in mean.into_iter().zip(sigma) {
        assert!(
            mean.abs() < 1e-4 && (sigma - 1.0).abs() < 1e-4,
            "{mean} {sigma}"
        );
    }
}

#[test]
fn centres_are_subtracted() {
    let fixture = fixture();
    let centred = |centre| {
        let config = Recorded {
            centre,
            ..recorded(fixture.path(), RecordedTask::NewUser)
        };
        config.open().unwrap().recordings[0][0].clone()
    };
    // The first is class 0 of take 0: the classes of a take are 0, 10, 20, 30.
    let [none, example, session] = [Centre::None, Centre::Example, Centre::Session].map(centred);
    assert_eq!(none, [0.0, 0.0, 0.0, 1.0, 0.0, 2.0]);
    assert_eq!(example, [0.0, -1.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(session, [-15.0, -1.0, -15.0, 0.0, -15.0, 1.0]);
}

#[test]
fn recordings_become_examples_of_one_length() {
    // Two channels, three rows.
    let samples = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
    let five = signal::resampled(&samples, 2, 5);
    assert_eq!(five, [0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0]);
    assert_eq!(signal::resampled(&samples, 2, 2), [0.0, 1.0, 4.0, 5.0]);
    assert_eq!(signal::resampled(&samples, 2, 1), [0.0, 1.0]);
    assert_eq!(signal::at_rate(&samples, 2, 1, 2), five);
    assert_eq!(signal::at_rate(&samples, 2, 2, 1), [0.0, 1.0, 4.0, 5.0]);
    assert_eq!(signal::at_rate(&samples, 2, 7, 7), samples);
    let parts = [&samples[..], &[9.0, 9.0]];
    assert_eq!(signal::medians(parts.into_iter(), 2), [3.0, 4.0]);
}

#[test]
fn windows_are_cut_and_support_and_query_are_of_different_recordings() {
    let fixture = Fixture::empty();
    for user in 0..6 {
        let mut text = "take,what,x,y\n".to_owned();
        for (take, class) in (0..4).flat_map(|take| (0..2).map(move |class| (take, class))) {
            for row in 0..10 {
                text += &format!("{take},{class},{},{row}\n", 100 * user + 10 * class + take);
            }
        }
        fixture.put(&format!("user{user}.csv"), text.as_bytes());
    }
    let config = Recorded {
        length: 4,
        stride: Some(3),
        ..recorded(fixture.path(), RecordedTask::NewUser)
    };
    let tasks = config.open().unwrap();
    // Windows begin at rows 0, 3 and 6.
    let starts: Vec<f32> = tasks.recordings[0].iter().map(|window| window[1]).collect();
    assert_eq!(starts, [0.0, 3.0, 6.0]);
    let batch = draw(&tasks, Split::Train, 2, 2);
    let (support, query) = (batch.support_x.values(), batch.query_x.values());
    let takes = |x: &[f32]| -> HashSet<u32> { x.chunks(8).map(|e| e[0] as u32).collect() };
    for (support, query) in support.chunks(4 * 8).zip(query.chunks(4 * 8)) {
        assert!(takes(support).is_disjoint(&takes(query)));
    }
    let slower = Recorded {
        rate: Some(5.0),
        ..config.clone()
    };
    let window = &slower.open().unwrap().recordings[0];
    assert_eq!((window.len(), window[0][3]), (1, 2.0), "every other row");
    let long = Recorded {
        length: 11,
        ..config
    };
    let message = long.open().unwrap_err().to_string();
    assert!(
        message.contains("user0.csv, line 2") && message.contains("10 rows"),
        "{message}"
    );
}

#[test]
fn a_folder_must_be_split_in_one_way() {
    let fixture = fixture();
    let config = recorded(fixture.path(), RecordedTask::NewUser);
    let none = Recorded {
        users: None,
        ..config.clone()
    };
    assert!(
        none.open()
            .unwrap_err()
            .to_string()
            .contains("tasks.users or tasks.classes")
    );
    let many = Recorded {
        users: Some([4, 2, 1]),
        ..config
    };
    let message = many.open().unwrap_err().to_string();
    assert!(
        message.contains("has 6 users, but tasks.users = [4, 2, 1] need 7"),
        "{message}"
    );
}

/// The samples say whose they are and what they show; the origins say the same.
#[test]
fn origins_name_user_and_class_of_every_query() {
    let fixture = fixture();
    for task in [RecordedTask::NewUser, RecordedTask::NewClasses] {
        let tasks = recorded(fixture.path(), task).open().unwrap();
        let batch = draw(&tasks, Split::Test, 2, 3);
        for batch in [
            batch.first_support_examples(batch.output),
            batch.tasks(7..20),
        ] {
            let query = decoded(batch.tasks, &batch.query_x.values(), &batch.query_y, 2);
            let origins = batch.origins.unwrap();
            assert_eq!(origins.queries.len(), query.len());
            for (origin, (_, [user, class, _], _)) in origins.queries.iter().zip(query) {
                let name = |names: &[String], at: Option<u32>| names[at.unwrap() as usize].clone();
                assert_eq!(name(&origins.users, origin.user), format!("user{user}"));
                assert_eq!(name(&origins.classes, origin.class), class.to_string());
            }
        }
    }
}
