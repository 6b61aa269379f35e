//! What an artifact takes of a board.

use mamlet_runtime::{Actor, Artifact, Memory, Rollback};
use serde::Serialize;

use crate::Model;
use crate::board::{Board, Work};

/// Flash of the engine: an example that loads, adapts and predicts, without
/// its artifact, as `cargo xtask measure` reports it, rounded up.
pub const ENGINE_FLASH: usize = 72 * 1024;
/// Stack of the engine, the model included, as `cargo xtask measure` reports
/// it, rounded up.
pub const ENGINE_STACK: usize = 4 * 1024;

/// What an adaptation takes, and what the board has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// The board.
    pub board: Board,
    /// Support examples.
    pub examples: usize,
    /// Inner steps.
    pub steps: usize,
    /// Flash in bytes, by what it is for.
    pub flash: Flash,
    /// RAM in bytes, by what it is for.
    pub ram: Ram,
    /// Multiply-accumulates.
    pub macs: Macs,
    /// Predicted seconds, see [`Work::cycles_per_mac`].
    pub seconds: Seconds,
    /// Whether flash and RAM suffice.
    pub fits: bool,
}

/// Flash in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Flash {
    /// The artifact as it stands.
    pub artifact: usize,
    /// [`ENGINE_FLASH`]
    pub engine: usize,
    /// Both.
    pub total: usize,
}

/// RAM in bytes; see [`Memory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Ram {
    pub adapted: usize,
    pub support: usize,
    pub workspace: usize,
    /// [`ENGINE_STACK`]
    pub stack: usize,
    pub total: usize,
}

/// Multiply-accumulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Macs {
    /// One prediction.
    pub prediction: u64,
    /// Adding all examples, which go through the layers below everything that
    /// adapts once.
    pub adding: u64,
    /// An adaptation that goes well.
    pub adaptation: u64,
    /// The most an adaptation can take.
    pub adaptation_at_most: u64,
}

/// Predicted seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Seconds {
    pub prediction: f64,
    pub adding: f64,
    pub adaptation: f64,
    pub adaptation_at_most: f64,
}

impl Fit {
    /// Adds up what an adaptation of `model` from an artifact of
    /// `artifact_bytes` takes.
    pub fn new(
        model: &Model<'_>,
        artifact_bytes: usize,
        examples: usize,
        steps: usize,
        board: Board,
    ) -> Self {
        let memory = model.memory(examples, Rollback::ToInitialisation);
        Self::with(model, memory, artifact_bytes, [examples, steps], board)
    }

    /// As [`Fit::new`], but of a policy that acts and learns by an [`Actor`], from as many
    /// examples as its episodes may have steps, whatever `examples` says.
    pub fn of(
        artifact: &Artifact<'_>,
        model: &Model<'_>,
        artifact_bytes: usize,
        examples: usize,
        steps: usize,
        board: Board,
    ) -> Self {
        let Some(policy) = artifact.policy() else {
            return Self::new(model, artifact_bytes, examples, steps, board);
        };
        let examples = policy.episodes.saturating_mul(policy.horizon) as usize;
        let memory = Actor::memory(model, policy);
        Self::with(model, memory, artifact_bytes, [examples, steps], board)
    }

    fn with(
        model: &Model<'_>,
        memory: Memory,
        artifact_bytes: usize,
        [examples, steps]: [usize; 2],
        board: Board,
    ) -> Self {
        let Memory {
            adapted,
            optimiser,
            support,
            workspace,
            ..
        } = memory;
        let ram = Ram {
            adapted: (adapted + optimiser).bytes(),
            support: support.bytes(),
            workspace: workspace.bytes(),
            stack: ENGINE_STACK,
            total: memory.total().bytes().saturating_add(ENGINE_STACK),
        };
        let flash = Flash {
            artifact: artifact_bytes,
            engine: ENGINE_FLASH,
            total: artifact_bytes.saturating_add(ENGINE_FLASH),
        };
        let cost = model.cost();
        let integers = model.layers().filter(|layer| layer.integer);
        let integers = integers.fold(0u64, |sum, layer| sum.saturating_add(layer.forward));
        let macs = Macs {
            prediction: cost.prediction(),
            adding: cost.once.saturating_mul(examples as u64),
            adaptation: cost.adaptation(examples, steps),
            adaptation_at_most: cost.adaptation_at_most(examples, steps),
        };
        // Layers on integers are all below what adapts.
        let forward = |all: u64| {
            board.seconds(Work::Prediction, all.saturating_sub(integers))
                + board.seconds(Work::Integers, integers)
        };
        Fit {
            examples,
            steps,
            flash,
            ram,
            macs,
            seconds: Seconds {
                prediction: forward(macs.prediction),
                adding: forward(cost.once) * examples as f64,
                adaptation: board.seconds(Work::Adaptation, macs.adaptation),
                adaptation_at_most: board.seconds(Work::Adaptation, macs.adaptation_at_most),
            },
            fits: flash.total <= board.flash && ram.total <= board.ram,
            board,
        }
    }
}
