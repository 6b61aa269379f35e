//! What the artifact of a run needs of each board.

use mamlet_simulator::Model;
use mamlet_simulator::board::Board;
use mamlet_simulator::fit::Fit;
use serde::Serialize;

use crate::export::{ExportError, Options, Parity, Score, export};
use crate::model::TrainedModel;
use crate::run::Manifest;

/// The artifact of a run on every board, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Deployment {
    /// There is one.
    Exported(Deployed),
    /// There is none.
    Impossible {
        /// Why, and what to do.
        why: String,
    },
}

/// An artifact and its costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deployed {
    /// How tensors are stored, in words.
    pub form: &'static str,
    /// Bytes of the artifact.
    pub bytes: usize,
    /// How the engine agrees with the trainer.
    pub parity: Parity,
    /// What it scores before and after it was quantised, on the engine.
    pub scores: Option<[Score; 2]>,
    /// Its costs, for each number of shots.
    pub shots: Vec<ShotsFits>,
}

/// Costs with one number of support examples.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShotsFits {
    /// Support examples per task, or per class.
    pub shots: usize,
    /// One entry per board.
    pub boards: Vec<Fit>,
}

impl Deployment {
    /// Exports `model` and asks every board, for each of `shots`.
    pub(super) fn of(
        model: &TrainedModel,
        manifest: Option<&Manifest>,
        shots: &[usize],
        options: &Options,
    ) -> Self {
        match Deployed::of(model, manifest, shots, options) {
            Ok(deployed) => Self::Exported(deployed),
            Err(error) => Self::Impossible {
                why: error.to_string(),
            },
        }
    }
}

impl Deployed {
    fn of(
        model: &TrainedModel,
        manifest: Option<&Manifest>,
        shots: &[usize],
        options: &Options,
    ) -> Result<Self, ExportError> {
        let made = export(model, manifest, options)?;
        let bytes = made.file.bytes().len();
        let wrong = |error: &dyn std::fmt::Display| ExportError::Artifact(error.to_string());
        let artifact = made.file.artifact().map_err(|error| wrong(&error))?;
        let engine = Model::new(&artifact).map_err(|error| wrong(&error))?;
        let boards = |shots: usize| {
            let examples = model.config.tasks.support_size(shots);
            let fits = Board::all()
                .map(|board| Fit::of(&artifact, &engine, bytes, examples, engine.steps(), board));
            ShotsFits {
                shots,
                boards: fits.collect(),
            }
        };
        Ok(Self {
            form: made.stored.name(),
            bytes,
            parity: made.parity,
            scores: made.scores,
            shots: shots.iter().copied().map(boards).collect(),
        })
    }
}
