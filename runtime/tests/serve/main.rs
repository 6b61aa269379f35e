//! A board that is taught over a line: what it answers is what a learner says
//! that is taught directly, and nothing that arrives is a panic.

mod line;

use line::{ARTIFACT, HELLO, SETUP, Shelf, bytes, directly, frame, serving};
use mamlet_formats::checkpoint::{PREFIX, Prefix};
use mamlet_formats::protocol::{Answer, MAJOR, MINOR, Outcome, Refusal, Request, Stored};
use mamlet_runtime::serve::{NoStorage, Server};
use mamlet_runtime::{Artifact, LearnerError, Model, weights_crc32};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[test]
fn a_taught_device_is_the_learner() {
    let (losses, weights, y) = directly();
    serving(NoStorage, |line| {
        assert_eq!(line.about(), (1, 4));
        line.teach();
        assert_eq!(line.adapt(), losses);
        assert_eq!(
            line.weights(),
            (weights.clone(), Some(weights_crc32(&weights)))
        );
        let values = &bytes(&[1.5]);
        line.expect(
            Request::Write { from: 0, values },
            Answer::Done { examples: 3 },
        );
        for (from, output) in [(0, &[y][..]), (1, &[]), (u32::MAX, &[])] {
            let values = &bytes(output);
            line.expect(
                Request::Predict { from },
                Answer::Values { total: 1, values },
            );
        }
        line.expect(
            Request::Report,
            Answer::Report {
                outcome: Outcome::Adapted,
                losses: &bytes(&losses),
            },
        );
        line.ask(Request::Statistics, |answer| {
            let Answer::Statistics(statistics) = answer else {
                panic!("{answer:?}")
            };
            assert_eq!((statistics.added, statistics.examples), (3, 3));
            assert_eq!((statistics.predictions, statistics.adaptations), (1, 1));
            assert_eq!(statistics.memory.weights, 8);
        });
        line.expect(Request::Clear, Answer::Done { examples: 0 });
        line.expect(
            Request::Reset { stored: false },
            Answer::Done { examples: 0 },
        );
        assert_eq!(line.weights(), (vec![], None));
    });
}

#[test]
fn what_cannot_be_done_is_refused() {
    serving(NoStorage, |line| {
        line.refuses(Request::Add, Refusal::NoSession);
        let hello = Request::Hello { major: 2, minor: 0 };
        line.refuses(
            hello,
            Refusal::Version {
                major: MAJOR,
                minor: MINOR,
            },
        );
        line.refuses(Request::Clear, Refusal::NoSession);
        line.about();
        let incomplete = |needed, given| Refusal::Incomplete { needed, given };
        line.refuses(Request::Add, incomplete(2, 0));
        line.refuses(Request::Predict { from: 0 }, incomplete(1, 0));
        let values = &bytes(&[1.0, 2.0, 3.0]);
        let length = |given| Refusal::Length { capacity: 2, given };
        line.refuses(Request::Write { from: 0, values }, length(3));
        line.refuses(
            Request::Write {
                from: 0,
                values: &values[..5],
            },
            length(1),
        );
        let order = Refusal::Order {
            expected: 0,
            given: 1,
        };
        line.refuses(
            Request::Write {
                from: 1,
                values: &values[..4],
            },
            order,
        );
        let done = Answer::Done { examples: 0 };
        line.expect(
            Request::Write {
                from: 0,
                values: &values[..4],
            },
            done,
        );
        line.refuses(Request::Add, incomplete(2, 1));
        let values = &bytes(&[f32::NAN]);
        line.expect(Request::Write { from: 1, values }, done);
        line.refuses(Request::Add, Refusal::NotFinite);
        line.expect(Request::Write { from: 0, values }, done);
        line.refuses(Request::Predict { from: 0 }, Refusal::NotFinite);
        let adapt = |steps, rate| Request::Adapt { steps, rate };
        line.refuses(adapt(None, None), Refusal::NoExamples);
        line.refuses(adapt(Some(0), None), Refusal::Steps { allowed: 20 });
        line.refuses(adapt(Some(u32::MAX), None), Refusal::Steps { allowed: 20 });
        line.refuses(adapt(None, Some(f32::NAN)), Refusal::NotFinite);
        line.refuses(Request::Report, Refusal::NoReport);
        line.refuses(Request::Checkpoint, Refusal::NotAdapted);
        line.refuses(Request::Weights { from: 0 }, Refusal::NotAdapted);
        line.refuses(Request::Save, Refusal::NoStorage);
        line.refuses(Request::Restore, Refusal::NoStorage);
        line.refuses(Request::Reset { stored: true }, Refusal::NoStorage);
        line.refuses(Request::Take { prefix: &[] }, Refusal::Checkpoint);
        line.teach();
        let values = &bytes(&[3.0, 7.0]);
        line.expect(
            Request::Write { from: 0, values },
            Answer::Done { examples: 3 },
        );
        line.expect(Request::Add, Answer::Done { examples: 4 });
        line.expect(
            Request::Write { from: 0, values },
            Answer::Done { examples: 4 },
        );
        line.refuses(Request::Add, Refusal::Full { capacity: 4 });
    });
}

