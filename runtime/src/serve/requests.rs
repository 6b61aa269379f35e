//! What each request does.

use core::ops::Range;

use mamlet_formats::checkpoint::{PREFIX, Prefix, weights_crc32};
use mamlet_formats::protocol::{
    Answer, Cause, MAJOR, MINOR, Outcome, PIECE, Refusal, Request, TEXT,
};

use super::{Board, Storage, bytes, count};
use crate::inference::PredictError;
use crate::kernels::all_finite;
use crate::learner::{self, AdaptError, Adaptation, ExampleError, Report, RestoreError};

impl<S: Storage> Board<'_, S> {
    /// Does what is asked.
    pub(super) fn answer(&mut self, request: Request<'_>) -> Result<Answer<'_>, Refusal> {
        if let Request::Hello { major, .. } = request {
            return self.hello(major);
        }
        if !self.in_session {
            return Err(Refusal::NoSession);
        }
        match request {
            Request::Names { from } => self.names(from),
            Request::Write { from, values } => self.write(from, values),
            Request::Add => self.add(),
            Request::Predict { from } => self.predict(from),
            Request::Clear => {
                self.learner.clear_examples();
                Ok(self.done())
            }
            Request::Adapt { steps, rate } => self.adapt(steps, rate),
            Request::Report => self.report(),
            Request::Statistics => Ok(self.statistics()),
            Request::Checkpoint => self.checkpoint(),
            Request::Weights { from } => {
                let weights = self.learner.weights().ok_or(Refusal::NotAdapted)?;
                Ok(values(weights, from))
            }
            Request::WriteWeights { from, values } => self.write_weights(from, values),
            Request::Take { prefix } => self.take(prefix),
            Request::Save => Ok(Answer::Stored(self.storage.save(&self.learner)?)),
            Request::Restore => {
                self.weights = 0;
                Ok(Answer::Stored(self.storage.restore(&mut self.learner)?))
            }
            Request::Reset { stored } => {
                if stored {
                    self.storage.forget()?;
                }
                self.learner.reset();
                (self.written, self.weights) = (0, 0);
                Ok(self.done())
            }
            _ => Err(Refusal::Unknown),
        }
    }

    fn hello(&mut self, major: u16) -> Result<Answer<'_>, Refusal> {
        self.in_session = major == MAJOR;
        (self.written, self.weights) = (0, 0);
        match self.in_session {
            true => Ok(Answer::About(self.about)),
            false => Err(Refusal::Version {
                major: MAJOR,
                minor: MINOR,
            }),
        }
    }

    fn done(&self) -> Answer<'static> {
        Answer::Done {
            examples: count(self.learner.examples()),
        }
    }

    fn names(&self, from: u32) -> Result<Answer<'_>, Refusal> {
        let text = self.names.as_bytes();
        let rest = text.get(from as usize..).unwrap_or_default();
        Ok(Answer::Text {
            total: count(text.len()),
            text: rest.get(..TEXT).unwrap_or(rest),
        })
    }

    fn write(&mut self, from: u32, values: &[u8]) -> Result<Answer<'_>, Refusal> {
        self.written = copy(self.example, self.written, from, values)?;
        Ok(self.done())
    }

    fn add(&mut self) -> Result<Answer<'_>, Refusal> {
        let (input, target) = self.written(self.example.len())?;
        let (input, target) = (self.example.get(input), self.example.get(target));
        let added = match (input, target) {
            (Some(input), Some(target)) => self.learner.add_target(input, target),
            _ => return Err(Refusal::TooLong),
        };
        added.map_err(|error| match error {
            ExampleError::Full { capacity } => Refusal::Full {
                capacity: count(capacity),
            },
            ExampleError::UnknownClass { classes, .. } => Refusal::UnknownClass {
                classes: count(classes),
            },
            ExampleError::NotFinite => Refusal::NotFinite,
            // The lengths are right, and nobody lends examples here: what is left
            // is a fault of the engine.
            _ => Refusal::Unknown,
        })?;
        self.written = 0;
        self.statistics.added = self.statistics.added.wrapping_add(1);
        Ok(self.done())
    }

    fn predict(&mut self, from: u32) -> Result<Answer<'_>, Refusal> {
        let (input, _) = self.written(self.about.inputs as usize)?;
        let input = self.example.get(input).unwrap_or_default();
        if !all_finite(input) {
            return Err(Refusal::NotFinite);
        }
        if from == 0 {
            self.statistics.predictions = self.statistics.predictions.wrapping_add(1);
        }
        match self.learner.predict(input) {
            Ok(output) => Ok(values(output, from)),
            Err(PredictError::NotFinite) => Err(Refusal::NotFinite),
            Err(_) => Err(Refusal::Unknown),
        }
    }

    /// Where input and target are, once that much has been written.
    fn written(&self, needed: usize) -> Result<(Range<usize>, Range<usize>), Refusal> {
        if self.written < needed {
            return Err(Refusal::Incomplete {
                needed: count(needed),
                given: count(self.written),
            });
        }
        let inputs = self.about.inputs as usize;
        Ok((0..inputs, inputs..self.example.len()))
    }

    fn adapt(&mut self, steps: Option<u32>, rate: Option<f32>) -> Result<Answer<'_>, Refusal> {
        self.weights = 0;
        let adaptation = Adaptation {
            steps: steps.map(|steps| steps as usize),
            rate,
        };
        let report = self.learner.adapt_with(adaptation);
        let report = report.map_err(|error| match error {
            AdaptError::NoExamples => Refusal::NoExamples,
            AdaptError::Steps { allowed, .. } => Refusal::Steps {
                allowed: count(allowed),
            },
            AdaptError::Rate => Refusal::NotFinite,
            AdaptError::Internal => Refusal::Unknown,
        })?;
        let statistics = &mut self.statistics;
        statistics.adaptations = statistics.adaptations.wrapping_add(1);
        if matches!(report.outcome, learner::Outcome::RolledBack { .. }) {
            statistics.rolled_back = statistics.rolled_back.wrapping_add(1);
        }
        self.report = Some(report);
        self.report()
    }

    fn report(&self) -> Result<Answer<'_>, Refusal> {
        let Report { outcome, losses } = self.report.as_ref().ok_or(Refusal::NoReport)?;
        Ok(Answer::Report {
            outcome: match *outcome {
                learner::Outcome::Adapted => Outcome::Adapted,
                learner::Outcome::Shortened { steps, cause } => Outcome::Shortened {
                    steps: count(steps),
                    cause: why(cause),
                },
                learner::Outcome::RolledBack { cause } => Outcome::RolledBack { cause: why(cause) },
            },
            losses: bytes(losses),
        })
    }

    fn statistics(&mut self) -> Answer<'_> {
        self.statistics.examples = count(self.learner.examples());
        self.statistics.weights_crc32 = self.learner.weights().map(weights_crc32);
        Answer::Statistics(self.statistics)
    }

    fn checkpoint(&mut self) -> Result<Answer<'_>, Refusal> {
        let (checkpoint, weights) = self.learner.checkpoint().ok_or(Refusal::NotAdapted)?;
        let prefix = checkpoint
            .prefix(weights)
            .map_err(|_| Refusal::Checkpoint)?;
        self.prefix = prefix.encode();
        Ok(Answer::Checkpoint {
            prefix: &self.prefix,
        })
    }

    fn write_weights(&mut self, from: u32, values: &[u8]) -> Result<Answer<'_>, Refusal> {
        let next = match from {
            0 => 0,
            _ => self.weights,
        };
        // Checked before the weights in use are given up.
        piece(self.about.adapting as usize, next, from, values)?;
        self.weights = copy(self.learner.receive(), next, from, values)?;
        Ok(self.done())
    }

    fn take(&mut self, prefix: &[u8]) -> Result<Answer<'_>, Refusal> {
        let prefix: &[u8; PREFIX] = prefix.try_into().map_err(|_| Refusal::Checkpoint)?;
        let prefix = Prefix::parse(prefix).map_err(|_| Refusal::Checkpoint)?;
        let (needed, given) = (self.about.adapting, count(self.weights));
        if given != needed {
            return Err(Refusal::Incomplete { needed, given });
        }
        self.learner
            .accepts(prefix.artifact, prefix.weights as usize)?;
        let weights = self.learner.receive();
        if !all_finite(weights) {
            return Err(Refusal::NotFinite);
        }
        if prefix.sealed(weights).checksum != prefix.checksum {
            return Err(Refusal::Checkpoint);
        }
        self.learner
            .take_up(prefix.steps, prefix.loss_before, prefix.loss_after);
        self.weights = 0;
        Ok(self.done())
    }
}

