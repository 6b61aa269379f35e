//! Policy gradient of a categorical policy (REINFORCE):
//! `L = −Σ wᵢ log softmax(pᵢ)[aᵢ]` before the reduction, a cross-entropy whose
//! examples carry weights.
//!
//! Shapes: predictions `[T, B, C]` are logits; targets `[T, B, C + 1]` are the
//! action taken as a one-hot row, then its weight (return or advantage).

use burn::tensor::{Tensor, activation, backend::Backend};

use super::cross_entropy;

/// The one-hot actions `[T, B, C]` and the weights `[T, B, 1]`.
fn parts<B: Backend>(target: Tensor<B, 3>) -> (Tensor<B, 3>, Tensor<B, 3>) {
    let classes = target.dims()[2] - 1;
    (
        target.clone().narrow(2, 0, classes),
        target.narrow(2, classes, 1),
    )
}

/// `−Σ_{examples} w·log π`, `[T, 1]`.
pub(super) fn sums<B: Backend>(logits: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 2> {
    let [tasks, examples, _] = logits.dims();
    let (action, weight) = parts(target);
    (log_likelihood(logits, action) * weight)
        .reshape([tasks, examples])
        .sum_dim(1)
        .neg()
}

/// `log π(a) = Σ_{classes} a·log softmax(p)`, `[T, B, 1]`, of one-hot actions `[T, B, C]`.
pub(super) fn log_likelihood<B: Backend>(
    logits: Tensor<B, 3>,
    action: Tensor<B, 3>,
) -> Tensor<B, 3> {
    (activation::log_softmax(logits, 2) * action).sum_dim(2)
}

/// `dp = factor·w·(softmax(p) − a)`.
pub(super) fn gradient<B: Backend>(
    logits: Tensor<B, 3>,
    target: Tensor<B, 3>,
    factor: f32,
) -> Tensor<B, 3> {
    let (action, weight) = parts(target);
    (activation::softmax(logits, 2) - action) * weight.mul_scalar(factor)
}

/// `weight factor p ⊙ (ẏ − Σ p ẏ)` with the probabilities `p`.
pub(super) fn gradient_tangent<B: Backend>(
    logits: Tensor<B, 3>,
    target: Tensor<B, 3>,
    along: Tensor<B, 3>,
    factor: f32,
) -> Tensor<B, 3> {
    let (_, weight) = parts(target);
    cross_entropy::gradient_tangent(logits, along, factor) * weight
}
