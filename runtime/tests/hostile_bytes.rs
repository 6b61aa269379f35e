//! More than a million broken artifacts and checkpoints. None panics, and what
//! is accepted as a model works as one.
//!
//! A change alone is found by the CRC-32. Most cases here are given a checksum
//! that is right again, so that they reach the model, its memory plan and a
//! whole life of a learner.

mod common;

use common::{Aligned, Net, Net8, Piece, Random, add, add_all, bits, random};
use mamlet_formats::Loss;
use mamlet_runtime::{
    Adaptation, Artifact, Learner, Model, ModelError, RestoreError, Rollback, golden,
};
use rand::RngExt;

const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

/// Where each file keeps its checksum.
const IN_ARTIFACT: usize = 28;
const IN_CHECKPOINT: usize = 36;

/// Makes the checksum at `at` right.
fn seal(bytes: &mut [u8], at: usize) {
    let mut digest = CRC.digest();
    let (Some(front), Some(back)) = (bytes.get(..at), bytes.get(at + 4..)) else {
        return;
    };
    digest.update(front);
    digest.update(back);
    let checksum = digest.finalize().to_le_bytes();
    bytes[at..at + 4].copy_from_slice(&checksum);
}

fn word(bytes: &[u8], at: usize) -> usize {
    let word = bytes[at..at + 4].try_into().expect("four bytes");
    u32::from_le_bytes(word) as usize
}

fn set_word(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Small artifacts of all kinds, with golden sections of any content.
fn corpus() -> Vec<Vec<u8>> {
    let mut random = random(11);
    let mut nets: Vec<Net> = (0..40).map(|_| Net::any(&mut random)).collect();
    nets.push(Net::new(1, vec![common::dense(&mut random, 1, 2)]));
    let golden = |net: &Net, random: &mut Random| {
        let outputs = net.outputs();
        let targets = if net.loss == Loss::CrossEntropy {
            1
        } else {
            outputs
        };
        let adapting = net
            .tensors()
            .filter(|(_, a)| *a)
            .map(|(v, _)| v.len())
            .sum();
        mamlet_formats::ArtifactWriter::golden(
            &mut net.writer(),
            mamlet_formats::GoldenValues {
                examples: 2,
                inputs: &common::values(random, 2 * net.inputs),
                targets: &vec![0.0; 2 * targets],
                outputs_before: &vec![0.5; 2 * outputs],
                losses: &[1.0; 3],
                outputs_after: &vec![0.5; 2 * outputs],
                gradients: &vec![0.1; adapting],
                adapted_crc32: 1,
            },
        )
        .to_bytes()
    };
    let with_golden = nets.iter().step_by(3);
    let with_golden: Vec<_> = with_golden.map(|net| golden(net, &mut random)).collect();
    let files = nets
        .iter()
        .map(|net| net.writer().to_bytes())
        .chain(with_golden);
    files
        .map(|bytes| bytes.expect("parts that agree"))
        .collect()
}

/// A number that breaks things.
fn odd_word(random: &mut Random) -> u32 {
    match random.random_range(0..10) {
        0 => 0,
        1 => u32::MAX,
        2 => 1 << random.random_range(0..32),
        3 => f32::NAN.to_bits(),
        4 => f32::INFINITY.to_bits(),
        5 => f32::NEG_INFINITY.to_bits(),
        6 => f32::MAX.to_bits(),
        7 => f32::MIN_POSITIVE.to_bits() / 2,
        8 => random.random_range(0..64),
        _ => random.random(),
    }
}

/// Changes one thing of an artifact, most often in its header.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    let header = 32..(32 + word(bytes, 12)).min(bytes.len());
    if header.is_empty() || bytes.len() < 40 {
        bytes.resize(64, random.random());
        return;
    }
    let in_header = random.random_range(header.clone());
    match random.random_range(0..12) {
        0..=2 => bytes[in_header] = random.random(),
        3 => bytes[in_header] = bytes[in_header].wrapping_add(1),
        4 => bytes[in_header] = bytes[in_header].wrapping_sub(1),
        5 => bytes[in_header] ^= 1 << random.random_range(0..8),
        6 => bytes[in_header] = random.random_range(0..8),
        7 => {
            // A varint of a large number instead of a byte; the end moves.
            let mut number = odd_word(random);
            let mut varint = Vec::new();
            while number > 127 {
                varint.push(number as u8 | 0x80);
                number >>= 7;
            }
            varint.push(number as u8);
            let behind = in_header + 1;
            let after = (behind + varint.len() - 1).min(header.end);
            bytes.copy_within(behind..header.end - (after - behind), after);
            let fitting = varint.len().min(header.end - in_header);
            bytes[in_header..in_header + fitting].copy_from_slice(&varint[..fitting]);
        }
        8 => {
            // A stretch of the header again, somewhere else.
            let from = random.random_range(header.clone());
            let length = random.random_range(0..16);
            let length = length.min(header.end - from).min(header.end - in_header);
            bytes.copy_within(from..from + length, in_header);
        }
        9 | 10 if bytes.len() > header.end => {
            // A number in the tensors or golden vectors.
            let at = random.random_range(header.end / 4..bytes.len() / 4) * 4;
            set_word(bytes, at, odd_word(random));
        }
        _ => {
            // Sections that end elsewhere, with lengths that add up or not.
            let (from, to) = (random.random_range(0..3), random.random_range(0..3));
            let moved = 4 * random.random_range(0..8u32);
            let (from, to) = (12 + 4 * from, 12 + 4 * to);
            let less = (word(bytes, from) as u32).wrapping_sub(moved);
            set_word(bytes, from, less);
            let more = (word(bytes, to) as u32).wrapping_add(moved);
            set_word(bytes, to, more);
        }
    }
}

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
    let mut model = Net8::default();
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
    let needed = model.memory(examples, rollback).total() / 4;
    let Some(memory) = memory.get_mut(..needed) else {
        return;
    };
    if loaded.is_ok() {
        reached.learners += 1;
    }
    let input = vec![0.25; model.inputs().min(MEMORY)];
    let target = vec![0.5; model.outputs().min(MEMORY)];
    let mut workspace = vec![0.0; model.prediction_memory() / 4];
    let prediction = model.predict(&input, &mut workspace);
    if loaded.is_ok() {
        assert_eq!(prediction.map(<[f32]>::len), Ok(model.outputs()));
    }
    let mut learner = Learner::new(&model, examples, rollback, memory).expect("enough memory");
    if let Ok(Some(golden)) = artifact.golden()
        && golden.sizes.examples <= 3
    {
        let _ = golden::verify(&artifact, &mut learner);
    }
    for _ in 0..examples {
        let class = vec![(target.len() / 2) as f32];
        let target = if model.loss() == Loss::CrossEntropy {
            &class
        } else {
            &target
        };
        let added = add(&mut learner, model.loss(), &(input.clone(), target.clone()));
        assert!(added.is_ok() || loaded.is_err());
    }
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
    let _ = learner.predict(&input).map(<[f32]>::len);
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
    assert!(reached.models > 250_000, "{reached:?}");
    assert!(reached.learners > 250_000, "{reached:?}");
    assert!(reached.adapted > 200_000, "{reached:?}");
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
    let model = Net8::new(&artifact).expect("a sound network");
    let mut memory = vec![0.0; model.memory(2, Rollback::ToCommitted).total() / 4];
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
            assert_eq!(Net8::new(&artifact).map(|_| ()), Err(ModelError::Unaligned));
        }
    }
}
