//! Policy gradient of a Gaussian policy with a diagonal covariance (REINFORCE):
//! `L = −Σ wᵢ log π(aᵢ | xᵢ)` before the reduction, with
//!
//! ```text
//! log π(a | x) = −Σ_j (½ z_j² + s_j + ½ log 2π),   z_j = (a_j − μ_j) e^{−s_j}
//! ```
//!
//! Shapes: predictions `[T, B, 2n]` are `[μ₁…μₙ, s₁…sₙ]` with `s = log σ`, so
//! that every output is a valid policy; targets `[T, B, n + 1]` are
//! `[a₁…aₙ, w]`, the action taken and its weight (return or advantage).

use std::f64::consts::PI;

use burn::tensor::{Tensor, backend::Backend};

/// The parts that value and gradient share.
struct Parts<B: Backend> {
    /// `z = (a − μ)/σ`, `[T, B, n]`.
    z: Tensor<B, 3>,
    /// `1/σ`, `[T, B, n]`.
    precision: Tensor<B, 3>,
    /// `w`, `[T, B, 1]`.
    weight: Tensor<B, 3>,
}

fn parts<B: Backend>(prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Parts<B> {
    let actions = prediction.dims()[2] / 2;
    let mean = prediction.clone().narrow(2, 0, actions);
    let log_sigma = prediction.narrow(2, actions, actions);
    let precision = log_sigma.clone().neg().exp();
    Parts {
        z: (target.clone().narrow(2, 0, actions) - mean) * precision.clone(),
        precision,
        weight: target.narrow(2, actions, 1),
    }
}

/// `−Σ_{examples} w·log π`, `[T, 1]`.
pub(super) fn sums<B: Backend>(prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 2> {
    let [tasks, examples, outputs] = prediction.dims();
    let [action, weight] =
        [(0, outputs / 2), (outputs / 2, 1)].map(|(at, width)| target.clone().narrow(2, at, width));
    let weighted = log_likelihood(prediction, action) * weight;
    weighted.reshape([tasks, examples]).sum_dim(1).neg()
}

/// `log π(a)`, `[T, B, 1]`, of actions `[T, B, n]`.
pub(super) fn log_likelihood<B: Backend>(
    prediction: Tensor<B, 3>,
    action: Tensor<B, 3>,
) -> Tensor<B, 3> {
    let actions = action.dims()[2];
    let mean = prediction.clone().narrow(2, 0, actions);
    let log_sigma = prediction.narrow(2, actions, actions);
    let z = (action - mean) * log_sigma.clone().neg().exp();
    let surprise = (z.clone() * z).mul_scalar(0.5) + log_sigma;
    let surprise = surprise.add_scalar(0.5 * (2.0 * PI).ln());
    surprise.sum_dim(2).neg()
}

/// `dμ = −factor·w·z/σ`, `ds = factor·w·(1 − z²)`.
pub(super) fn gradient<B: Backend>(
    prediction: Tensor<B, 3>,
    target: Tensor<B, 3>,
    factor: f32,
) -> Tensor<B, 3> {
    let Parts {
        z,
        precision,
        weight,
        ..
    } = parts(prediction, target);
    let of_mean = (z.clone() * precision).neg();
    let of_log_sigma = (z.clone() * z).neg().add_scalar(1.0);
    Tensor::cat(vec![of_mean, of_log_sigma], 2) * weight.mul_scalar(factor)
}

/// With `ż = −(ṁ e^−s + z ṡ)` for mean `m` and log σ `s`: `−e^−s (ż − z ṡ)` for the
/// mean, `−2 z ż` for log σ, both times weight and factor.
pub(super) fn gradient_tangent<B: Backend>(
    prediction: Tensor<B, 3>,
    target: Tensor<B, 3>,
    along: Tensor<B, 3>,
    factor: f32,
) -> Tensor<B, 3> {
    let Parts {
        z,
        precision,
        weight,
        ..
    } = parts(prediction, target);
    let actions = z.dims()[2];
    let mean = along.clone().narrow(2, 0, actions);
    let turned = z.clone() * along.narrow(2, actions, actions);
    let moved = (mean * precision.clone() + turned.clone()).neg();
    let of_mean = (precision * (moved.clone() - turned)).neg();
    let of_log_sigma = (z * moved).mul_scalar(-2.0);
    Tensor::cat(vec![of_mean, of_log_sigma], 2) * weight.mul_scalar(factor)
}
