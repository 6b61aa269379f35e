//! `events.out.tfevents.mamlet`: the metrics once more, for TensorBoard.
//!
//! Records as in TensorFlow's `tensorflow/core/lib/io/record_writer.h`, each an `Event` of
//! `tensorflow/core/util/event.proto`:
//!
//! ```text
//! record   length u64 LE, masked CRC-32C of the length, event, masked CRC-32C of the event
//! mask     (crc >> 15 | crc << 17) + 0xa282ead8
//! ```
//!
//! A run that goes on appends a session start, by which TensorBoard drops what an earlier
//! process wrote beyond the checkpoint.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Line, Metrics, RunError, io};

/// The file's name, by which TensorBoard finds it.
pub(super) const NAME: &str = "events.out.tfevents.mamlet";

const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

/// The open file.
#[derive(Debug)]
pub struct Events {
    path: PathBuf,
    file: fs::File,
    /// What validation measures: `loss` or `return`.
    measure: &'static str,
}

impl Events {
    /// Goes on after `iteration`, or starts with the lines of `metrics` where there is no such
    /// file yet.
    pub(super) fn open(
        path: &Path,
        metrics: &Path,
        iteration: Option<u64>,
        measure: &'static str,
    ) -> Result<Self, RunError> {
        let failed = || io("write", path);
        let there = match fs::read(path) {
            Ok(bytes) => whole_records(&bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Err(io("read", path)(error)),
        };
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(failed())?;
        // A record that was cut off would hide all behind it.
        file.set_len(there as u64).map_err(failed())?;
        let mut events = Self {
            path: path.to_owned(),
            file,
            measure,
        };
        if there == 0 {
            events.put(0, &text(3, "brain.Event:2"))?;
            let earlier = iteration.map_or(Ok(Vec::new()), |_| Metrics::read(metrics))?;
            let goes_on_from = |line: &&Line| iteration >= Some(line.iteration);
            for line in earlier.iter().filter(goes_on_from) {
                events.write(line)?;
            }
        }
        if let Some(iteration) = iteration {
            // SessionLog { status: START }.
            events.put(iteration + 1, &message(7, &number(1, 1)))?;
        }
        Ok(events)
    }

    /// Appends what a line of metrics says.
    ///
    /// # Errors
    /// [`RunError`] where the file cannot be written.
    pub fn write(&mut self, line: &Line) -> Result<(), RunError> {
        let values: Vec<u8> = (self.scalars(line).iter())
            .flat_map(|(tag, value)| {
                let mut scalar = text(1, tag);
                scalar.push(2 << 3 | 5);
                scalar.extend((*value as f32).to_le_bytes());
                message(1, &scalar)
            })
            .collect();
        self.put(line.iteration, &message(5, &values))
    }

    /// The numbers of a line, named.
    fn scalars(&self, line: &Line) -> Vec<(String, f64)> {
        let mut all = Vec::new();
        all.extend(line.loss.map(|loss| ("training/loss".to_owned(), loss)));
        if let Some(returns) = &line.returns {
            let after = returns.mean.iter().enumerate();
            all.extend(after.map(|(step, &mean)| (format!("training/return_after_{step}"), mean)));
            let taken = returns.environment_steps as f64;
            all.push(("training/environment_steps".to_owned(), taken));
        }
        if let Some(validation) = &line.validation {
            let measure = self.measure;
            let means = validation.mean.iter().enumerate();
            all.extend(means.filter_map(|(step, mean)| {
                Some((format!("validation/{measure}_after_{step}"), (*mean)?))
            }));
            let accuracy = validation.accuracy.iter().enumerate();
            all.extend(
                accuracy.map(|(step, &mean)| (format!("validation/accuracy_after_{step}"), mean)),
            );
        }
        all
    }

    /// Appends an event at a step.
    fn put(&mut self, step: u64, what: &[u8]) -> Result<(), RunError> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let seconds = now.map_or(0.0, |time| time.as_secs_f64());
        let mut event = vec![1 << 3 | 1];
        event.extend(seconds.to_le_bytes());
        event.extend(number(2, step));
        event.extend(what);
        let length = (event.len() as u64).to_le_bytes();
        let mut record = length.to_vec();
        record.extend(masked(&length).to_le_bytes());
        record.extend(&event);
        record.extend(masked(&event).to_le_bytes());
        self.file
            .write_all(&record)
            .map_err(io("write", &self.path))
    }
}

/// Bytes up to the end of the last record that is whole.
fn whole_records(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(length) = bytes[at..].first_chunk::<8>() {
        let end = usize::try_from(u64::from_le_bytes(*length))
            .ok()
            .and_then(|length| at.checked_add(length)?.checked_add(16));
        match end.filter(|&end| end <= bytes.len()) {
            Some(end) => at = end,
            None => break,
        }
    }
    at
}

fn masked(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

/// A field of protocol buffers that is a number.
fn number(field: u8, mut value: u64) -> Vec<u8> {
    let mut bytes = vec![field << 3];
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A field that is a message or a string.
fn message(field: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = number(field, content.len() as u64);
    bytes[0] |= 2;
    bytes.extend(content);
    bytes
}

fn text(field: u8, content: &str) -> Vec<u8> {
    message(field, content.as_bytes())
}
