//! Softmax cross-entropy, `L = −Σ t·log softmax(p)` before the reduction, for
//! targets whose outputs sum to 1.

use burn::tensor::{Tensor, activation, backend::Backend};

/// `−Σ_{examples, classes} t·log softmax(p)`, `[T, 1]`.
pub(super) fn sums<B: Backend>(logits: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 2> {
    let [tasks, examples, classes] = logits.dims();
    (activation::log_softmax(logits, 2) * target)
        .reshape([tasks, examples * classes])
        .sum_dim(1)
        .neg()
}

/// `dp = factor·(softmax(p) − t)`.
pub(super) fn gradient<B: Backend>(
    logits: Tensor<B, 3>,
    target: Tensor<B, 3>,
    factor: f32,
) -> Tensor<B, 3> {
    (activation::softmax(logits, 2) - target).mul_scalar(factor)
}

/// `factor p ⊙ (ẏ − Σ p ẏ)` with the probabilities `p`.
pub(super) fn gradient_tangent<B: Backend>(
    logits: Tensor<B, 3>,
    along: Tensor<B, 3>,
    factor: f32,
) -> Tensor<B, 3> {
    let p = activation::softmax(logits, 2);
    let mean = (p.clone() * along.clone()).sum_dim(2);
    (p * (along - mean)).mul_scalar(factor)
}
