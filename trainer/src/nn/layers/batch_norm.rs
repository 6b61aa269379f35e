//! Batch norm: see [`super::norm`] for the equations.

use mamlet_formats as formats;
use serde::{Deserialize, Serialize};

use super::facts::{Build, Facts, KeyFault, Keys, LayerTensor, OnIntegers, Role, Stored, Widths};
use super::norm::{self, Norm};
use super::{LayerSpec, Shape, default};

/// Where batch normalisation takes mean and variance from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistics {
    /// From the batch at hand, support or query: predictions depend on the
    /// examples they are made with (transductive).
    #[default]
    Current,
    /// From the batch while training, from stored numbers afterwards.
    Stored,
    /// Like `stored`, with numbers of their own for every inner step (MAML++,
    /// Antoniou et al. 2019).
    PerStep,
}

/// `y = gain·(x − mean)/√(variance + ε) + bias` per channel, over all examples and positions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// Where mean and variance come from.
    #[serde(default)]
    pub statistics: Statistics,
    /// `ε`.
    #[serde(default = "default::epsilon")]
    pub epsilon: f64,
}

impl Build for BatchNorm {
    type Layer = Norm;

    fn build(&self, input: Shape) -> Result<Self::Layer, String> {
        Ok(Norm::batch(input, self.epsilon))
    }
}

impl Keys for BatchNorm {
    fn fault(&self) -> Option<KeyFault> {
        norm::fault(self.epsilon)
    }

    fn widths(&mut self) -> Widths<'_> {
        Widths::default()
    }
}

impl Facts for BatchNorm {
    fn role(&self) -> Role {
        Role::Norm {
            of_batch: Some(self.statistics),
        }
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(input)
    }

    fn tensors(&self, input: Shape) -> Vec<LayerTensor> {
        norm::tensors(input)
    }

    fn joined(&self, _: usize, apart: bool) -> Result<LayerSpec, &'static str> {
        match apart {
            true => Ok((*self).into()),
            false => Err("a convolution must come before it"),
        }
    }

    fn artifact(&self, stored: &Stored<'_>) -> Result<formats::Layer, String> {
        Ok(formats::Layer::BatchNorm {
            statistics: stored.statistics,
            epsilon: self.epsilon as f32,
            gain: Some(stored.tensors[0]),
            bias: Some(stored.tensors[1]),
        })
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Scale {
            epsilon: self.epsilon as f32,
        }
    }
}
