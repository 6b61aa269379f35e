//! A board that a host teaches over a serial line.
//!
//! Bytes in, bytes out: a [`Server`] takes what arrives on a UART or USB and
//! returns what to send back. It owns the learner and speaks the
//! [`protocol`]; `mamlet device` is the other end.
//!
//! ```
//! use mamlet_runtime::serve::{NoStorage, Server};
//! use mamlet_runtime::{Artifact, Model, Setup};
//!
//! static ARTIFACT: &[u8] = mamlet_runtime::include_aligned!("../../tests/data/line.mamlet");
//!
//! let artifact = Artifact::parse(ARTIFACT)?;
//! let model = Model::<5>::new(&artifact)?;
//! let setup = Setup::new(8);
//! let mut memory = [0.0; 128]; // Server::memory(&model, setup) says how much
//! let names = artifact.description()?;
//! let mut server = Server::new(&model, setup, names, "my board", NoStorage, &mut memory)?;
//!
//! let line: [u8; 3] = [0, 0, 0]; // whatever arrives
//! for byte in line {
//!     if let Some(answer) = server.receive(byte) {
//!         // Send `answer`, all of it, before the next byte is taken.
//! #       let _: &[u8] = answer;
//!     }
//! }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Promises
//! * No panic and no allocation, whatever arrives.
//! * What is damaged on the way is dropped and counted; the host asks again.
//! * A request that comes twice, because its answer was lost, is done once.

mod requests;
mod storage;

use bytemuck::cast_slice;
use mamlet_formats::checkpoint::PREFIX;
use mamlet_formats::protocol::{
    self, About, Answer, FRAME, MAJOR, MINOR, Memory, Receiver, Request, Statistics, TEXT,
};
pub use mamlet_formats::protocol::{Refusal, Stored};
use mamlet_formats::{Crc32, Description};
pub use storage::{NoStorage, Storage};

use crate::learner::{Learner, LearnerError, Report};
use crate::memory::{Numbers, Setup};
use crate::model::Model;

/// The board's end of the line.
#[derive(Debug)]
pub struct Server<'m, S> {
    receiver: Receiver,
    /// The last answer, should it have to be given again.
    frame: [u8; FRAME],
    length: usize,
    /// Sequence number and checksum of the request it answers.
    answered: Option<(u16, u32)>,
    board: Board<'m, S>,
}

/// What the requests are about.
#[derive(Debug)]
struct Board<'m, S> {
    learner: Learner<'m>,
    storage: S,
    about: About<'m>,
    names: &'m str,
    /// The example being written: `[inputs, targets]`
    example: &'m mut [f32],
    /// How many of its numbers have been written.
    written: usize,
    /// How many weights have been written, of a checkpoint on its way.
    weights: usize,
    /// A prefix on its way to the host.
    prefix: [u8; PREFIX],
    in_session: bool,
    report: Option<Report>,
    statistics: Statistics,
}

impl<'m, S: Storage> Server<'m, S> {
    /// The memory that [`new`](Self::new) needs. Exact.
    pub fn memory<const LAYERS: usize>(model: &Model<'_, LAYERS>, setup: Setup) -> Numbers {
        let example = Numbers::new(model.inputs()) + Numbers::new(model.targets());
        example + model.memory_for(setup).total()
    }

