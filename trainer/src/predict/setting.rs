//! What a query sees of the others while it is predicted.

use serde::{Deserialize, Serialize};

use crate::nn::{Network, Statistics};

/// How the queries of a task are predicted. It matters for batch norms that
/// use the statistics of their batch; for all others all are the same.
///
/// In all of them the support set is one batch while a network adapts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// Every query alone, as the engine on a board predicts it: a batch of one, whose
    /// statistics are those of the query's own positions. Of prototypes, every support
    /// example too.
    Device,
    /// All queries in one batch, so that its statistics tell of all of them
    /// (Finn et al. 2017).
    Transductive,
    /// Every query in a batch of its own with the support set, so that it is
    /// predicted without the other queries (Nichol et al. 2018).
    Inductive,
}

impl Setting {
    /// Each once.
    pub const ALL: [Self; 3] = [Self::Device, Self::Transductive, Self::Inductive];

    /// As in tables and configs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Transductive => "transductive",
            Self::Inductive => "inductive",
        }
    }
}

/// Whether an example's prediction depends on the others of its batch: there is
/// a batch norm without stored statistics.
pub fn sees_the_batch(network: &Network) -> bool {
    let measured = !network.statistics().is_empty();
    let mut layers = network.spec().layers.iter();
    layers.any(|layer| {
        let statistics = layer.statistics();
        statistics.is_some_and(|from| from == Statistics::Current || !measured)
    })
}
