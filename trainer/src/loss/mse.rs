//! Squared error, `L = Σ (p − t)²` before the reduction.

use burn::tensor::{Tensor, backend::Backend};

/// `Σ_{examples, outputs} (p − t)²`, `[T, 1]`.
pub(super) fn sums<B: Backend>(prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 2> {
    let [tasks, examples, outputs] = prediction.dims();
    let error = prediction - target;
    (error.clone() * error)
        .reshape([tasks, examples * outputs])
        .sum_dim(1)
}

/// `dp = 2·factor·(p − t)`.
pub(super) fn gradient<B: Backend>(
    prediction: Tensor<B, 3>,
    target: Tensor<B, 3>,
    factor: f32,
) -> Tensor<B, 3> {
    (prediction - target).mul_scalar(2.0 * factor)
}

/// `2 factor ẏ`.
pub(super) fn gradient_tangent<B: Backend>(along: Tensor<B, 3>, factor: f32) -> Tensor<B, 3> {
    along.mul_scalar(2.0 * factor)
}
