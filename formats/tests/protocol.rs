//! The serial protocol: the specification's bytes, damage, and lost bytes.

mod spec;

use mamlet_formats::protocol::{
    self, About, Answer, Cause, FRAME, FrameError, MAJOR, MINOR, Memory, Outcome, PIECE, Receiver,
    Refusal, Request, Statistics, Stored, TEXT,
};
use mamlet_formats::{Artifact, Checkpoint, Loss};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use spec::table;

const ARTIFACT: &[u8] = include_bytes!("data/tiny.mamlet");
const CHECKPOINT: &[u8] = include_bytes!("data/tiny.mamweights");

/// A message of either side.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Message<'a> {
    Asked(Request<'a>),
    Answered(Answer<'a>),
}
use Message::{Answered, Asked};

impl Message<'_> {
    fn frame(&self, sequence: u16) -> Vec<u8> {
        let mut frame = [0xaa; FRAME];
        let frame = match self {
            Asked(request) => protocol::encode(sequence, request, &mut frame),
            Answered(answer) => protocol::encode(sequence, answer, &mut frame),
        };
        frame.expect("it fits").to_vec()
    }

    /// The same message, read from bytes.
    fn is(&self, sequence: u16, message: &[u8]) -> bool {
        assert_eq!(protocol::sequence(message), Some(sequence));
        match self {
            Asked(request) => protocol::decode(message) == Ok((sequence, *request)),
            Answered(answer) => protocol::decode(message) == Ok((sequence, *answer)),
        }
    }
}

fn about() -> About<'static> {
    let id = Artifact::parse(ARTIFACT).expect("readable").id();
    About {
        major: MAJOR,
        minor: MINOR,
        board: "desk",
        artifact: "line",
        crc32: id.crc32,
        length: id.length,
        inputs: 1,
        outputs: 1,
        targets: 1,
        adapting: 2,
        loss: Loss::MeanSquaredError,
        steps: 1,
        max_steps: 20,
        capacity: 300,
        storage: false,
    }
}

