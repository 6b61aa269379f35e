//! Group norm: see [`super::norm`] for the equations.

use mamlet_formats as formats;
use serde::{Deserialize, Serialize};

use super::facts::{Build, Facts, KeyFault, Keys, LayerTensor, OnIntegers, Role, Stored, Widths};
use super::norm::{self, Norm};
use super::{LayerSpec, Shape, default};

/// The equation of batch norm with mean and variance of one example's positions and a group
/// of its channels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupNorm {
    /// Number of groups; divides the channels.
    pub groups: usize,
    /// `ε`.
    #[serde(default = "default::epsilon")]
    pub epsilon: f64,
}

impl Build for GroupNorm {
    type Layer = Norm;

    fn build(&self, input: Shape) -> Result<Self::Layer, String> {
        Ok(Norm::groups(input, self.groups, self.epsilon))
    }
}

impl Keys for GroupNorm {
    fn fault(&self) -> Option<KeyFault> {
        norm::fault(self.epsilon)
    }

    fn widths(&mut self) -> Widths<'_> {
        Widths {
            outputs: None,
            groups: Some(&mut self.groups),
        }
    }
}

impl Facts for GroupNorm {
    fn role(&self) -> Role {
        Role::Norm { of_batch: None }
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        let (channels, groups) = (input.channels(), self.groups);
        match groups > 0 && channels.is_multiple_of(groups) {
            true => Ok(input),
            false => Err(format!(
                "its {groups} groups do not divide the {channels} channels; choose a divisor"
            )),
        }
    }

    fn tensors(&self, input: Shape) -> Vec<LayerTensor> {
        norm::tensors(input)
    }

    fn joined(&self, count: usize, apart: bool) -> Result<LayerSpec, &'static str> {
        let groups = self.groups * count;
        match apart {
            true => Ok(Self { groups, ..*self }.into()),
            false => Err("a convolution must come before it"),
        }
    }

    fn artifact(&self, stored: &Stored<'_>) -> Result<formats::Layer, String> {
        Ok(formats::Layer::GroupNorm {
            groups: self.groups as u32,
            epsilon: self.epsilon as f32,
            gain: Some(stored.tensors[0]),
            bias: Some(stored.tensors[1]),
        })
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Float
    }
}