/// An answer that is lost is asked for again, and nothing is done twice.
#[test]
fn the_same_frame_is_answered_again_and_done_once() {
    serving(NoStorage, |line| {
        line.about();
        let values = &bytes(&[1.0, 2.0]);
        let write = frame(100, &Request::Write { from: 0, values });
        let add = frame(101, &Request::Add);
        let first = line.send(&write);
        assert_eq!(line.send(&write), first);
        let first = line.send(&add);
        for _ in 0..3 {
            // Torn and changed frames stand between.
            assert_eq!(line.send(&add[2..]), []);
            assert_eq!(line.send(&add), first);
        }
        line.ask(Request::Statistics, |answer| {
            let Answer::Statistics(statistics) = answer else {
                panic!("{answer:?}")
            };
            assert_eq!((statistics.examples, statistics.added), (1, 1));
            assert_eq!((statistics.repeated, statistics.damaged), (4, 3));
        });
        // A new host begins with the same number.
        let hello = frame(1, &HELLO);
        assert_eq!(line.send(&hello), line.send(&hello));
        line.ask(Request::Statistics, |answer| {
            assert!(matches!(answer, Answer::Statistics(s) if s.repeated == 4));
        });
    });
}

/// Weights go to the host and to another board, whole or not at all.
#[test]
fn a_checkpoint_goes_from_device_to_device() {
    let (prefix, weights) = serving(NoStorage, |line| {
        line.about();
        line.teach();
        line.adapt();
        let prefix = line.ask(Request::Checkpoint, |answer| match answer {
            Answer::Checkpoint { prefix } => prefix.to_vec(),
            other => panic!("{other:?}"),
        });
        (prefix, line.weights().0)
    });
    let prefix: [u8; PREFIX] = prefix.try_into().expect("a prefix");
    let values = &bytes(&weights);
    serving(NoStorage, |line| {
        line.about();
        let done = Answer::Done { examples: 0 };
        let write = |from, values| Request::WriteWeights { from, values };
        line.refuses(
            Request::Take { prefix: &prefix },
            Refusal::Incomplete {
                needed: 2,
                given: 0,
            },
        );
        let values: &[u8] = values;
        line.expect(write(0, &values[..4]), done);
        line.refuses(
            write(2, &values[4..]),
            Refusal::Order {
                expected: 1,
                given: 2,
            },
        );
        line.refuses(
            write(1, values),
            Refusal::Length {
                capacity: 2,
                given: 3,
            },
        );
        line.expect(write(1, &values[4..]), done);
        let mut other = Prefix::parse(&prefix).expect("readable");
        other.steps += 1;
        let other = other.encode();
        line.refuses(Request::Take { prefix: &other }, Refusal::Checkpoint);
        let mut other = Prefix::parse(&prefix).expect("readable");
        other.artifact.crc32 ^= 1;
        let refusal = Refusal::OtherArtifact {
            expected: other.artifact.crc32 ^ 1,
            found: other.artifact.crc32,
        };
        let other = other.sealed(&weights).encode();
        line.refuses(Request::Take { prefix: &other }, refusal);
        assert_eq!(line.weights(), (vec![], None));
        line.expect(Request::Take { prefix: &prefix }, done);
        assert_eq!(
            line.weights(),
            (weights.clone(), Some(weights_crc32(&weights)))
        );
    });
}

