//! Huber loss, squared near 0 and linear beyond `δ`, so that an outlier among a
//! few support examples pulls with a bounded force:
//! `L = Σ ½d²` where `|d| ≤ δ`, `Σ δ(|d| − ½δ)` elsewhere, with `d = p − t`.
//!
//! With `c = d` clamped to `±δ` both parts are `c·(d − ½c)`, and the gradient
//! is `c`.

use burn::tensor::{Tensor, backend::Backend};

/// `Σ_{examples, outputs} c·(d − ½c)`, `[T, 1]`.
pub(super) fn sums<B: Backend>(
    prediction: Tensor<B, 3>,
    target: Tensor<B, 3>,
    delta: f64,
) -> Tensor<B, 2> {
    let [tasks, examples, outputs] = prediction.dims();
    let difference = prediction - target;
    let clamped = difference.clone().clamp(-delta, delta);
    (clamped.clone() * (difference - clamped.mul_scalar(0.5)))
        .reshape([tasks, examples * outputs])
        .sum_dim(1)
}

/// `dp = factor·c`.
pub(super) fn gradient<B: Backend>(
    prediction: Tensor<B, 3>,
    target: Tensor<B, 3>,
    delta: f64,
    factor: f32,
) -> Tensor<B, 3> {
    (prediction - target)
        .clamp(-delta, delta)
        .mul_scalar(factor)
}

/// `factor ẏ` where the error is within `±δ`, 0 beyond.
pub(super) fn gradient_tangent<B: Backend>(
    prediction: Tensor<B, 3>,
    target: Tensor<B, 3>,
    delta: f64,
    along: Tensor<B, 3>,
    factor: f32,
) -> Tensor<B, 3> {
    let within = (prediction - target).abs().lower_equal_elem(delta);
    along.mul_scalar(factor) * within.float()
}
