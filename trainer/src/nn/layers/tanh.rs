//! Hyperbolic tangent.

use burn::tensor::{Tensor, activation, backend::Backend};
use mamlet_formats as formats;

use super::activation::Activation;
use super::facts::OnIntegers;

/// `y = tanh(x)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tanh;

impl Activation for Tanh {
    fn forward<B: Backend>(&self, _: usize, x: Tensor<B, 3>) -> Tensor<B, 3> {
        activation::tanh(x)
    }

    /// `dx = dy · (1 − y²)`.
    fn backward<B: Backend>(&self, _: usize, y: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
        dy * (y.clone() * y.clone()).neg().add_scalar(1.0)
    }

    fn forward_tangent<B: Backend>(
        &self,
        channels: usize,
        y: &Tensor<B, 3>,
        x_dot: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        self.backward(channels, y, x_dot)
    }

    /// `−2 y ẏ dy`.
    fn jacobian_tangent<B: Backend>(
        &self,
        _: usize,
        y: &Tensor<B, 3>,
        y_dot: Tensor<B, 3>,
        dy: Tensor<B, 3>,
    ) -> Option<Tensor<B, 3>> {
        Some((dy * y.clone() * y_dot).mul_scalar(-2.0))
    }

    fn mixes_channels(&self) -> bool {
        false
    }

    fn artifact(&self) -> formats::Layer {
        formats::Layer::Tanh
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Float
    }
}
