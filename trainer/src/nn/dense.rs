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
pub(super) fn input_gradient<B: Backend>(
    params: &[Tensor<B, 3>],
    dy: Tensor<B, 3>,
) -> Tensor<B, 3> {
    product(dy, params[0].clone().swap_dims(1, 2))
}

/// `dW = xᵀ·dy`, `[T, in, out]`: one gradient per task, whether or not the
/// tasks share the weights.
pub(super) fn weight_gradient<B: Backend>(x: &Tensor<B, 3>, dy: &Tensor<B, 3>) -> Tensor<B, 3> {
    x.clone().swap_dims(1, 2).matmul(dy.clone())
}

/// `db = Σ_examples dy`, `[T, 1, out]`.
pub(super) fn bias_gradient<B: Backend>(dy: &Tensor<B, 3>) -> Tensor<B, 3> {
    dy.clone().sum_dim(1)
}

/// `⟨dW, W'⟩ + ⟨db, b'⟩ = Σ dy ⊙ (x·W' + b')` without forming `dW` or `db`:
/// the slope of the loss along a direction `W' [T, in, out]`, `b' [T, 1, out]`.
/// A missing direction is 0; `None` if both are missing.
pub(super) fn slope<B: Backend>(
    x: &Tensor<B, 3>,
    dy: &Tensor<B, 3>,
    weight: Option<Tensor<B, 3>>,
    bias: Option<Tensor<B, 3>>,
) -> Option<Tensor<B, 1>> {
    let product = weight.map(|weight| x.clone().matmul(weight));
    let moved = match (product, bias) {
        (Some(product), Some(bias)) => rows::add(product, bias),
        (Some(product), None) => product,
        (None, Some(bias)) => {
            let examples = dy.dims()[1];
            bias.repeat_dim(1, examples)
        }
        (None, None) => return None,
    };
    Some((dy.clone() * moved).sum())
}

/// `[T, B, k] · [T or 1, k, n]`. A shared right-hand side makes it one large
/// product over all tasks' examples instead of `T` small ones.
fn product<B: Backend>(x: Tensor<B, 3>, weight: Tensor<B, 3>) -> Tensor<B, 3> {
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
