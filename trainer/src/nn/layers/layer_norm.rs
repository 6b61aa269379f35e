//! Layer norm: see [`super::norm`] for the equations.

use mamlet_formats as formats;
use serde::{Deserialize, Serialize};

use super::facts::{Build, Facts, KeyFault, Keys, LayerTensor, OnIntegers, Role, Stored, Widths};
use super::norm::{self, Norm};
use super::{GroupNorm, LayerSpec, Shape, default};

/// Group norm with a single group.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerNorm {
    /// `ε`.
    #[serde(default = "default::epsilon")]
    pub epsilon: f64,
}

impl LayerNorm {
    fn in_groups(&self) -> GroupNorm {
        GroupNorm {
            groups: 1,
            epsilon: self.epsilon,
        }
    }
}

impl Build for LayerNorm {
    type Layer = Norm;

    fn build(&self, input: Shape) -> Result<Self::Layer, String> {
        self.in_groups().build(input)
    }
}

impl Keys for LayerNorm {
    fn fault(&self) -> Option<KeyFault> {
        norm::fault(self.epsilon)
    }

    fn widths(&mut self) -> Widths<'_> {
        Widths::default()
    }
}

impl Facts for LayerNorm {
    fn role(&self) -> Role {
        self.in_groups().role()
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(input)
    }

    fn tensors(&self, input: Shape) -> Vec<LayerTensor> {
        norm::tensors(input)
    }

    /// A group for each.
    fn joined(&self, count: usize, apart: bool) -> Result<LayerSpec, &'static str> {
        self.in_groups().joined(count, apart)
    }

    fn artifact(&self, stored: &Stored<'_>) -> Result<formats::Layer, String> {
        self.in_groups().artifact(stored)
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Float
    }
}