#[test]
fn what_is_saved_is_restored() {
    serving(Shelf::default(), |line| {
        line.about();
        line.expect(Request::Restore, Answer::Stored(Stored::Nothing));
        line.refuses(Request::Save, Refusal::NotAdapted);
        line.teach();
        line.adapt();
        let learnt = line.weights();
        line.expect(Request::Save, Answer::Stored(Stored::Saved));
        line.expect(
            Request::Reset { stored: false },
            Answer::Done { examples: 0 },
        );
        assert_ne!(line.weights(), learnt);
        line.expect(
            Request::Restore,
            Answer::Stored(Stored::Restored { steps: 10 }),
        );
        assert_eq!(line.weights(), learnt);
        line.expect(
            Request::Reset { stored: true },
            Answer::Done { examples: 0 },
        );
        line.expect(Request::Restore, Answer::Stored(Stored::Nothing));
    });
}

#[test]
fn memory_is_exact() {
    let artifact = Artifact::parse(ARTIFACT).expect("readable");
    let model = Model::<4>::new(&artifact).expect("sound");
    let names = artifact.description().expect("readable");
    let needed = Server::<NoStorage>::memory(&model, SETUP).len();
    for given in 0..needed {
        let mut memory = vec![0.0; given];
        let server = Server::new(&model, SETUP, names, "", NoStorage, &mut memory);
        let error = server.map(drop).expect_err("too little");
        assert_eq!(error, LearnerError::MemoryTooSmall { needed, given });
    }
}

/// Any bytes, and any requests in any order.
#[test]
fn nothing_that_arrives_is_a_panic() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    serving(Shelf::default(), |line| {
        line.about();
        for case in 0..20_000 {
            let number = |random: &mut ChaCha8Rng| match random.random_range(0..4) {
                0 => random.random(),
                _ => random.random_range(0..4),
            };
            let length = random.random_range(0..20);
            let mut values: Vec<u8> = (0..length).map(|_| random.random()).collect();
            if random.random() {
                values = bytes(&[0.5, 1.0][..random.random_range(0..3)]);
            }
            let from = number(&mut random);
            let values = &values;
            let request = match random.random_range(0..14) {
                0 => Request::Names { from },
                1 | 2 => Request::Write { from, values },
                3 => Request::Add,
                4 => Request::Predict { from },
                5 => Request::Clear,
                6 => Request::Adapt {
                    steps: random.random::<bool>().then_some(from),
                    rate: random
                        .random::<bool>()
                        .then(|| f32::from_bits(random.random())),
                },
                7 => Request::Report,
                8 => Request::Checkpoint,
                9 => Request::Weights { from },
                10 => Request::WriteWeights { from, values },
                11 => Request::Take { prefix: values },
                12 => Request::Restore,
                _ => Request::Save,
            };
            let mut frame = frame(case as u16, &request);
            if random.random_range(0..8) == 0 {
                let at = random.random_range(0..frame.len());
                frame[at] = random.random();
            }
            line.send(&frame);
        }
        line.send(&[0]);
        line.expect(
            Request::Reset { stored: true },
            Answer::Done { examples: 0 },
        );
        line.teach();
        assert_eq!(line.adapt(), directly().0);
    });
}
