//! Element-wise layers. Each backward uses the layer's output only, so the
//! input need not be kept.

use burn::tensor::{Tensor, activation, backend::Backend};

use super::host;

/// `y = max(x, 0)`.
pub(super) fn relu<B: Backend>(x: Tensor<B, 3>) -> Tensor<B, 3> {
    activation::relu(x)
}

/// `dx = dy · [y > 0]`. The indicator is piecewise constant, so it is detached:
/// its derivative is 0 wherever it has one.
pub(super) fn relu_backward<B: Backend>(y: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
    let passed = |dy: f32, y: f32| dy * if y > 0.0 { 1.0 } else { 0.0 };
    host::with_each(&dy, y, passed).unwrap_or_else(|| dy * y.clone().detach().sign())
}

/// `y = x` where `x > 0`, `slope·x` elsewhere.
pub(super) fn leaky_relu<B: Backend>(x: Tensor<B, 3>, slope: f64) -> Tensor<B, 3> {
    activation::leaky_relu(x, slope)
}

/// `dx = dy` where `y > 0`, `slope·dy` elsewhere; with `0 < slope`, `y > 0`
/// exactly where `x > 0`.
pub(super) fn leaky_relu_backward<B: Backend>(
    y: &Tensor<B, 3>,
    dy: Tensor<B, 3>,
    slope: f64,
) -> Tensor<B, 3> {
    let positive = activation::relu(y.clone().detach()).sign();
    dy * positive.mul_scalar(1.0 - slope).add_scalar(slope)
}

/// `y = tanh(x)`.
pub(super) fn tanh<B: Backend>(x: Tensor<B, 3>) -> Tensor<B, 3> {
    activation::tanh(x)
}

/// `dx = dy · (1 − y²)`.
pub(super) fn tanh_backward<B: Backend>(y: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
    dy * (y.clone() * y.clone()).neg().add_scalar(1.0)
}

/// The tangent of [`tanh_backward`] as far as it comes from `ẏ`: `−2 y ẏ dy`.
pub(super) fn tanh_bend<B: Backend>(
    y: &Tensor<B, 3>,
    y_dot: Tensor<B, 3>,
    dy: Tensor<B, 3>,
) -> Tensor<B, 3> {
    (dy * y.clone() * y_dot).mul_scalar(-2.0)
}

/// `y = 1 / (1 + e⁻ˣ)`.
pub(super) fn sigmoid<B: Backend>(x: Tensor<B, 3>) -> Tensor<B, 3> {
    activation::sigmoid(x)
}

/// `dx = dy · y · (1 − y)`.
pub(super) fn sigmoid_backward<B: Backend>(y: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
    dy * (y.clone() - y.clone() * y.clone())
}

/// The tangent of [`sigmoid_backward`] as far as it comes from `ẏ`:
/// `(1 − 2 y) ẏ dy`.
pub(super) fn sigmoid_bend<B: Backend>(
    y: &Tensor<B, 3>,
    y_dot: Tensor<B, 3>,
    dy: Tensor<B, 3>,
) -> Tensor<B, 3> {
    dy * y_dot * y.clone().mul_scalar(-2.0).add_scalar(1.0)
}

/// `y = min(max(x, 0), 6)`.
pub(super) fn relu6<B: Backend>(x: Tensor<B, 3>) -> Tensor<B, 3> {
    x.clamp(0.0, 6.0)
}

/// `dx = dy · [0 < y < 6]`.
pub(super) fn relu6_backward<B: Backend>(y: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
    let y = y.clone().detach();
    let below = y.clone().neg().add_scalar(6.0).sign();
    dy * y.sign() * below
}

/// `yᵢ = e^xᵢ / Σⱼ e^xⱼ` over the channels of every position.
pub(super) fn softmax<B: Backend>(channels: usize, x: Tensor<B, 3>) -> Tensor<B, 3> {
    let dims = x.dims();
    activation::softmax(by_position(channels, x), 1).reshape(dims)
}

/// `dx = y ⊙ (dy − Σⱼ dyⱼ yⱼ)`.
pub(super) fn softmax_backward<B: Backend>(
    channels: usize,
    y: &Tensor<B, 3>,
    dy: Tensor<B, 3>,
) -> Tensor<B, 3> {
    let dims = dy.dims();
    let (y, dy) = (by_position(channels, y.clone()), by_position(channels, dy));
    let along = (dy.clone() * y.clone()).sum_dim(1);
    (y * (dy - along)).reshape(dims)
}

/// The tangent of [`softmax_backward`] as far as it comes from `ẏ`:
/// `ẏ ⊙ (dy − Σⱼ dyⱼ yⱼ) − y Σⱼ dyⱼ ẏⱼ`.
pub(super) fn softmax_bend<B: Backend>(
    channels: usize,
    y: &Tensor<B, 3>,
    y_dot: Tensor<B, 3>,
    dy: Tensor<B, 3>,
) -> Tensor<B, 3> {
    let dims = dy.dims();
    let [y, y_dot, dy] = [y.clone(), y_dot, dy].map(|x| by_position(channels, x));
    let along = (dy.clone() * y.clone()).sum_dim(1);
    let turned = (dy.clone() * y_dot.clone()).sum_dim(1);
    (y_dot * (dy - along) - y * turned).reshape(dims)
}

/// `[T, B, positions·C]` as `[T·B·positions, C]`.
fn by_position<B: Backend>(channels: usize, x: Tensor<B, 3>) -> Tensor<B, 2> {
    let rows = x.shape().num_elements() / channels;
    x.reshape([rows, channels])
}
