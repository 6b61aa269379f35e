//! What a host asks for.

use serde::{Deserialize, Serialize};

/// What a host asks for. Numbers are f32, little-endian, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Request<'a> {
    /// Begins a session; anything else is refused before it. Forgets what was
    /// written of an example. Answer: [`About`](super::About).
    Hello {
        /// The host's [`MAJOR`](super::MAJOR).
        major: u16,
        /// The host's [`MINOR`](super::MINOR).
        minor: u16,
    },
    /// The names of the outputs, one a line, from a byte on. Answer:
    /// [`Answer::Text`](super::Answer::Text).
    Names {
        /// The first byte.
        from: u32,
    },
    /// Writes numbers of an example: its inputs, and its target behind them.
    /// Pieces come in order; `from` 0 begins an example. Answer:
    /// [`Answer::Done`](super::Answer::Done).
    Write {
        /// The index of the first number.
        from: u32,
        /// Up to [`PIECE`](super::PIECE) numbers.
        values: &'a [u8],
    },
    /// Adds the example that was written. Answer: `Done`.
    Add,
    /// The output for the input that was written, from a number on. The
    /// prediction is computed for every piece. Answer:
    /// [`Answer::Values`](super::Answer::Values).
    Predict {
        /// The index of the first number.
        from: u32,
    },
    /// Forgets the examples; what was learnt of them stays. Answer: `Done`.
    Clear,
    /// Adapts. Answer: [`Answer::Report`](super::Answer::Report).
    Adapt {
        /// Inner steps, instead of the recipe's.
        steps: Option<u32>,
        /// One learning rate, instead of the recipe's.
        rate: Option<f32>,
    },
    /// The report of the last adaptation. Answer: `Report`.
    Report,
    /// What has happened since the start. Answer:
    /// [`Statistics`](super::Statistics).
    Statistics,
    /// The checkpoint of the weights in use, without the weights. Answer:
    /// [`Answer::Checkpoint`](super::Answer::Checkpoint).
    Checkpoint,
    /// The weights in use, from a number on. Answer: `Values`.
    Weights {
        /// The index of the first number.
        from: u32,
    },
    /// Writes weights. Pieces come in order; `from` 0 begins. The
    /// initialisation is in use until [`Request::Take`]. Answer: `Done`.
    WriteWeights {
        /// The index of the first number.
        from: u32,
        /// Up to [`PIECE`](super::PIECE) numbers.
        values: &'a [u8],
    },
    /// Takes the weights that were written into use. Answer: `Done`.
    Take {
        /// The [prefix](crate::checkpoint::Prefix) of their checkpoint.
        prefix: &'a [u8],
    },
    /// Keeps the weights in use in the board's own flash. Answer:
    /// [`Answer::Stored`](super::Answer::Stored).
    Save,
    /// Takes the weights in flash into use. Answer: `Stored`.
    Restore,
    /// Goes back to the initialisation and forgets the examples. Answer:
    /// `Done`.
    Reset {
        /// Forgets what is in flash too.
        stored: bool,
    },
}
