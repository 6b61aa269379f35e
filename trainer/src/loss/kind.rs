//! The names of the losses, as a config writes them.

use std::fmt;

use super::{Policy, Surrogate};
use serde::de::value::{MapAccessDeserializer, MapDeserializer};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What the inner and the outer loop minimise.
///
/// In a config a loss without parameters is its name, `loss = "mse"`; one with
/// parameters is a table, `loss = { kind = "huber", delta = 1.0 }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
// Derives the table form as inherent functions; the traits are below.
#[serde(
    remote = "Self",
    tag = "kind",
    rename_all = "snake_case",
    deny_unknown_fields
)]
pub enum LossKind {
    /// Squared error, `(p − t)²`.
    Mse,
    /// Huber loss: `½d²` where `|d| ≤ δ`, `δ(|d| − ½δ)` elsewhere.
    Huber {
        /// `δ`, where the parabola becomes a line.
        delta: f64,
    },
    /// Softmax cross-entropy with one-hot targets.
    CrossEntropy,
    /// `−w log π(a)` of a Gaussian policy: predictions are `[mean, log σ]`,
    /// targets `[action, w]`.
    GaussianPolicy,
    /// `−w log π(a)` of a categorical policy: predictions are logits, targets
    /// a one-hot action and `w`.
    CategoricalPolicy,
    /// What inner and outer steps of a policy follow in training; no config names it.
    #[serde(skip)]
    Surrogate(Surrogate),
    /// How far a policy has gone from the one that acted; no config names it.
    #[serde(skip)]
    Divergence(Policy),
}

impl LossKind {
    /// In words, for figures and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mse => "mean squared error",
            Self::Huber { .. } => "Huber loss",
            Self::CrossEntropy => "cross-entropy",
            Self::GaussianPolicy => "Gaussian policy loss",
            Self::CategoricalPolicy => "categorical policy loss",
            Self::Surrogate(_) => "surrogate of the expected return",
            Self::Divergence(_) => "divergence of the policy",
        }
    }

    /// Values of the target that belongs to a prediction of `outputs` values;
    /// `None` if no prediction can have that many.
    ///
    /// ```
    /// use mamlet_trainer::loss::LossKind;
    /// assert_eq!(LossKind::Mse.targets(6), Some(6));
    /// assert_eq!(LossKind::GaussianPolicy.targets(6), Some(4));
    /// assert_eq!(LossKind::GaussianPolicy.targets(5), None);
    /// ```
    pub fn targets(self, outputs: usize) -> Option<usize> {
        match self {
            Self::Mse | Self::Huber { .. } | Self::CrossEntropy => Some(outputs),
            Self::GaussianPolicy => outputs.is_multiple_of(2).then_some(outputs / 2 + 1),
            Self::CategoricalPolicy | Self::Divergence(_) => Some(outputs + 1),
            Self::Surrogate(surrogate) => Some(surrogate.policy.action(outputs) + 2),
        }
    }
}

impl Serialize for LossKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Huber { .. } | Self::Surrogate(_) | Self::Divergence(_) => {
                Self::serialize(self, serializer)
            }
            Self::Mse => serializer.serialize_str("mse"),
            Self::CrossEntropy => serializer.serialize_str("cross_entropy"),
            Self::GaussianPolicy => serializer.serialize_str("gaussian_policy"),
            Self::CategoricalPolicy => serializer.serialize_str("categorical_policy"),
        }
    }
}

impl<'de> Deserialize<'de> for LossKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrTable;

        impl<'de> Visitor<'de> for NameOrTable {
            type Value = LossKind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a loss, or a table with its kind and parameters")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<LossKind, E> {
                let table = MapDeserializer::new(std::iter::once(("kind", name)));
                LossKind::deserialize(table)
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<LossKind, A::Error> {
                LossKind::deserialize(MapAccessDeserializer::new(table))
            }
        }

        deserializer.deserialize_any(NameOrTable)
    }
}
