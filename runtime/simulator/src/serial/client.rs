//! The host's end of the line: asks until it is answered.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use mamlet_formats::checkpoint::{self, PREFIX, Prefix};
use mamlet_formats::protocol::{
    self, Answer, FRAME, MAJOR, MINOR, Outcome, PIECE, Receiver, Refusal, Request, Statistics,
    Stored,
};
use mamlet_formats::{Checkpoint, Loss};

use super::port::{self, Port, is_quiet};
use super::report::{AdaptationReport, Identity, describe};

/// How long an answer may take before the same is asked again. Most take
/// milliseconds; a board that adapts meanwhile answers when it is done, and a
/// request that comes twice is done once.
const PATIENCE: Duration = Duration::from_millis(200);

/// The host's end of a line to a board that answers.
pub struct Client {
    name: String,
    port: Box<dyn Port>,
    timeout: Duration,
    receiver: Receiver,
    sequence: u16,
    /// The answer that came last.
    message: Vec<u8>,
    identity: Identity,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("name", &self.name)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Opens the port of that name, as [`open`](super::open) does, and begins a
    /// session. No answer may take longer than `timeout`.
    ///
    /// # Errors
    /// Where the port cannot be opened, nobody answers, or in another version
    /// of the protocol; names the port.
    pub fn connect(name: &str, timeout: Duration) -> Result<Self> {
        Self::on(name, port::open(name)?, timeout)
    }

