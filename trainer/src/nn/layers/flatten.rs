//! Flatten.

use burn::tensor::{Tensor, backend::Backend};
use mamlet_formats as formats;

use super::facts::{Build, Facts, LayerTensor, OnIntegers, Role, Stored};
use super::map::{LinearMap, MapLayer};
use super::{LayerSpec, Shape};

/// All features as one vector. Changes no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flatten;

impl LinearMap for Flatten {
    fn forward<B: Backend>(&self, x: Tensor<B, 3>) -> (Tensor<B, 3>, Vec<Tensor<B, 3>>) {
        (x, Vec::new())
    }

    fn forward_tangent<B: Backend>(&self, _: &[Tensor<B, 3>], x_dot: Tensor<B, 3>) -> Tensor<B, 3> {
        x_dot
    }

    fn adjoint<B: Backend>(&self, _: &[Tensor<B, 3>], dy: Tensor<B, 3>) -> Tensor<B, 3> {
        dy
    }
}

impl Build for Flatten {
    type Layer = MapLayer<Self>;

    fn build(&self, _: Shape) -> Result<Self::Layer, String> {
        Ok(MapLayer(*self))
    }
}

impl Facts for Flatten {
    fn role(&self) -> Role {
        Role::Fixed
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(Shape::Vector(input.features()))
    }

    fn tensors(&self, _: Shape) -> Vec<LayerTensor> {
        Vec::new()
    }

    fn joined(&self, _: usize, _: bool) -> Result<LayerSpec, &'static str> {
        Ok(LayerSpec::Flatten)
    }

    fn artifact(&self, _: &Stored<'_>) -> Result<formats::Layer, String> {
        Ok(formats::Layer::Flatten)
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Same
    }
}
