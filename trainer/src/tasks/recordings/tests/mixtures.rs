//! Classes that are made of two others.

use super::*;

/// The codes of the fixture's recordings in the first channel of every example of a
/// set, row by row, with the example's label, task by task.
fn codes(x: &[f32], y: &[f32], per_task: usize) -> Vec<Vec<([f32; 3], usize)>> {
    let examples = x.chunks_exact(6).zip(y.chunks_exact(2)).map(|(x, y)| {
        let label = usize::from(y[1] == 1.0);
        ([x[0], x[2], x[4]], label)
    });
    let examples: Vec<_> = examples.collect();
    examples.chunks(per_task).map(<[_]>::to_vec).collect()
}

fn mixed(splice: f64, blend: f64) -> RecordedTasks {
    let fixture = fixture();
    let config = Recorded {
        augment: Some(SensorAugment {
            splice,
            blend,
            ..SensorAugment::default()
        }),
        ..recorded(fixture.path(), RecordedTask::NewClasses)
    };
    config.open().unwrap()
}

/// All examples of every class of 50 training tasks.
fn classes(tasks: &RecordedTasks) -> Vec<Vec<[f32; 3]>> {
    let batch = draw(tasks, Split::Train, 2, 3);
    let support = codes(&batch.support_x.values(), &batch.support_y, 4);
    let query = codes(&batch.query_x.values(), &batch.query_y, 6);
    let mut classes = Vec::new();
    for (support, query) in support.into_iter().zip(query) {
        for label in 0..2 {
            let own = support
                .iter()
                .chain(&query)
                .filter(|(_, own)| *own == label);
            classes.push(own.map(|(codes, _)| *codes).collect());
        }
    }
    classes
}

fn user(code: f32) -> usize {
    code as usize / 100
}

fn class(code: f32) -> usize {
    code as usize / 10 % 10
}

#[test]
fn a_spliced_class_begins_as_one_and_ends_as_another_of_the_same_person() {
    let mut pairs = HashSet::new();
    let mut users = HashSet::new();
    for examples in classes(&mixed(1.0, 0.0)) {
        assert_eq!(examples.len(), 5);
        // Which rows are of which class is the same for all recordings of the class.
        let first = examples[0].map(class);
        for example in &examples {
            assert_eq!(example.map(class), first);
            assert!(example.iter().all(|&code| user(code) == user(example[0])));
            users.insert(user(example[0]));
        }
        pairs.insert((first[0], first[2]));
    }
    // Three people of training, and every class before every other.
    assert_eq!((users.len(), pairs.len()), (3, 16));
}

#[test]
fn a_blended_class_is_a_weighted_mean_of_two_recordings_of_the_same_person() {
    let mut between = 0;
    for examples in classes(&mixed(0.0, 1.0)) {
        for example in examples {
            assert!(example[0] == example[1] && example[1] == example[2]);
            // A mean of two people would have another hundred in between.
            assert!(example[0] % 100.0 < 40.0, "{example:?}");
            between += usize::from(example[0].fract() != 0.0);
        }
    }
    assert!(between > 200, "{between}");
}

#[test]
fn shares_say_how_many_classes_are_mixed_and_other_splits_have_none() {
    let tasks = mixed(0.3, 0.2);
    let classes = classes(&tasks);
    let is_spliced = |examples: &&Vec<[f32; 3]>| examples[0].map(class)[0] != class(examples[0][2]);
    let spliced = classes.iter().filter(is_spliced).count();
    // 100 classes, of which 30 are spliced, a quarter of them with themselves.
    assert!((12..35).contains(&spliced), "{spliced}");
    for split in [Split::Validation, Split::Test] {
        let batch = draw(&tasks, split, 1, 1);
        decoded(50, &batch.support_x.values(), &batch.support_y, 2);
    }
}