    /// A learner [set up](Setup) like that, and room for the example that the
    /// host is writing. `name` is that of the board, and `storage` its flash, such
    /// as a [`Store`](crate::storage), or [`NoStorage`].
    ///
    /// Where something is stored, it is not taken into use: see
    /// [`learner`](Self::learner).
    ///
    /// # Errors
    /// [`LearnerError`] as [`Learner::with`] has it.
    pub fn new<const LAYERS: usize>(
        model: &'m Model<'m, LAYERS>,
        setup: Setup,
        description: Description<'m>,
        name: &'m str,
        storage: S,
        memory: &'m mut [f32],
    ) -> Result<Self, LearnerError> {
        let (inputs, targets) = (model.inputs(), model.targets());
        let too_small = LearnerError::MemoryTooSmall {
            needed: Self::memory(model, setup).len(),
            given: memory.len(),
        };
        let parts = memory.split_at_mut_checked(inputs.saturating_add(targets));
        let (example, memory) = parts.ok_or(too_small)?;
        let learner = Learner::with(model, setup, memory).map_err(|error| match error {
            LearnerError::MemoryTooSmall { .. } => too_small,
            other => other,
        })?;
        let needed = model.memory_for(setup);
        let weights = needed.weights();
        let own = size_of_val(example) + 2 * FRAME;
        let statistics = Statistics {
            memory: Memory {
                weights: count(weights.bytes()),
                support: count(needed.support.bytes()),
                workspace: count(needed.workspace.bytes()),
                protocol: count(own),
            },
            ..Statistics::default()
        };
        let id = model.info.id;
        let about = About {
            major: MAJOR,
            minor: MINOR,
            board: beginning(name),
            artifact: beginning(description.name),
            crc32: id.crc32,
            length: id.length,
            inputs: count(inputs),
            outputs: count(model.outputs()),
            targets: count(targets),
            adapting: count(model.adapting()),
            loss: model.loss(),
            steps: count(model.steps()),
            max_steps: count(model.max_steps()),
            capacity: count(setup.examples),
            storage: storage.is_there(),
        };
        Ok(Server {
            receiver: Receiver::new(),
            frame: [0; FRAME],
            length: 0,
            answered: None,
            board: Board {
                learner,
                storage,
                about,
                names: description.outputs,
                example,
                written: 0,
                weights: 0,
                prefix: [0; PREFIX],
                in_session: false,
                report: None,
                statistics,
            },
        })
    }

    /// Takes the next byte from the line. Where it ends a request, does what is
    /// asked and returns the answer, to be sent as it is.
    pub fn receive(&mut self, byte: u8) -> Option<&[u8]> {
        let board = &mut self.board;
        let statistics = &mut board.statistics;
        let Ok(message) = self.receiver.push(byte)? else {
            statistics.damaged = statistics.damaged.wrapping_add(1);
            return None;
        };
        // A message without a sequence number has nobody to be answered.
        let sequence = protocol::sequence(message)?;
        let mut digest = Crc32::new();
        digest.update(message);
        let this = Some((sequence, digest.finish()));
        let request = protocol::decode::<Request<'_>>(message).map(|(_, request)| request);
        let anew = matches!(request, Ok(Request::Hello { .. }));
        if this == self.answered && !anew {
            statistics.repeated = statistics.repeated.wrapping_add(1);
            return self.frame.get(..self.length);
        }
        statistics.requests = statistics.requests.wrapping_add(1);
        let answer = match request {
            Ok(request) => board.answer(request),
            Err(_) => Err(Refusal::Unknown),
        };
        let answer = answer.unwrap_or_else(Answer::Refused);
        let encoded = match protocol::encode(sequence, &answer, &mut self.frame) {
            Ok(frame) => frame.len(),
            Err(_) => {
                let too_long = Answer::Refused(Refusal::TooLong);
                protocol::encode(sequence, &too_long, &mut self.frame).map_or(0, <[u8]>::len)
            }
        };
        (self.length, self.answered) = (encoded, this);
        self.frame.get(..encoded)
    }

    /// The learner, for a board that is also taught by other means, or that
    /// starts with what is stored.
    pub fn learner(&mut self) -> &mut Learner<'m> {
        &mut self.board.learner
    }

    /// The learner and the flash.
    pub fn parts(&mut self) -> (&mut Learner<'m>, &mut S) {
        (&mut self.board.learner, &mut self.board.storage)
    }
}

/// A number as it travels.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// As much of a text as a message has room for.
fn beginning(text: &str) -> &str {
    let mut end = text.len().min(TEXT);
    loop {
        match text.get(..end) {
            Some(beginning) => return beginning,
            // Within a character.
            None => end = end.saturating_sub(1),
        }
    }
}

/// Numbers as they travel: targets are little-endian.
fn bytes(numbers: &[f32]) -> &[u8] {
    cast_slice(numbers)
}
