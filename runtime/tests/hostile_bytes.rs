//! More than a million broken artifacts and checkpoints. None panics, and what
//! is accepted as a model works as one.
//!
//! A change alone is found by the CRC-32. Most cases here are given a checksum
//! that is right again, so that they reach the model, its memory plan and a
//! whole session of a learner.
#![cfg(all(
    feature = "convolution",
    feature = "normalisation",
    feature = "integer",
    feature = "policy"
))]

mod common;

use common::hostile::{IN_ARTIFACT, IN_CHECKPOINT, corpus, mutate, odd_word, seal, set_word};
use common::{Aligned, AnyModel, Net, Piece, add, add_all, bits, random};
use mamlet_formats::Loss;
use mamlet_runtime::{
    Adaptation, Artifact, Learner, LearnerError, Model, ModelError, RestoreError, Rollback, Setup,
    golden,
};
use rand::RngExt;

/// How far cases came.
#[derive(Debug, Default)]
struct Reached {
    cases: usize,
    artifacts: usize,
    models: usize,
    learners: usize,
    adapted: usize,
}

/// The tests' memory for a learner. Models that ask for more are planned only.
const MEMORY: usize = 64 * 1024 / 4;

/// All that can be done with an artifact's bytes.
fn live(file: &Aligned, memory: &mut [f32], reached: &mut Reached) {
    reached.cases += 1;
    let Ok(artifact) = Artifact::parse(file.bytes()) else {
        return;
    };
    reached.artifacts += 1;
    let _ = artifact.description().map(|d| d.output_names().count());
    let mut model = AnyModel::default();
    let loaded = model.load(&artifact);
    let small = Model::<2>::new(&artifact).map(|_| ());
    match loaded {
        Ok(()) => reached.models += 1,
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    // A model of fewer layers finds the same, unless it finds too many.
    match small {
        Err(ModelError::TooManyLayers { capacity: 2, .. }) => {}
        small => assert_eq!(small, loaded),
    }
    let rollback = match reached.cases % 2 {
        0 => Rollback::ToInitialisation,
        _ => Rollback::ToCommitted,
    };
    for examples in [0, 1, 1000, usize::MAX] {
        let total = model.memory(examples, rollback).total();
        assert!(total >= model.prediction_memory());
        let _ = model.cost().adaptation_at_most(examples, usize::MAX);
    }
    // A model that was refused is of no use, and as harmless.
    let examples = 3;
    let mut setup = Setup::new(examples).rollback(rollback).queries(2);
    if reached.cases.is_multiple_of(3) {
        setup = setup.one_by_one();
    }
    let needed = model.memory_for(setup).total().len();
    let Some(memory) = memory.get_mut(..needed) else {
        return;
    };
    // A pool may make little of an input that no memory holds.
    if model.inputs() > MEMORY {
        return;
    }
    if loaded.is_ok() {
        reached.learners += 1;
    }
    let input = vec![0.25; model.inputs()];
    let target = vec![0.5; model.outputs().min(MEMORY)];
    let mut workspace = vec![0.0; model.prediction_memory().len()];
    let prediction = model.predict(&input, &mut workspace);
    if loaded.is_ok() {
        assert_eq!(prediction.map(<[f32]>::len), Ok(model.outputs()));
    }
    let mut learner = match Learner::with(&model, setup, memory) {
        Ok(learner) => learner,
        Err(LearnerError::BatchNorm) if reached.cases.is_multiple_of(3) => return,
        Err(error) => panic!("enough memory: {error}"),
    };
    if let Ok(Some(golden)) = artifact.golden()
        && golden.sizes.examples <= 3
    {
        let _ = golden::verify(&artifact, &mut learner);
    }
    let outputs = target.len();
    let middle = (outputs / 2) as f32;
    let target = match model.loss() {
        Loss::CrossEntropy => vec![middle],
        Loss::CategoricalPolicy => vec![middle, 0.5],
        Loss::GaussianPolicy => vec![0.5; outputs / 2 + 1],
        _ => target,
    };
    let example = (input, target);
    for _ in 0..examples {
        let added = add(&mut learner, model.loss(), &example);
        assert!(added.is_ok() || loaded.is_err(), "{added:?}");
    }
    let input = &example.0;
    let _ = learner.gradient().map(|(_, gradient)| gradient.len());
    let short = Adaptation {
        steps: Some(model.steps().min(3)),
        rate: None,
    };
    if let Ok(report) = learner.adapt_with(short)
        && learner.is_adapted()
    {
        reached.adapted += 1;
        assert!(report.loss_after() <= report.loss_before());
        let weights = learner.weights().unwrap_or_default();
        assert!(weights.iter().all(|weight| weight.is_finite()));
        let mut checkpoint = vec![0; learner.checkpoint_size()];
        assert_eq!(learner.save(&mut checkpoint), Ok(checkpoint.len()));
        learner.discard();
        assert_eq!(learner.restore(&checkpoint), Ok(()));
    }
    let _ = learner.predict(input).map(<[f32]>::len);
    let mut pair = vec![0.0; 2 * outputs];
    let predicted = learner.predict_batch(&[&input[..], &input[..]].concat(), &mut pair);
    assert!(predicted.is_ok() || loaded.is_err(), "{predicted:?}");
}

#[test]
fn arbitrary_cut_and_flipped_bytes_are_refused() {
    let mut random = random(1);
    let corpus = corpus();
    let (mut file, mut memory) = (Aligned::new(&[]), vec![0.0; MEMORY]);
    let mut reached = Reached::default();
    for case in 0..300_000 {
        let mut bytes = corpus[case % corpus.len()].clone();
        match case % 3 {
            0 => {
                let length = random.random_range(0..400);
                bytes.resize(length, 0);
                let kept = if random.random() { length.min(32) } else { 0 };
                random.fill(&mut bytes[kept..]);
            }
            1 => bytes.truncate(random.random_range(0..bytes.len())),
            _ => {
                let bit = random.random_range(0..8 * bytes.len());
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
        file.set(&bytes);
        live(&file, &mut memory, &mut reached);
    }
    assert_eq!((reached.cases, reached.artifacts), (300_000, 0));
}

#[test]
fn changed_artifacts_with_the_right_checksum_never_panic() {
    let mut random = random(2);
    let corpus = corpus();
    let (mut file, mut memory) = (Aligned::new(&[]), vec![0.0; MEMORY]);
    let mut reached = Reached::default();
    for case in 0..1_200_000 {
        let mut bytes = corpus[case % corpus.len()].clone();
        for _ in 0..1 + case % 3 {
            mutate(&mut bytes, &mut random);
        }
        if random.random_ratio(1, 20) {
            bytes.truncate(random.random_range(0..bytes.len()));
        }
        seal(&mut bytes, IN_ARTIFACT);
        file.set(&bytes);
        live(&file, &mut memory, &mut reached);
    }
    // Otherwise the cases would test the checksum only.
    assert!(reached.artifacts > 400_000, "{reached:?}");
    assert!(reached.models > 200_000, "{reached:?}");
    assert!(reached.learners > 200_000, "{reached:?}");
    assert!(reached.adapted > 180_000, "{reached:?}");
}

#[test]
fn changed_checkpoints_never_panic_and_never_leave_bad_weights() {
    let mut random = random(3);
    let net = Net::new(
        2,
        vec![
            common::dense(&mut random, 2, 3),
            Piece::Context((vec![0.5; 3], true)),
        ],
    );
    let file = net.file();
    let artifact = file.artifact();
    let model = AnyModel::new(&artifact).expect("a sound network");
    let mut memory = vec![0.0; model.memory(2, Rollback::ToCommitted).total().len()];
    let mut learner = Learner::new(&model, 2, Rollback::ToCommitted, &mut memory).expect("enough");
    let examples = net.examples(&mut random, 2);
    add_all(&mut learner, &net, &examples);
    assert!(learner.adapt().is_ok_and(|report| report.steps() > 0));
    let mut good = vec![0; learner.checkpoint_size()];
    assert_eq!(learner.save(&mut good), Ok(good.len()));

    let (mut accepted, mut not_finite, mut refused) = (0, 0, 0);
    for case in 0..300_000 {
        let mut bytes = good.clone();
        for _ in 0..1 + case % 3 {
            match random.random_range(0..5) {
                0 => {
                    let at = random.random_range(0..bytes.len());
                    bytes[at] = random.random();
                }
                1 => {
                    let at = random.random_range(2..bytes.len() / 4) * 4;
                    set_word(&mut bytes, at, odd_word(&mut random));
                }
                2 => {
                    let at = random.random_range(10..bytes.len() / 4) * 4;
                    set_word(&mut bytes, at, odd_word(&mut random));
                }
                3 => {
                    let bit = random.random_range(0..8 * bytes.len());
                    bytes[bit / 8] ^= 1 << (bit % 8);
                }
                _ => {
                    let length = random.random_range(44..80) & !3;
                    bytes.resize(length, 0);
                    set_word(&mut bytes, 20, (length as u32 - 40) / 4);
                }
            }
        }
        if random.random_ratio(1, 10) {
            bytes.truncate(random.random_range(0..bytes.len()));
        }
        if !random.random_ratio(1, 10) {
            seal(&mut bytes, IN_CHECKPOINT);
        }
        let before = learner.weights().map(bits);
        match learner.restore(&bytes) {
            Ok(()) => {
                accepted += 1;
                let weights = learner.weights().expect("restored weights");
                assert!(weights.iter().all(|weight| weight.is_finite()));
            }
            Err(error) => {
                match error {
                    RestoreError::NotFinite => not_finite += 1,
                    _ => refused += 1,
                }
                assert_eq!(learner.weights().map(bits), before);
            }
        }
        let output = learner.predict(&[0.5, -0.5]).expect("the right length");
        assert_eq!(output.len(), net.outputs());
    }
    assert!(
        accepted > 30_000 && not_finite > 10_000 && refused > 30_000,
        "{accepted} {not_finite} {refused}"
    );
}

/// An artifact that is not aligned cannot be read in place, and says so.
#[test]
fn unaligned_artifacts_are_refused() {
    for artifact in corpus() {
        for shift in 1..4 {
            let shifted = Aligned::new(&[&vec![0; shift][..], &artifact].concat());
            let artifact = Artifact::parse(&shifted.bytes()[shift..]).expect("structure is right");
            assert_eq!(
                AnyModel::new(&artifact).map(|_| ()),
                Err(ModelError::Unaligned)
            );
        }
    }
}
