//! ReLU6.

use burn::tensor::{Tensor, backend::Backend};
use mamlet_formats as formats;

use super::activation::Activation;
use super::facts::OnIntegers;

/// `y = min(max(x, 0), 6)`; its derivative at 0 and 6 is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relu6;

impl Activation for Relu6 {
    fn forward<B: Backend>(&self, _: usize, x: Tensor<B, 3>) -> Tensor<B, 3> {
        x.clamp(0.0, 6.0)
    }

    /// `dx = dy · [0 < y < 6]`.
    fn backward<B: Backend>(&self, _: usize, y: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
        let y = y.clone().detach();
        let below = y.clone().neg().add_scalar(6.0).sign();
        dy * y.sign() * below
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
        formats::Layer::Relu6
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Clamp { high: Some(6.0) }
    }
}