/// What the specification shows: one example, one adaptation, its weights.
fn session() -> [(u16, Message<'static>); 12] {
    const EXAMPLE: &[u8] = &[0, 0, 0xc0, 0x3f, 0, 0, 0x80, 0x3f];
    const LOSSES: &[u8] = &[0, 0, 0x80, 0x3e, 0, 0, 0, 0];
    [
        (
            1,
            Asked(Request::Hello {
                major: MAJOR,
                minor: MINOR,
            }),
        ),
        (1, Answered(Answer::About(about()))),
        (
            2,
            Asked(Request::Write {
                from: 0,
                values: EXAMPLE,
            }),
        ),
        (2, Answered(Answer::Done { examples: 0 })),
        (3, Asked(Request::Add)),
        (3, Answered(Answer::Done { examples: 1 })),
        (
            4,
            Asked(Request::Adapt {
                steps: None,
                rate: None,
            }),
        ),
        (
            4,
            Answered(Answer::Report {
                outcome: Outcome::Adapted,
                losses: LOSSES,
            }),
        ),
        (5, Asked(Request::Weights { from: 0 })),
        (
            5,
            Answered(Answer::Values {
                total: 2,
                values: &CHECKPOINT[40..],
            }),
        ),
        (6, Asked(Request::Save)),
        (6, Answered(Answer::Refused(Refusal::NoStorage))),
    ]
}

/// The longest messages, and those that the session leaves out.
fn others(zeros: &[u8], ones: &[u8]) -> Vec<(u16, Message<'static>)> {
    let [zeros, ones] = [zeros, ones].map(|bytes| &*bytes.to_vec().leak());
    let text = core::str::from_utf8(&ones[..TEXT]).expect("ASCII");
    let most = u32::MAX;
    let longest = About {
        board: text,
        artifact: text,
        crc32: most,
        length: most,
        inputs: most,
        outputs: most,
        targets: most,
        adapting: most,
        loss: Loss::Huber { delta: 1.0 },
        steps: most,
        max_steps: most,
        capacity: most,
        storage: true,
        ..about()
    };
    let statistics = Statistics {
        requests: most,
        damaged: most,
        repeated: most,
        added: most,
        predictions: most,
        adaptations: most,
        rolled_back: most,
        examples: most,
        weights_crc32: Some(most),
        memory: Memory {
            weights: most,
            support: most,
            workspace: most,
            protocol: most,
        },
    };
    let mut messages = vec![
        Asked(Request::Names { from: most }),
        Asked(Request::Predict { from: most }),
        Asked(Request::Clear),
        Asked(Request::Report),
        Asked(Request::Statistics),
        Asked(Request::Checkpoint),
        Asked(Request::Adapt {
            steps: Some(most),
            rate: Some(0.5),
        }),
        Asked(Request::Take {
            prefix: &CHECKPOINT[..40],
        }),
        Asked(Request::Restore),
        Asked(Request::Reset { stored: true }),
        Answered(Answer::About(longest)),
        Answered(Answer::Statistics(statistics)),
        Answered(Answer::Checkpoint {
            prefix: &CHECKPOINT[..40],
        }),
        Answered(Answer::Stored(Stored::Restored { steps: most })),
        Answered(Answer::Text {
            total: most,
            text: &ones[..TEXT],
        }),
    ];
    for values in [zeros, ones] {
        let cause = Cause::Worse { step: most };
        messages.extend([
            Asked(Request::Write { from: most, values }),
            Asked(Request::WriteWeights { from: most, values }),
            Answered(Answer::Values {
                total: most,
                values,
            }),
            Answered(Answer::Report {
                outcome: Outcome::Shortened { steps: most, cause },
                losses: &values[..33 * 4],
            }),
        ]);
    }
    messages.into_iter().map(|it| (u16::MAX, it)).collect()
}

fn every_message() -> Vec<(u16, Message<'static>)> {
    let others = others(&[0; 4 * PIECE], &[b'1'; 4 * PIECE]);
    session().into_iter().chain(others).collect()
}

/// What is received of some bytes.
fn received(bytes: &[u8]) -> Vec<Result<Vec<u8>, FrameError>> {
    let mut receiver = Receiver::new();
    let mut all = Vec::new();
    for byte in bytes {
        all.extend(receiver.push(*byte).map(|it| it.map(<[u8]>::to_vec)));
    }
    all
}

#[test]
fn the_specification_shows_a_session() {
    let frames = session().map(|(sequence, message)| message.frame(sequence));
    assert_eq!(table("session"), frames.concat());
}

#[test]
fn every_message_fits_a_frame_and_comes_through() {
    let mut line = Vec::new();
    let messages = every_message();
    for (sequence, message) in &messages {
        let frame = message.frame(*sequence);
        assert!(frame.len() <= FRAME, "{message:?}");
        assert_eq!(
            frame.iter().position(|byte| *byte == 0),
            Some(frame.len() - 1)
        );
        line.extend(frame);
        // A host may clear the line whenever it likes.
        line.push(0);
    }
    let received = received(&line);
    assert_eq!(received.len(), messages.len());
    for ((sequence, message), bytes) in messages.iter().zip(received) {
        let bytes = bytes.expect("undamaged");
        assert!(message.is(*sequence, &bytes), "{message:?}");
        // Nothing may follow, and nothing may be missing.
        let longer = [&bytes[..], &[0]].concat();
        assert!(!message.is(*sequence, &longer), "{message:?}");
        assert_eq!(
            protocol::decode::<Request<'_>>(&bytes[..1]),
            Err(FrameError::Unknown)
        );
    }
}

#[test]
fn what_fits_no_frame_is_refused() {
    let values = &[1; FRAME];
    let message = Request::Write { from: 0, values };
    let mut frame = [0; FRAME];
    let encoded = protocol::encode(0, &message, &mut frame);
    assert_eq!(encoded, Err(FrameError::TooLong));
}

#[test]
fn every_changed_byte_is_noticed() {
    for (sequence, message) in every_message() {
        let frame = message.frame(sequence);
        for at in 0..frame.len() - 1 {
            for change in [1, 2, 16, 128, 255] {
                let mut bytes = frame.clone();
                bytes[at] ^= change;
                bytes.push(0);
                assert!(
                    received(&bytes).iter().all(Result::is_err),
                    "{at} ^ {change}"
                );
            }
        }
    }
}

/// Whatever is lost or added, the frame after the next 0x00 comes through.
#[test]
fn lost_bytes_cost_the_frames_they_were_in() {
    let next = Asked(Request::Statistics);
    for (sequence, message) in every_message() {
        let frame = message.frame(sequence);
        for from in 0..frame.len() {
            for lost in [1, 2, 7, 100] {
                let to = (from + lost).min(frame.len());
                let mut line = [&frame[..from], &frame[to..]].concat();
                // Without its end, the frame swallows the one behind it.
                line.push(0);
                line.extend(next.frame(9));
                let received = received(&line);
                let (last, damaged) = received.split_last().expect("the next");
                assert!(next.is(9, last.as_ref().expect("whole")), "{message:?}");
                assert!(
                    damaged
                        .iter()
                        .all(|it| it.is_err() || from + 1 == frame.len()),
                    "{message:?} without {from}..{to}"
                );
            }
        }
    }
}

#[test]
fn a_frame_without_an_end_is_too_long() {
    let mut line = vec![0xff; 10_000];
    line.push(0);
    assert_eq!(received(&line), [Err(FrameError::TooLong)]);
    line.extend(Asked(Request::Add).frame(3));
    assert!(Asked(Request::Add).is(3, received(&line)[1].as_ref().expect("whole")));
}

#[test]
fn random_and_changed_bytes_never_panic() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let frames: Vec<_> = every_message().iter().map(|(s, m)| m.frame(*s)).collect();
    let mut receiver = Receiver::new();
    let mut whole = 0;
    for case in 0..300_000 {
        let mut bytes = frames[case % frames.len()].clone();
        match random.random_range(0..4) {
            0 => bytes.iter_mut().for_each(|byte| *byte = random.random()),
            1 => bytes.truncate(random.random_range(0..bytes.len())),
            2 => {}
            _ => {
                let at = random.random_range(0..bytes.len());
                bytes[at] = random.random();
            }
        }
        for byte in bytes {
            if let Some(Ok(message)) = receiver.push(byte) {
                whole += 1;
                decode_all(message);
            }
        }
        // What no checksum has seen.
        let length = random.random_range(0..40);
        let message: Vec<u8> = (0..length).map(|_| random.random_range(0..24)).collect();
        decode_all(&message);
    }
    assert!(whole > 20_000, "{whole}");
}

fn decode_all(message: &[u8]) {
    let sequence = protocol::sequence(message);
    if let Ok((of_request, _)) = protocol::decode::<Request<'_>>(message) {
        assert_eq!(sequence, Some(of_request));
    }
    if let Ok((of_answer, answer)) = protocol::decode::<Answer<'_>>(message) {
        assert_eq!(sequence, Some(of_answer));
        if let Answer::Refused(refusal) = answer {
            assert!(!refusal.to_string().is_empty());
        }
    }
}

#[test]
fn the_checkpoint_of_the_specification_travels() {
    let message = Answered(Answer::Checkpoint {
        prefix: &CHECKPOINT[..40],
    });
    let frame = message.frame(1);
    let bytes = received(&frame).remove(0).expect("whole");
    let Ok((1, Answer::Checkpoint { prefix })) = protocol::decode(&bytes) else {
        panic!("not a checkpoint: {bytes:02x?}");
    };
    let joined = [prefix, &CHECKPOINT[40..]].concat();
    assert_eq!(Checkpoint::parse(&joined), Checkpoint::parse(CHECKPOINT));
}