/// Where a piece goes, behind `next` numbers that are there or from the
/// beginning.
fn piece(capacity: usize, next: usize, from: u32, values: &[u8]) -> Result<Range<usize>, Refusal> {
    let start = from as usize;
    if start != 0 && start != next {
        return Err(Refusal::Order {
            expected: count(next),
            given: from,
        });
    }
    let (numbers, rest) = values.as_chunks::<4>();
    let end = start.saturating_add(numbers.len());
    if end > capacity || !rest.is_empty() || numbers.len() > PIECE {
        return Err(Refusal::Length {
            capacity: count(capacity),
            given: count(end),
        });
    }
    Ok(start..end)
}

/// Writes a piece and returns how many numbers there are now.
fn copy(numbers: &mut [f32], next: usize, from: u32, values: &[u8]) -> Result<usize, Refusal> {
    let range = piece(numbers.len(), next, from, values)?;
    let end = range.end;
    let piece = numbers.get_mut(range).ok_or(Refusal::Unknown)?;
    for (number, value) in piece.iter_mut().zip(values.as_chunks().0) {
        *number = f32::from_le_bytes(*value);
    }
    Ok(end)
}

/// The piece of some numbers that begins at one of them.
fn values(numbers: &[f32], from: u32) -> Answer<'_> {
    let rest = numbers.get(from as usize..).unwrap_or_default();
    Answer::Values {
        total: count(numbers.len()),
        values: bytes(rest.get(..PIECE).unwrap_or(rest)),
    }
}

fn why(cause: learner::Cause) -> Cause {
    match cause {
        learner::Cause::NotFinite { step } => Cause::NotFinite { step: count(step) },
        learner::Cause::Worse { step } => Cause::Worse { step: count(step) },
    }
}

impl From<RestoreError> for Refusal {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::OtherArtifact { expected, found } => Refusal::OtherArtifact {
                expected: expected.crc32,
                found: found.crc32,
            },
            RestoreError::NotFinite => Refusal::NotFinite,
            RestoreError::Length { .. } | RestoreError::Checkpoint(_) => Refusal::Checkpoint,
        }
    }
}
