//! Softmax.

use burn::tensor::{Tensor, activation, backend::Backend};
use mamlet_formats as formats;

use super::activation::Activation;
use super::facts::OnIntegers;

/// `yᵢ = e^xᵢ / Σⱼ e^xⱼ` over the channels of every position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax;

impl Activation for Softmax {
    fn forward<B: Backend>(&self, channels: usize, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let dims = x.dims();
        activation::softmax(by_position(channels, x), 1).reshape(dims)
    }

    /// `dx = y ⊙ (dy − Σⱼ dyⱼ yⱼ)`.
    fn backward<B: Backend>(
        &self,
        channels: usize,
        y: &Tensor<B, 3>,
        dy: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        let dims = dy.dims();
        let (y, dy) = (by_position(channels, y.clone()), by_position(channels, dy));
        let along = (dy.clone() * y.clone()).sum_dim(1);
        (y * (dy - along)).reshape(dims)
    }

    /// `J = diag(y) − y yᵀ` is symmetric.
    fn forward_tangent<B: Backend>(
        &self,
        channels: usize,
        y: &Tensor<B, 3>,
        x_dot: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        self.backward(channels, y, x_dot)
    }

    /// `ẏ ⊙ (dy − Σⱼ dyⱼ yⱼ) − y Σⱼ dyⱼ ẏⱼ`.
    fn jacobian_tangent<B: Backend>(
        &self,
        channels: usize,
        y: &Tensor<B, 3>,
        y_dot: Tensor<B, 3>,
        dy: Tensor<B, 3>,
    ) -> Option<Tensor<B, 3>> {
        let dims = dy.dims();
        let [y, y_dot, dy] = [y.clone(), y_dot, dy].map(|x| by_position(channels, x));
        let along = (dy.clone() * y.clone()).sum_dim(1);
        let along_dot = (dy.clone() * y_dot.clone()).sum_dim(1);
        Some((y_dot * (dy - along) - y * along_dot).reshape(dims))
    }

    fn mixes_channels(&self) -> bool {
        true
    }

    fn artifact(&self) -> formats::Layer {
        formats::Layer::Softmax
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Float
    }
}

/// `[T, B, positions·C]` as `[T·B·positions, C]`.
fn by_position<B: Backend>(channels: usize, x: Tensor<B, 3>) -> Tensor<B, 2> {
    let rows = x.shape().num_elements() / channels;
    x.reshape([rows, channels])
}
