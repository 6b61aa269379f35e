use std::collections::HashSet;

use super::*;
use crate::data::Normalise;
use crate::data::tests::{Fixture, pixels};

/// Tasks of nine characters with five drawings each, three in each split.
fn tasks(fixture: &Fixture, ways: usize, rotations: Rotations) -> ImageTasks {
    let source = crate::data::omniglot(fixture.path()).unwrap();
    let bank = Bank::open(&source, pixels(7), Normalise::Unit).unwrap();
    let splits = [vec![0, 2, 4], vec![1, 3, 5], vec![6, 7, 8]];
    ImageTasks::new(bank, ways, rotations, splits).unwrap()
}

fn picks(examples: &Examples) -> &[Pick] {
    match examples {
        Examples::Images { picks, .. } => picks,
        _ => panic!("no images"),
    }
}

fn draw(tasks: &ImageTasks, shots: usize, queries: usize) -> TaskBatch {
    tasks.draw(
        Split::Train,
        &mut generator(1, Stream::Train, 0),
        40,
        shots,
        queries,
    )
}

#[test]
fn a_task_has_different_classes_of_its_split_and_different_images() {
    let fixture = Fixture::omniglot(9, 5);
    for rotations in [Rotations::None, Rotations::Drawn, Rotations::Classes] {
        let batch = draw(&tasks(&fixture, 3, rotations), 2, 3);
        let examples = |x: &Examples, y: &[f32]| -> Vec<(Pick, usize)> {
            let labels = y.chunks_exact(3).map(|row| {
                assert_eq!(row.iter().sum::<f32>(), 1.0);
                row.iter().position(|&value| value == 1.0).unwrap()
            });
            picks(x).iter().copied().zip(labels).collect()
        };
        let support = examples(&batch.support_x, &batch.support_y);
        let query = examples(&batch.query_x, &batch.query_y);
        let mut turned = HashSet::new();
        for (support, query) in support.chunks(2 * 3).zip(query.chunks(3 * 3)) {
            let mut classes = HashSet::new();
            let mut seen = HashSet::new();
            for (pick, label) in support.iter().chain(query) {
                let character = pick.image / 5;
                assert!([0, 2, 4].contains(&character), "another split's");
                classes.insert((character, pick.quarter_turns, *label));
                assert!(
                    seen.insert((pick.image, pick.quarter_turns)),
                    "an image twice"
                );
                turned.insert(pick.quarter_turns);
                assert_eq!(pick.distortion, None);
            }
            assert_eq!(classes.len(), 3, "as many classes as labels");
            let kinds: HashSet<_> = classes.iter().map(|(c, turns, _)| (c, turns)).collect();
            assert_eq!(kinds.len(), 3);
            if rotations != Rotations::Classes {
                let characters: HashSet<_> = classes.iter().map(|(c, ..)| c).collect();
                assert_eq!(characters.len(), 3);
            }
        }
        let expected = if rotations == Rotations::None { 1 } else { 4 };
        assert_eq!(turned.len(), expected);
    }
}

#[test]
fn fewer_shots_or_queries_are_the_first_of_more() {
    let fixture = Fixture::omniglot(9, 5);
    let tasks = tasks(&fixture, 3, Rotations::Drawn);
    let (few, many) = (draw(&tasks, 1, 1), draw(&tasks, 3, 2));
    assert_eq!(many.first_support_examples(3).support_x, few.support_x);
    let first_queries = |batch: &TaskBatch, of: usize| -> Vec<Pick> {
        let parts = picks(&batch.query_x).chunks(of);
        parts.flat_map(|part| part[..3].to_vec()).collect()
    };
    assert_eq!(first_queries(&many, 6), first_queries(&few, 3));
}

#[test]
fn training_images_alone_are_distorted_each_in_its_own_way() {
    let fixture = Fixture::omniglot(9, 5);
    let augment = Augment {
        rotate: 10.0,
        ..Augment::default()
    };
    let plain = tasks(&fixture, 2, Rotations::Classes);
    let augmented = plain.clone().augmented(Some(augment));
    let distorted = draw(&augmented, 1, 2);
    let all = [&distorted.support_x, &distorted.query_x]
        .map(picks)
        .concat();
    let drawn: Vec<_> = all.iter().filter_map(|pick| pick.distortion).collect();
    assert_eq!(drawn.len(), all.len());
    assert!((1..drawn.len()).all(|at| drawn[at] != drawn[at - 1]));
    // The same images otherwise.
    for (plain, distorted) in [
        (draw(&plain, 1, 2).support_x, distorted.support_x),
        (draw(&plain, 1, 2).query_x, distorted.query_x),
    ] {
        let mut undone = picks(&distorted).to_vec();
        undone.iter_mut().for_each(|pick| pick.distortion = None);
        assert_eq!(undone, picks(&plain));
    }
    let rng = || generator(2, Stream::Test, 0);
    for split in [Split::Validation, Split::Test] {
        let [a, b] = [&plain, &augmented].map(|tasks| tasks.draw(split, &mut rng(), 4, 1, 1));
        assert_eq!(a, b);
    }
}

