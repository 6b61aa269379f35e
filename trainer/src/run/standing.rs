//! How far a run has come.

use serde::Serialize;

use super::{Line, Lock, RunDir, RunError};
use crate::algorithms::Algorithm;
use crate::config::{Config, KeepBy};

/// How far a run has come.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// What becomes of it now.
    pub state: State,
    /// Iterations done: those of the newest checkpoint, or while it is running those that
    /// metrics were last written after.
    pub iteration: u64,
    /// Iterations of the whole run.
    pub iterations: u64,
    /// The best validation so far, by what the run is kept by.
    pub best: Option<BestFigure>,
    /// Seconds of training since its last start, of a run that has finished.
    pub seconds: Option<f64>,
    /// When it was started, in UTC.
    pub started: Option<String>,
}

/// What becomes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A process is writing it.
    Running,
    /// It can be resumed.
    Stopped,
    /// All its iterations are done.
    Finished,
}

impl State {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
        }
    }
}

/// A validation, as one number: the mean over the steps that the run is kept by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BestFigure {
    /// `loss`, `accuracy` from 0 to 1, or `return`.
    pub measure: &'static str,
    /// Its value.
    pub value: f64,
    /// Iterations done then.
    pub iteration: u64,
}

impl RunDir {
    /// How far it has come, from its files.
    ///
    /// # Errors
    /// [`RunError`] where its config or metrics cannot be read.
    pub fn standing(&self) -> Result<Standing, RunError> {
        let config = self.config()?;
        let (_, iterations) = config.method.length(&config);
        let lines = self.read_metrics()?;
        let of_file = |path: &std::path::PathBuf| path.file_stem()?.to_str()?.parse().ok();
        let saved: u64 = (self.list_checkpoints()?.last().and_then(of_file)).unwrap_or(0);
        let outcome = self.outcome().filter(|_| saved >= iterations);
        let state = match (&outcome, Lock::is_held(self.path())) {
            (_, true) => State::Running,
            (Some(_), false) => State::Finished,
            (None, false) => State::Stopped,
        };
        Ok(Standing {
            state,
            iteration: match state {
                State::Running => lines.last().map_or(saved, |line| line.iteration.max(saved)),
                _ => saved,
            },
            iterations,
            best: best(&config, &lines),
            seconds: outcome.map(|outcome| outcome.seconds),
            started: self.manifest().map(|manifest| manifest.started),
        })
    }
}

/// The best validation of these lines, the later one of equals.
fn best(config: &Config, lines: &[Line]) -> Option<BestFigure> {
    let acts = config.tasks.acts();
    let measure = match config.record.keep_by {
        _ if acts => "return",
        KeepBy::Loss => "loss",
        KeepBy::Accuracy => "accuracy",
    };
    let figures = lines.iter().filter_map(|line| {
        let validation = line.validation.as_ref()?;
        let at = |step: usize| match measure {
            "accuracy" => validation.accuracy.get(step).copied(),
            _ => validation.mean.get(step).copied().flatten(),
        };
        let last = validation.mean.len().saturating_sub(1);
        let steps = &config.record.validation_steps;
        let values: Option<Vec<f64>> = steps.iter().map(|&step| at(step.min(last))).collect();
        Some(BestFigure {
            measure,
            value: values?.iter().sum::<f64>() / steps.len() as f64,
            iteration: line.iteration,
        })
    });
    let score = |figure: &BestFigure| match measure {
        "loss" => -figure.value,
        _ => figure.value,
    };
    figures.max_by(|a, b| score(a).total_cmp(&score(b)))
}
