//! What a board says of itself and of its adaptations.

use mamlet_formats::protocol::{Cause, Outcome};
use serde::Serialize;

/// What a board is and what it runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Identity {
    /// The board.
    #[serde(rename = "device")]
    pub board: String,
    /// The version of the protocol that it speaks.
    pub protocol: String,
    /// The artifact's name.
    pub artifact: String,
    /// The artifact's checksum, in hexadecimal.
    pub artifact_crc32: String,
    /// The artifact's length in bytes.
    pub artifact_bytes: u32,
    /// Numbers per input.
    pub inputs: usize,
    /// Numbers per output, or classes.
    pub outputs: usize,
    /// Numbers per target.
    pub targets: usize,
    /// The names of the outputs, where they have names.
    pub names: Vec<String>,
    /// Whether a target is a class.
    pub classes: bool,
    /// How many numbers adapt.
    pub adapting: usize,
    /// The recipe's inner steps.
    pub steps: u32,
    /// The most inner steps the recipe allows.
    pub max_steps: u32,
    /// How many examples there is room for.
    pub capacity: u32,
    /// Whether weights survive a power cut.
    pub storage: bool,
}

/// How an adaptation went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AdaptationReport {
    /// In words, as `mamlet-sim run` says it.
    pub outcome: String,
    /// Whether any step was kept.
    pub adapted: bool,
    /// The support loss before each step and after the last.
    pub losses: Vec<f32>,
    /// The same as bits.
    pub loss_bits: Vec<String>,
}

/// The outcome in words.
pub(super) fn describe(outcome: Outcome) -> String {
    use mamlet_runtime as engine;
    let why = |cause| match cause {
        Cause::NotFinite { step } => Some(engine::Cause::NotFinite {
            step: step as usize,
        }),
        Cause::Worse { step } => Some(engine::Cause::Worse {
            step: step as usize,
        }),
        _ => None,
    };
    let outcome = match outcome {
        Outcome::Adapted => Some(engine::Outcome::Adapted),
        Outcome::Shortened { steps, cause } => why(cause).map(|cause| {
            let steps = steps as usize;
            engine::Outcome::Shortened { steps, cause }
        }),
        Outcome::RolledBack { cause } => {
            why(cause).map(|cause| engine::Outcome::RolledBack { cause })
        }
        _ => None,
    };
    outcome.map_or_else(|| "of a kind unknown here".into(), crate::session::describe)
}
