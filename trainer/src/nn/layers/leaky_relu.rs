//! Leaky ReLU.

use burn::tensor::{Tensor, activation, backend::Backend};
use mamlet_formats as formats;
use serde::{Deserialize, Serialize};

use super::activation::Activation;
use super::facts::{KeyFault, Keys, OnIntegers, Widths};

/// `y = x` where `x > 0`, `slope·x` elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeakyRelu {
    /// Factor of the negative side, in `(0, 1)`.
    pub slope: f64,
}

impl Keys for LeakyRelu {
    fn fault(&self) -> Option<KeyFault> {
        let fits = self.slope > 0.0 && self.slope < 1.0;
        (!fits).then_some(KeyFault {
            key: "slope",
            expected: "a number between 0 and 1",
            given: self.slope,
        })
    }

    fn widths(&mut self) -> Widths<'_> {
        Widths::default()
    }
}

impl Activation for LeakyRelu {
    fn forward<B: Backend>(&self, _: usize, x: Tensor<B, 3>) -> Tensor<B, 3> {
        activation::leaky_relu(x, self.slope)
    }

    /// `dx = dy` where `y > 0`, `slope·dy` elsewhere; with `0 < slope`, `y > 0` exactly where
    /// `x > 0`.
    fn backward<B: Backend>(&self, _: usize, y: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
        let positive = activation::relu(y.clone().detach()).sign();
        let slopes = positive.mul_scalar(1.0 - self.slope);
        dy * slopes.add_scalar(self.slope)
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
        formats::Layer::LeakyRelu {
            slope: self.slope as f32,
        }
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Float
    }
}
