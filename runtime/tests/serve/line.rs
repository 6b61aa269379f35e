//! A server of an artifact at the other end of a line.

use mamlet_formats::protocol::{
    self, About, Answer, FRAME, MAJOR, MINOR, Outcome, Receiver, Refusal, Request, Stored,
};
use mamlet_runtime::serve::{Server, Storage};
use mamlet_runtime::{Artifact, Learner, Model, Setup};

pub static ARTIFACT: &[u8] = mamlet_runtime::include_aligned!("../data/line.mamlet");
pub const SETUP: Setup = Setup::new(4);
pub const HELLO: Request<'_> = Request::Hello {
    major: MAJOR,
    minor: MINOR,
};

/// Memory that stands for flash.
#[derive(Default)]
pub struct Shelf(Option<Vec<u8>>);

impl Storage for Shelf {
    fn is_there(&self) -> bool {
        true
    }

    fn save(&mut self, learner: &Learner<'_>) -> Result<Stored, Refusal> {
        let mut bytes = vec![0; learner.checkpoint_size()];
        learner.save(&mut bytes).map_err(|_| Refusal::NotAdapted)?;
        self.0 = Some(bytes);
        Ok(Stored::Saved)
    }

    fn restore(&mut self, learner: &mut Learner<'_>) -> Result<Stored, Refusal> {
        let Some(bytes) = &self.0 else {
            return Ok(Stored::Nothing);
        };
        learner.restore(bytes).map_err(Refusal::from)?;
        Ok(Stored::Restored { steps: 10 })
    }

    fn forget(&mut self) -> Result<(), Refusal> {
        self.0 = None;
        Ok(())
    }
}

/// Calls `with` with a server of the artifact.
pub fn serving<S: Storage, R>(storage: S, with: impl FnOnce(&mut Line<'_, '_, S>) -> R) -> R {
    let artifact = Artifact::parse(ARTIFACT).expect("readable");
    let model = Model::<4>::new(&artifact).expect("sound");
    let mut memory = vec![0.0; Server::<S>::memory(&model, SETUP).len()];
    let names = artifact.description().expect("readable");
    let mut server = Server::new(&model, SETUP, names, "desk", storage, &mut memory);
    with(&mut Line {
        server: server.as_mut().expect("enough memory"),
        sequence: 0,
    })
}

/// A line to a server.
pub struct Line<'s, 'm, K> {
    pub server: &'s mut Server<'m, K>,
    pub sequence: u16,
}

impl<S: Storage> Line<'_, '_, S> {
    /// What is sent back for some bytes.
    pub fn send(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut answer = Vec::new();
        for byte in bytes {
            answer.extend(self.server.receive(*byte).unwrap_or_default());
        }
        answer
    }

    /// Asks and compares the answer.
    #[track_caller]
    pub fn expect(&mut self, request: Request<'_>, expected: Answer<'_>) {
        self.ask(request, |answer| {
            assert_eq!(answer, expected, "{request:?}")
        });
    }

    #[track_caller]
    pub fn refuses(&mut self, request: Request<'_>, refusal: Refusal) {
        self.expect(request, Answer::Refused(refusal));
    }

    #[track_caller]
    pub fn ask<R>(&mut self, request: Request<'_>, with: impl FnOnce(Answer<'_>) -> R) -> R {
        self.sequence += 1;
        let frame = frame(self.sequence, &request);
        let bytes = self.send(&frame);
        let mut receiver = Receiver::new();
        let (last, rest) = bytes.split_last().expect("an answer");
        assert!(rest.iter().all(|byte| receiver.push(*byte).is_none()));
        let message = receiver.push(*last).expect("one frame").expect("whole");
        let (sequence, answer) = protocol::decode(message).expect("an answer");
        assert_eq!(sequence, self.sequence);
        with(answer)
    }

    pub fn about(&mut self) -> (u32, u32) {
        self.ask(HELLO, |answer| match answer {
            Answer::About(About {
                inputs, capacity, ..
            }) => (inputs, capacity),
            other => panic!("{other:?}"),
        })
    }

    pub fn teach(&mut self) {
        for (examples, (x, y)) in (0..).zip([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]) {
            let values = &bytes(&[x, y]);
            let done = Answer::Done { examples };
            self.expect(Request::Write { from: 0, values }, done);
            let examples = examples + 1;
            self.expect(Request::Add, Answer::Done { examples });
        }
    }

    pub fn adapt(&mut self) -> Vec<f32> {
        let adapt = Request::Adapt {
            steps: None,
            rate: None,
        };
        self.ask(adapt, |answer| match answer {
            Answer::Report {
                outcome: Outcome::Adapted,
                losses,
            } => numbers(losses),
            other => panic!("{other:?}"),
        })
    }

    /// The weights in use and their checksum.
    pub fn weights(&mut self) -> (Vec<f32>, Option<u32>) {
        let weights = self.ask(Request::Weights { from: 0 }, |answer| match answer {
            Answer::Values { total: 2, values } => numbers(values),
            Answer::Refused(Refusal::NotAdapted) => Vec::new(),
            other => panic!("{other:?}"),
        });
        let checksum = self.ask(Request::Statistics, |answer| match answer {
            Answer::Statistics(statistics) => statistics.weights_crc32,
            other => panic!("{other:?}"),
        });
        (weights, checksum)
    }
}

pub fn frame(sequence: u16, request: &Request<'_>) -> Vec<u8> {
    let mut frame = [0; FRAME];
    let frame = protocol::encode(sequence, request, &mut frame);
    frame.expect("it fits").to_vec()
}

pub fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

pub fn numbers(bytes: &[u8]) -> Vec<f32> {
    let words = bytes.as_chunks().0.iter();
    words.map(|word| f32::from_le_bytes(*word)).collect()
}

/// Losses, weights and a prediction of a learner that is taught directly.
pub fn directly() -> (Vec<f32>, Vec<f32>, f32) {
    let artifact = Artifact::parse(ARTIFACT).expect("readable");
    let model = Model::<4>::new(&artifact).expect("sound");
    let mut memory = vec![0.0; model.memory_for(SETUP).total().len()];
    let mut learner = Learner::with(&model, SETUP, &mut memory).expect("enough memory");
    for (x, y) in [(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)] {
        learner.add_values(&[x], &[y]).expect("an example");
    }
    let report = learner.adapt().expect("examples");
    let y = learner.predict(&[1.5]).expect("an input")[0];
    let weights = learner.weights().expect("adapted").to_vec();
    (report.losses.to_vec(), weights, y)
}