    /// The same on a port that is open.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn on(name: &str, port: Box<dyn Port>, timeout: Duration) -> Result<Self> {
        let mut client = Client {
            name: name.into(),
            port,
            timeout,
            receiver: Receiver::new(),
            // Another than the last host's, so that an answer to it is not ours.
            sequence: std::process::id() as u16,
            message: Vec::new(),
            identity: Identity::default(),
        };
        client
            .hello()
            .with_context(|| format!("{name}: no board of mamlet"))?;
        Ok(client)
    }

    fn hello(&mut self) -> Result<()> {
        let hello = Request::Hello {
            major: MAJOR,
            minor: MINOR,
        };
        let mut identity = match self.ask(&hello)? {
            Answer::About(about) => Identity {
                board: about.board.into(),
                protocol: format!("{}.{}", about.major, about.minor),
                artifact: about.artifact.into(),
                artifact_crc32: format!("{:08x}", about.crc32),
                artifact_bytes: about.length,
                inputs: about.inputs as usize,
                outputs: about.outputs as usize,
                targets: about.targets as usize,
                names: Vec::new(),
                classes: about.loss == Loss::CrossEntropy,
                adapting: about.adapting as usize,
                steps: about.steps,
                max_steps: about.max_steps,
                capacity: about.capacity,
                storage: about.storage,
            },
            other => return Err(unexpected(&other)),
        };
        let mut names = Vec::new();
        loop {
            let from = u32::try_from(names.len())?;
            let (total, part) = match self.ask(&Request::Names { from })? {
                Answer::Text { total, text } => (total as usize, text.to_vec()),
                other => return Err(unexpected(&other)),
            };
            names.extend(&part);
            if part.is_empty() || names.len() >= total {
                break;
            }
        }
        let names = String::from_utf8(names).context("names that are no text")?;
        identity.names = names.lines().map(String::from).collect();
        self.identity = identity;
        Ok(())
    }

    /// What it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Adds an example; a class is a whole number. Returns how many there are.
    ///
    /// # Errors
    /// Where the board refuses it or does not answer.
    pub fn add(&mut self, input: &[f32], target: &[f32]) -> Result<u32> {
        self.write(&[input, target].concat())?;
        self.done(&Request::Add)
    }

    /// The output for an input, with the weights in use.
    ///
    /// # Errors
    /// Where the board refuses it or does not answer.
    pub fn predict(&mut self, input: &[f32]) -> Result<Vec<f32>> {
        self.write(input)?;
        self.read(|from| Request::Predict { from })
    }

    /// Adapts, with the recipe's steps and rates unless others are given.
    ///
    /// # Errors
    /// Where the board refuses it or does not answer.
    pub fn adapt(&mut self, steps: Option<u32>, rate: Option<f32>) -> Result<AdaptationReport> {
        self.report_of(&Request::Adapt { steps, rate })
    }

    /// The report of the last adaptation; none before the first.
    ///
    /// # Errors
    /// Where the board does not answer.
    pub fn report(&mut self) -> Result<Option<AdaptationReport>> {
        match self.report_of(&Request::Report) {
            Err(error) if error.downcast_ref() == Some(&Refusal::NoReport) => Ok(None),
            other => other.map(Some),
        }
    }

    fn report_of(&mut self, request: &Request<'_>) -> Result<AdaptationReport> {
        match self.ask(request)? {
            Answer::Report { outcome, losses } => {
                let losses = numbers(losses);
                Ok(AdaptationReport {
                    outcome: describe(outcome),
                    adapted: !matches!(outcome, Outcome::RolledBack { .. }),
                    loss_bits: losses
                        .iter()
                        .map(|loss| format!("{:08x}", loss.to_bits()))
                        .collect(),
                    losses,
                })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// What has happened since it started.
    ///
    /// # Errors
    /// Where the board does not answer.
    pub fn statistics(&mut self) -> Result<Statistics> {
        match self.ask(&Request::Statistics)? {
            Answer::Statistics(statistics) => Ok(statistics),
            other => Err(unexpected(&other)),
        }
    }

    /// The weights in use, as the bytes of a checkpoint.
    ///
    /// # Errors
    /// Where the board uses its initialisation or does not answer.
    pub fn checkpoint(&mut self) -> Result<Vec<u8>> {
        let prefix = match self.ask(&Request::Checkpoint)? {
            Answer::Checkpoint { prefix } => prefix.to_vec(),
            other => return Err(unexpected(&other)),
        };
        let weights = self.read(|from| Request::Weights { from })?;
        let bytes = [&prefix[..], bytemuck::cast_slice(&weights)].concat();
        // The board may have learnt something else between two pieces.
        Checkpoint::parse(&bytes).context("the weights changed while they were read: try again")?;
        Ok(bytes)
    }

    /// Takes the weights of a checkpoint into use.
    ///
    /// # Errors
    /// Where the bytes are no checkpoint, or one of another artifact, or the
    /// board does not answer.
    pub fn take(&mut self, bytes: &[u8]) -> Result<()> {
        let weights = numbers(Checkpoint::parse(bytes)?.weights);
        let (prefix, _) = bytes.split_first_chunk::<PREFIX>().context("too short")?;
        let found = Prefix::parse(prefix)?.artifact.crc32;
        ensure!(
            format!("{found:08x}") == self.identity.artifact_crc32,
            "the weights belong to artifact {found:08x}, the board runs {}",
            self.identity.artifact_crc32
        );
        self.pieces(&weights, |from, values| Request::WriteWeights {
            from,
            values,
        })?;
        self.done(&Request::Take { prefix })?;
        Ok(())
    }

    /// Keeps the weights in use in the board's flash.
    ///
    /// # Errors
    /// Where the board has none, nothing was learnt, or it does not answer.
    pub fn save(&mut self) -> Result<Stored> {
        self.stored(&Request::Save)
    }

    /// Takes the weights in the board's flash into use.
    ///
    /// # Errors
    /// Where the board has none, they are another artifact's, or it does not
    /// answer.
    pub fn restore(&mut self) -> Result<Stored> {
        self.stored(&Request::Restore)
    }

    fn stored(&mut self, request: &Request<'_>) -> Result<Stored> {
        match self.ask(request)? {
            Answer::Stored(stored) => Ok(stored),
            other => Err(unexpected(&other)),
        }
    }

    /// Forgets the examples; what was learnt of them stays.
    ///
    /// # Errors
    /// Where the board does not answer.
    pub fn clear(&mut self) -> Result<()> {
        self.done(&Request::Clear).map(drop)
    }

    /// Goes back to the initialisation and forgets the examples, and what is in
    /// flash where `stored` is true.
    ///
    /// # Errors
    /// Where there is no flash to forget, or the board does not answer.
    pub fn reset(&mut self, stored: bool) -> Result<()> {
        self.done(&Request::Reset { stored }).map(drop)
    }

    fn write(&mut self, numbers: &[f32]) -> Result<()> {
        self.pieces(numbers, |from, values| Request::Write { from, values })
    }

    /// Sends numbers piece by piece.
    fn pieces(
        &mut self,
        numbers: &[f32],
        request: impl for<'v> Fn(u32, &'v [u8]) -> Request<'v>,
    ) -> Result<()> {
        for (piece, from) in numbers.chunks(PIECE).zip((0..).step_by(PIECE)) {
            self.done(&request(from, bytemuck::cast_slice(piece)))?;
        }
        Ok(())
    }

    /// Reads numbers piece by piece.
    fn read(&mut self, request: impl Fn(u32) -> Request<'static>) -> Result<Vec<f32>> {
        let mut all = Vec::new();
        loop {
            let from = u32::try_from(all.len())?;
            let (total, piece) = match self.ask(&request(from))? {
                Answer::Values { total, values } => (total as usize, numbers(values)),
                other => return Err(unexpected(&other)),
            };
            all.extend(&piece);
            if piece.is_empty() || all.len() >= total {
                ensure!(all.len() == total, "{} of {total} numbers came", all.len());
                return Ok(all);
            }
        }
    }

    fn done(&mut self, request: &Request<'_>) -> Result<u32> {
        match self.ask(request)? {
            Answer::Done { examples } => Ok(examples),
            other => Err(unexpected(&other)),
        }
    }

    /// Asks until it is answered or the time is over. A refusal is an error
    /// that can be downcast to [`Refusal`].
    fn ask(&mut self, request: &Request<'_>) -> Result<Answer<'_>> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut frame = [0; FRAME];
        let frame = protocol::encode(self.sequence, request, &mut frame)?;
        let name = self.name.clone();
        let lost = |error: io::Error| anyhow!("{name}: the line is cut: {error}");
        let begun = Instant::now();
        loop {
            // Whatever half a frame lies in the line ends here.
            let sent = self.port.write_all(&[0]);
            let sent = sent.and_then(|()| self.port.write_all(frame));
            match sent.and_then(|()| self.port.flush()) {
                Err(error) if !is_quiet(&error) => return Err(lost(error)),
                _ => {}
            }
            let wait = PATIENCE.min(self.timeout);
            if self.answered(wait).map_err(lost)? {
                break;
            }
            if begun.elapsed() >= self.timeout {
                bail!(
                    "{}: no answer within {} s; does the board run firmware that serves, at {} \
                     baud? If it adapts for longer, give it more time (--timeout)",
                    self.name,
                    self.timeout.as_secs_f32(),
                    super::BAUD
                );
            }
        }
        let (_, answer) = protocol::decode(&self.message).with_context(|| self.name.clone())?;
        match answer {
            Answer::Refused(refusal) => Err(refusal.into()),
            answer => Ok(answer),
        }
    }

    /// Whether the answer comes in time; it is in `message` then.
    fn answered(&mut self, wait: Duration) -> io::Result<bool> {
        let begun = Instant::now();
        let mut bytes = [0; FRAME];
        while begun.elapsed() < wait {
            let count = match self.port.read(&mut bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if is_quiet(&error) => continue,
                Err(error) => return Err(error),
            };
            for byte in &bytes[..count] {
                // Noise, and answers to what somebody asked before, are not ours.
                if let Some(Ok(message)) = self.receiver.push(*byte)
                    && protocol::sequence(message) == Some(self.sequence)
                {
                    self.message.clear();
                    self.message.extend(message);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

fn unexpected(answer: &Answer<'_>) -> anyhow::Error {
    anyhow!("an answer to another question: {answer:?}")
}

/// Numbers as they travel.
fn numbers(bytes: &[u8]) -> Vec<f32> {
    let words = bytes.as_chunks().0.iter();
    words.map(|word| f32::from_le_bytes(*word)).collect()
}

// Weights travel as a checkpoint has them.
const _: () = assert!(checkpoint::size(1) - PREFIX == size_of::<f32>());
