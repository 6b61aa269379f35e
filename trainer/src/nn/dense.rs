//! The dense layer, `y = x·W + b`.
//!
//! Shapes: `x [T, B, in]`, `W [T, in, out]`, `b [T, 1, out]`, `y [T, B, out]`;
//! `W` and `b` have a leading 1 while all tasks share them.

use burn::tensor::{Tensor, backend::Backend};

use super::rows;

/// `y = x·W + b`.
pub(super) fn forward<B: Backend>(params: &[Tensor<B, 3>], x: Tensor<B, 3>) -> Tensor<B, 3> {
    let (weight, bias) = (params[0].clone(), params[1].clone());
    rows::add(product(x, weight), bias)
}

/// `dx = dy·Wᵀ`.
pub(super) fn input_gradient<B: Backend>(weight: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
    product(dy, weight.clone().swap_dims(1, 2))
}

/// `dW = xᵀ·dy`, `[T, in, out]`: one gradient per task, whether or not the
/// tasks share the weights.
pub(super) fn weight_gradient<B: Backend>(x: &Tensor<B, 3>, dy: &Tensor<B, 3>) -> Tensor<B, 3> {
    x.clone().swap_dims(1, 2).matmul(dy.clone())
}

/// `db = Σ_examples dy`, `[T, 1, out]`.
pub(super) fn bias_gradient<B: Backend>(dy: &Tensor<B, 3>) -> Tensor<B, 3> {
    rows::sum(dy.clone())
}

/// `[T, B, k] · [T or 1, k, n]`. A shared right-hand side makes it one large
/// product over all tasks' examples instead of `T` small ones.
pub(super) fn product<B: Backend>(x: Tensor<B, 3>, weight: Tensor<B, 3>) -> Tensor<B, 3> {
    let [tasks, examples, inner] = x.dims();
    let [shared, _, outer] = weight.dims();
    if shared == 1 && tasks > 1 {
        x.reshape([1, tasks * examples, inner])
            .matmul(weight)
            .reshape([tasks, examples, outer])
    } else {
        x.matmul(weight)
    }
}
