//! Logistic function.

use burn::tensor::{Tensor, activation, backend::Backend};
use mamlet_formats as formats;

use super::activation::Activation;
use super::facts::OnIntegers;

/// `y = 1 / (1 + e⁻ˣ)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sigmoid;

impl Activation for Sigmoid {
    fn forward<B: Backend>(&self, _: usize, x: Tensor<B, 3>) -> Tensor<B, 3> {
        activation::sigmoid(x)
    }

    /// `dx = dy · y · (1 − y)`.
    fn backward<B: Backend>(&self, _: usize, y: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
        dy * (y.clone() - y.clone() * y.clone())
    }

    fn forward_tangent<B: Backend>(
        &self,
        channels: usize,
        y: &Tensor<B, 3>,
        x_dot: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        self.backward(channels, y, x_dot)
    }

    /// `(1 − 2 y) ẏ dy`.
    fn jacobian_tangent<B: Backend>(
        &self,
        _: usize,
        y: &Tensor<B, 3>,
        y_dot: Tensor<B, 3>,
        dy: Tensor<B, 3>,
    ) -> Option<Tensor<B, 3>> {
        Some(dy * y_dot * y.clone().mul_scalar(-2.0).add_scalar(1.0))
    }

    fn mixes_channels(&self) -> bool {
        false
    }

    fn artifact(&self) -> formats::Layer {
        formats::Layer::Sigmoid
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Float
    }
}
