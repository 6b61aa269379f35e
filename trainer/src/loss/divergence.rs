//! Kullback-Leibler divergence of a policy from the one that acted,
//! `L = Σ w KL(π' ‖ π)` before the reduction.
//!
//! ```text
//! Gaussian     KL = Σ_j [ s_j − s'_j + (e^{2s'_j} + d_j²) / (2 e^{2s_j}) − ½ ],  d = μ − μ'
//! categorical  KL = Σ_j π'_j (log π'_j − log π_j)
//! ```
//!
//! Shapes: predictions `[T, B, out]`; targets `[T, B, out + 1]` are the outputs of the policy
//! that acted, and `w`. Value and gradient are 0 where both are the same, and
//! [`gradient_tangent`] is then the product with the Fisher information.

use burn::tensor::{Tensor, activation, backend::Backend};

use super::{Policy, cross_entropy};

/// What the parts of a Gaussian divergence share, `[T, B, n]` each.
struct Gaussian<B: Backend> {
    /// `d`.
    distance: Tensor<B, 3>,
    /// `s − s'`.
    widened: Tensor<B, 3>,
    /// `e^{2s'} + d²`.
    spread: Tensor<B, 3>,
    /// `e^{−2s}`.
    precision: Tensor<B, 3>,
}

fn gaussian<B: Backend>(prediction: Tensor<B, 3>, before: Tensor<B, 3>) -> Gaussian<B> {
    let actions = prediction.dims()[2] / 2;
    let halves = |tensor: Tensor<B, 3>| {
        let [mean, log_sigma] = [0, actions].map(|at| tensor.clone().narrow(2, at, actions));
        (mean, log_sigma)
    };
    let ((mean, log_sigma), (mean_before, log_sigma_before)) = (halves(prediction), halves(before));
    let distance = mean - mean_before;
    Gaussian {
        spread: log_sigma_before.clone().mul_scalar(2.0).exp()
            + distance.clone() * distance.clone(),
        precision: log_sigma.clone().mul_scalar(-2.0).exp(),
        widened: log_sigma - log_sigma_before,
        distance,
    }
}

/// The outputs before, `[T, B, out]`, and `w`, `[T, B, 1]`.
fn parts<B: Backend>(target: Tensor<B, 3>) -> (Tensor<B, 3>, Tensor<B, 3>) {
    let outputs = target.dims()[2] - 1;
    (
        target.clone().narrow(2, 0, outputs),
        target.narrow(2, outputs, 1),
    )
}

/// `Σ_{examples} w KL`, `[T, 1]`.
pub(super) fn sums<B: Backend>(
    policy: Policy,
    prediction: Tensor<B, 3>,
    target: Tensor<B, 3>,
) -> Tensor<B, 2> {
    let [tasks, examples, _] = prediction.dims();
    let (before, weight) = parts(target);
    let each = match policy {
        Policy::Gaussian => {
            let of = gaussian(prediction, before);
            of.widened + (of.spread * of.precision).mul_scalar(0.5).sub_scalar(0.5)
        }
        Policy::Categorical => {
            let probabilities = activation::softmax(before.clone(), 2);
            let logarithms = activation::log_softmax(before, 2);
            probabilities * (logarithms - activation::log_softmax(prediction, 2))
        }
    };
    let of_examples = each.sum_dim(2) * weight;
    of_examples.reshape([tasks, examples]).sum_dim(1)
}

/// `∂L/∂p`.
pub(super) fn gradient<B: Backend>(
    policy: Policy,
    prediction: Tensor<B, 3>,
    target: Tensor<B, 3>,
    factor: f32,
) -> Tensor<B, 3> {
    let (before, weight) = parts(target);
    let each = match policy {
        Policy::Gaussian => {
            let of = gaussian(prediction, before);
            let of_log_sigma = (of.spread * of.precision.clone()).neg().add_scalar(1.0);
            Tensor::cat(vec![of.distance * of.precision, of_log_sigma], 2)
        }
        Policy::Categorical => {
            cross_entropy::gradient(prediction, activation::softmax(before, 2), 1.0)
        }
    };
    each * weight.mul_scalar(factor)
}

/// How [`gradient`] moves along a direction of the prediction.
pub(super) fn gradient_tangent<B: Backend>(
    policy: Policy,
    prediction: Tensor<B, 3>,
    target: Tensor<B, 3>,
    along: Tensor<B, 3>,
    factor: f32,
) -> Tensor<B, 3> {
    let (before, weight) = parts(target);
    let each = match policy {
        Policy::Gaussian => {
            let of = gaussian(prediction, before);
            let actions = of.distance.dims()[2];
            let [mean, log_sigma] = [0, actions].map(|at| along.clone().narrow(2, at, actions));
            let turned = (of.distance.clone() * log_sigma.clone()).mul_scalar(2.0);
            let of_mean = mean.clone() - turned;
            let of_log_sigma = of.spread * log_sigma - of.distance * mean;
            let of_log_sigma = of_log_sigma.mul_scalar(2.0);
            let precision = of.precision;
            Tensor::cat(
                vec![of_mean * precision.clone(), of_log_sigma * precision],
                2,
            )
        }
        Policy::Categorical => cross_entropy::gradient_tangent(prediction, along, 1.0),
    };
    each * weight.mul_scalar(factor)
}
