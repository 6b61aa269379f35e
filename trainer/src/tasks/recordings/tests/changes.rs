//! Changes of training examples, and classes that are made of others.

use super::*;

#[test]
fn changes_are_true_to_sensors_and_for_training_alone() {
    let frames = [([0, 1, 2], false)];
    let example: Vec<f32> = (0..40 * 4).map(|i| (i as f32 * 0.7).sin()).collect();
    let changed = |augment: &SensorAugment, index: u64| {
        let mut rng = generator(5, Stream::Recordings, index);
        let mount = SensorAugment::rotation(&mut rng, augment.mount);
        let mut changed = example.clone();
        augment.apply(&mut rng, (&frames, mount), &[1.0; 4], &mut changed);
        changed
    };
    let none = SensorAugment::default();
    assert_eq!(changed(&none, 0), example);
    let length = |sample: &[f32]| sample[..3].iter().map(|a| a * a).sum::<f32>().sqrt();
    for turned in [
        SensorAugment {
            rotate: 90.0,
            ..none.clone()
        },
        SensorAugment {
            mount: 90.0,
            ..none.clone()
        },
    ] {
        let result = changed(&turned, 0);
        for (a, b) in example.chunks(4).zip(result.chunks(4)) {
            assert!((length(a) - length(b)).abs() < 1e-5);
            assert!((a[0] - b[0]).abs() > 1e-4 || length(a) < 1e-3);
            assert_eq!(a[3], b[3], "no axis of a frame");
        }
    }
    // A line stays in order however it is warped, and ends where it was.
    let line: Vec<f32> = (0..100).map(|i| i as f32).collect();
    for index in 0..50 {
        let mut rng = generator(6, Stream::Recordings, index);
        let warp = SensorAugment {
            warp: 0.9,
            ..none.clone()
        };
        let mut warped = line.clone();
        warp.apply(&mut rng, (&[], None), &[1.0], &mut warped);
        assert!(
            warped.windows(2).all(|pair| pair[0] < pair[1]),
            "{warped:?}"
        );
        assert!(warped[0].abs() < 1e-3 && (warped[99] - 99.0).abs() < 1e-3);
    }
    let lost = changed(
        &SensorAugment {
            drop: 0.5,
            ..none.clone()
        },
        0,
    );
    let lost = lost.chunks(4).collect::<Vec<_>>();
    let repeated = lost.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert!((8..32).contains(&repeated), "{repeated}");
    let louder = changed(
        &SensorAugment {
            scale: 0.5,
            ..none.clone()
        },
        0,
    );
    let factor = louder[1] / example[1];
    assert!(
        (factor - 1.0).abs() < 0.5
            && louder
                .iter()
                .zip(&example)
                .all(|(a, b)| (a - factor * b).abs() < 1e-5)
    );
    let noisy = changed(
        &SensorAugment {
            noise: 0.1,
            ..none.clone()
        },
        0,
    );
    let noise: Vec<f32> = noisy.iter().zip(&example).map(|(a, b)| a - b).collect();
    let (_, sigma) = signal::moments([&noise[..]].into_iter(), 1);
    assert!((sigma[0] - 0.1).abs() < 0.02, "{sigma:?}");

    let fixture = fixture();
    let config = Recorded {
        augment: Some(SensorAugment { noise: 1.0, ..none }),
        ..recorded(fixture.path(), RecordedTask::NewUser)
    };
    let (plain, noisy) = (
        Recorded {
            augment: None,
            ..config.clone()
        },
        config,
    );
    let [plain, noisy] = [plain, noisy].map(|config| config.open().unwrap());
    let both = |split| [&plain, &noisy].map(|tasks| draw(tasks, split, 1, 1));
    let [a, b] = both(Split::Test);
    assert_eq!(a, b);
    let [a, b] = both(Split::Train);
    assert!(a != b && a.support_y == b.support_y);
}

/// `ω × v` of a rate of turn and a velocity is a velocity, so a mirror and a turn
/// must change the three of them in step.
#[test]
fn derived_movements_obey_mechanics() {
    let frames = [([0, 1, 2], false), ([3, 4, 5], true), ([6, 7, 8], false)];
    let vectors: Vec<f32> = (0..6).map(|i| (1.7 * i as f32).sin() + 0.1).collect();
    let cross = |a: &[f32], v: &[f32]| {
        [
            a[1] * v[2] - a[2] * v[1],
            a[2] * v[0] - a[0] * v[2],
            a[0] * v[1] - a[1] * v[0],
        ]
    };
    let example = [&vectors[..], &cross(&vectors[3..], &vectors)].concat();
    let changed = |derived: Derived, times: usize| {
        let mut example = example.clone();
        (0..times).for_each(|_| derived.apply(&frames, 9, &mut example));
        example
    };
    use Derived::*;
    for (derived, order) in [
        (MirrorX, 2),
        (MirrorY, 2),
        (MirrorZ, 2),
        (QuarterX, 4),
        (QuarterY, 4),
        (QuarterZ, 4),
    ] {
        let once = changed(derived, 1);
        let expected = cross(&once[3..6], &once[..3]);
        for (a, b) in expected.iter().zip(&once[6..]) {
            assert!((a - b).abs() < 1e-6, "{derived:?}");
        }
        assert_ne!(changed(derived, order / 2), example);
        assert_eq!(changed(derived, order), example);
    }
    // Two samples of an acceleration and a rate of turn.
    let mut two = vec![
        1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -1.0, -2.0, -3.0, -4.0, -5.0, -6.0,
    ];
    Reversed.apply(&frames[..2], 6, &mut two);
    let backwards = [
        -1.0, -2.0, -3.0, 4.0, 5.0, 6.0, 1.0, 2.0, 3.0, -4.0, -5.0, -6.0,
    ];
    assert_eq!(two, backwards);
}

#[test]
fn further_classes_are_for_training_alone() {
    let fixture = fixture();
    let augment = SensorAugment {
        classes: vec![Derived::Reversed],
        ..SensorAugment::default()
    };
    let config = Recorded {
        ways: 8,
        augment: Some(augment),
        ..recorded(fixture.path(), RecordedTask::NewUser)
    };
    let tasks = config.open().unwrap();
    let count = |split| tasks.class_count(split);
    assert_eq!(Split::ALL.map(count), [Some(8), Some(4), Some(4)]);
    assert!(tasks.check(Split::Train, 1, 1).is_ok());
    assert!(tasks.check(Split::Test, 1, 1).is_err());
    let batch = draw(&tasks, Split::Train, 1, 1);
    let values = batch.support_x.values();
    for task in values.chunks(8 * 6) {
        // The second channel is the row, or the row from the end.
        let backwards = task.chunks(6).filter(|example| example[1] == 2.0).count();
        assert_eq!(backwards, 4);
    }
}
