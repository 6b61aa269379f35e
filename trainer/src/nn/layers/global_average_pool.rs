//! The mean over all positions.

use burn::tensor::{Tensor, backend::Backend};
use mamlet_formats as formats;

use super::super::rows;
use super::facts::{Build, Facts, LayerTensor, OnIntegers, Role, Stored};
use super::map::{LinearMap, MapLayer};
use super::{LayerSpec, Shape};

/// The mean of every channel over all positions: a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalAveragePool;

/// A [`GlobalAveragePool`] on examples of one shape.
#[derive(Clone, Debug)]
pub(in crate::nn) struct Mean {
    positions: usize,
    channels: usize,
}

impl LinearMap for Mean {
    /// `[T, B, C]`.
    fn forward<B: Backend>(&self, x: Tensor<B, 3>) -> (Tensor<B, 3>, Vec<Tensor<B, 3>>) {
        let [tasks, examples, width] = x.dims();
        let y = x
            .reshape([tasks * examples, width / self.channels, self.channels])
            .mean_dim(1)
            .reshape([tasks, examples, self.channels]);
        (y, Vec::new())
    }

    fn forward_tangent<B: Backend>(&self, _: &[Tensor<B, 3>], x_dot: Tensor<B, 3>) -> Tensor<B, 3> {
        self.forward(x_dot).0
    }

    /// `dx = dy / positions` at every position.
    fn adjoint<B: Backend>(&self, _: &[Tensor<B, 3>], dy: Tensor<B, 3>) -> Tensor<B, 3> {
        rows::repeat(dy.div_scalar(self.positions as f32), self.positions)
    }
}

impl Build for GlobalAveragePool {
    type Layer = MapLayer<Mean>;

    fn build(&self, input: Shape) -> Result<Self::Layer, String> {
        Ok(MapLayer(Mean {
            positions: input.positions(),
            channels: input.channels(),
        }))
    }
}

impl Facts for GlobalAveragePool {
    fn role(&self) -> Role {
        Role::Fixed
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(Shape::Vector(input.channels()))
    }

    fn tensors(&self, _: Shape) -> Vec<LayerTensor> {
        Vec::new()
    }

    fn joined(&self, _: usize, _: bool) -> Result<LayerSpec, &'static str> {
        Ok(LayerSpec::GlobalAveragePool)
    }

    fn artifact(&self, _: &Stored<'_>) -> Result<formats::Layer, String> {
        Ok(formats::Layer::GlobalAveragePool)
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Same
    }
}
