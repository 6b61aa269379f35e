//! `metrics.jsonl`: what was measured while training, addressed by iteration.
//! There are no times in it, so a resumed run writes the same bytes as one that
//! was never interrupted.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{RunError, io, write_atomically};

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Iterations done.
    pub iteration: u64,
    /// Mean training loss (query, after the last inner step) since the line
    /// before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// What came of acting in training tasks since the line before, where a policy acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<Returns>,
    /// A validation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
}

impl Line {
    /// With nothing measured yet.
    pub fn at(iteration: u64) -> Self {
        Self {
            iteration,
            loss: None,
            returns: None,
            validation: None,
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.loss.is_none() && self.returns.is_none() && self.validation.is_none()
    }
}

/// What came of acting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Returns {
    /// The mean return of a rollout after 0, 1, ... inner steps.
    pub mean: Vec<f64>,
    /// Steps taken in environments since the start of training, validations left out.
    pub environment_steps: u64,
}

/// Query loss on the validation tasks after 0, 1, ... inner steps, or the return where a
/// policy acts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Support examples.
    pub shots: usize,
    /// Mean over the tasks; `null` if it is not finite.
    pub mean: Vec<Option<f64>>,
    /// Half the 95 % interval of the mean.
    pub half_width: Vec<Option<f64>>,
    /// Mean accuracy, from 0 to 1, where tasks have classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accuracy: Vec<f64>,
}

/// The open file.
#[derive(Debug)]
pub struct Metrics {
    path: PathBuf,
    file: File,
}

impl Metrics {
    pub(super) fn open(path: &Path, after: Option<u64>) -> Result<Self, RunError> {
        if let Some(iteration) = after {
            // Lines are kept as they stand: a number read and written again
            // may come out with another last digit.
            let text = Self::text(path)?;
            let kept = text.lines().filter(|line| {
                serde_json::from_str::<Line>(line).is_ok_and(|line| line.iteration <= iteration)
            });
            let kept: String = kept.flat_map(|line| [line, "\n"]).collect();
            write_atomically(path, kept.as_bytes())?;
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(io("write", path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    pub(super) fn read(path: &Path) -> Result<Vec<Line>, RunError> {
        // A line cut off by a crash is not one.
        let text = Self::text(path)?;
        Ok(text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }

    fn text(path: &Path) -> Result<String, RunError> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(io("read", path)(error)),
        }
    }

    /// Appends a line.
    pub fn write(&mut self, line: &Line) -> Result<(), RunError> {
        self.file
            .write_all(to_text(line).as_bytes())
            .map_err(io("write", &self.path))
    }
}

fn to_text(line: &Line) -> String {
    // Plain numbers.
    serde_json::to_string(line).expect("serialisable") + "\n"
}