#[test]
fn a_class_is_distorted_as_a_whole_in_training() {
    let fixture = Fixture::omniglot(9, 5);
    let classes = Augment {
        mirror: 0.5,
        scale: 0.2,
        ..Augment::default()
    };
    let images = Augment {
        shift: 2.0,
        ..Augment::default()
    };
    let plain = tasks(&fixture, 2, Rotations::Drawn);
    let whole = plain.clone().with_augmented_classes(Some(classes));
    let batch = draw(&whole, 2, 3);
    let (support, query) = (picks(&batch.support_x), picks(&batch.query_x));
    let mut seen = HashSet::new();
    for (support, query) in support.chunks(2 * 2).zip(query.chunks(3 * 2)) {
        let of_task = [support, query].concat();
        for of_class in [0, 1] {
            let mut own = of_task.iter().skip(of_class).step_by(2);
            let first = own.next().unwrap().distortion.unwrap();
            assert!(own.all(|pick| pick.distortion == Some(first)));
            seen.insert(format!("{first:?}"));
        }
    }
    assert_eq!(seen.len(), 2 * 40, "a draw for each class of each task");
    // Each image is distorted in its own way after its class.
    let both = whole.clone().augmented(Some(images));
    let alone = plain.clone().augmented(Some(images));
    let [both, alone, whole_x] = [&both, &alone, &whole].map(|tasks| draw(tasks, 2, 3).support_x);
    for ((both, image), class) in picks(&both).iter().zip(picks(&alone)).zip(picks(&whole_x)) {
        let expected = class.distortion.unwrap().then(image.distortion.unwrap());
        assert_eq!(both.distortion, Some(expected));
    }
    for split in [Split::Validation, Split::Test] {
        let rng = || generator(2, Stream::Test, 0);
        let [a, b] = [&plain, &whole].map(|tasks| tasks.draw(split, &mut rng(), 4, 1, 1));
        assert_eq!(a, b);
    }
}

#[test]
fn too_few_classes_and_images_are_told_with_their_numbers() {
    let fixture = Fixture::omniglot(9, 5);
    let three = tasks(&fixture, 2, Rotations::Classes);
    let error = three.check(Split::Train, 3, 3).unwrap_err().to_string();
    assert!(error.contains("has 5 images, but 6 are needed"), "{error}");
    assert_eq!(three.check(Split::Train, 3, 2), Ok(()));
    let (bank, splits) = (three.bank.clone(), [vec![0, 1], vec![2, 3], vec![4]]);
    let few = ImageTasks::new(bank, 2, Rotations::None, splits).unwrap();
    assert_eq!(few.check(Split::Validation, 1, 1), Ok(()));
    let error = few.check(Split::Test, 1, 1).unwrap_err();
    let expected = "the test split has 1 class, but a task needs 2, by tasks.ways";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn origins_name_the_class_of_every_query() {
    let fixture = Fixture::omniglot(9, 5);
    let tasks = tasks(&fixture, 3, Rotations::Drawn);
    let batch = draw(&tasks, 2, 3).tasks(5..9);
    let origins = batch.origins.unwrap();
    let names: Vec<&str> = tasks
        .bank()
        .classes()
        .iter()
        .map(|class| &class.name[..])
        .collect();
    assert_eq!(origins.queries.len(), picks(&batch.query_x).len());
    for (origin, pick) in origins.queries.iter().zip(picks(&batch.query_x)) {
        assert_eq!(origin.user, None);
        let class = origin.class.unwrap() as usize;
        assert_eq!(origins.classes[class], names[pick.image as usize / 5]);
    }
}

#[test]
fn every_shot_of_a_mirrored_support_set_is_followed_by_its_mirror_images() {
    let fixture = Fixture::omniglot(9, 5);
    let plain = tasks(&fixture, 3, Rotations::None).augmented(Some(Augment {
        shift: 2.0,
        scale: 0.1,
        ..Augment::default()
    }));
    let mirrored = plain.clone().with_mirrored_support(true);
    assert_eq!([1, 2].map(|shots| plain.support_size(shots)), [3, 6]);
    assert_eq!([1, 2].map(|shots| mirrored.support_size(shots)), [6, 12]);
    let (once, twice) = (draw(&plain, 2, 1), draw(&mirrored, 2, 1));
    assert_eq!(once.query_x, twice.query_x);
    assert_eq!(twice.support_examples(), 12);
    let (seen, targets) = (twice.support_x.values(), &twice.support_y);
    let images: Vec<&[f32]> = seen.chunks_exact(49).collect();
    let labels: Vec<&[f32]> = targets.chunks_exact(3).collect();
    let (mut shown, mut taught) = (Vec::new(), Vec::new());
    for shot in (0..images.len()).step_by(6) {
        for at in shot..shot + 3 {
            let mirrored = |pixel: usize| images[at][pixel / 7 * 7 + 6 - pixel % 7];
            for (pixel, value) in images[at + 3].iter().enumerate() {
                assert!((value - mirrored(pixel)).abs() < 1e-6);
            }
            assert_eq!(labels[at + 3], labels[at]);
            shown.extend_from_slice(images[at]);
            taught.extend_from_slice(labels[at]);
        }
    }
    assert_eq!(shown, *once.support_x.values());
    assert_eq!(taught, once.support_y);
    // Fewer shots are the first of more, with their mirror images.
    let kept = twice.first_support_examples(mirrored.support_size(1));
    assert_eq!(kept.support_x, draw(&mirrored, 1, 1).support_x);
}
