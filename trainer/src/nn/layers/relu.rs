//! ReLU.

use burn::tensor::{Tensor, activation, backend::Backend};
use mamlet_formats as formats;

use super::super::host;
use super::activation::Activation;
use super::facts::OnIntegers;

/// `y = max(x, 0)`; its derivative at 0 is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relu;

impl Activation for Relu {
    fn forward<B: Backend>(&self, _: usize, x: Tensor<B, 3>) -> Tensor<B, 3> {
        activation::relu(x)
    }

    /// `dx = dy · [y > 0]`. The indicator is piecewise constant, so it is detached: its
    /// derivative is 0 wherever it has one.
    fn backward<B: Backend>(&self, _: usize, y: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
        let passed = |dy: f32, y: f32| dy * if y > 0.0 { 1.0 } else { 0.0 };
        host::with_each(&dy, y, passed).unwrap_or_else(|| dy * y.clone().detach().sign())
    }

    fn forward_tangent<B: Backend>(
        &self,
        channels: usize,
        y: &Tensor<B, 3>,
        x_dot: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        self.backward(channels, y, x_dot)
    }

    fn jacobian_tangent<B: Backend>(
        &self,
        _: usize,
        _: &Tensor<B, 3>,
        _: Tensor<B, 3>,
        _: Tensor<B, 3>,
    ) -> Option<Tensor<B, 3>> {
        None
    }

    fn mixes_channels(&self) -> bool {
        false
    }

    fn artifact(&self) -> formats::Layer {
        formats::Layer::Relu
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Clamp { high: None }
    }
}
