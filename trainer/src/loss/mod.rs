//! Losses: the value per task, and the gradient with respect to the
//! predictions written out so that it can be differentiated again.
//!
//! Predictions are `[tasks, examples, outputs]`. Targets are tensors of the
//! same leading axes; the last is laid out by the loss:
//!
//! | loss | a prediction | its target here | its target on a device |
//! |---|---|---|---|
//! | squared error, Huber | `[y₁…yₙ]` | `[t₁…tₙ]` | the same |
//! | cross-entropy | logits of `C` classes | one-hot, `C` | `[class]` |
//! | Gaussian policy | `[μ₁…μₙ, log σ₁…log σₙ]` | `[a₁…aₙ, w]` | the same |
//! | categorical policy | logits of `C` actions | one-hot, `C`, then `w` | `[class, w]` |
//!
//! Two more are for training alone, where a policy acts: [`Surrogate`]s, whose first gradient
//! is that of the policies' losses, and the divergence of a policy from the one that acted.

mod categorical_policy;
mod cross_entropy;
mod divergence;
mod gaussian_policy;
mod huber;
mod kind;
mod mse;
mod policy;
mod surrogate;

use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

pub use kind::LossKind;
pub use policy::Policy;
pub use surrogate::{Estimator, Form, Surrogate};

/// How examples are put together.
///
/// The authors' classification code sums where most ports average: its inner
/// rate then acts `examples` times as strongly. A config says which it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// Mean over the examples (and, for squared error and Huber, the outputs).
    Mean,
    /// Sum over the same elements.
    Sum,
}

/// A loss and its reduction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// The function.
    pub kind: LossKind,
    /// How its examples are reduced.
    pub reduction: Reduction,
}

impl Loss {
    /// Mean squared error.
    pub const MSE: Self = Self {
        kind: LossKind::Mse,
        reduction: Reduction::Mean,
    };

    /// The loss of every task, `[T]`, for `prediction [T, B, out]` and `target
    /// [T, B, t]`, where `t` is [`LossKind::targets`] of `out`.
    pub fn value<B: Backend>(
        &self,
        prediction: Tensor<B, 3>,
        target: Tensor<B, 3>,
    ) -> Tensor<B, 1> {
        let [tasks, examples, outputs] = prediction.dims();
        let sums = match self.kind {
            LossKind::Mse => mse::sums(prediction, target),
            LossKind::Huber { delta } => huber::sums(prediction, target, delta),
            LossKind::CrossEntropy => cross_entropy::sums(prediction, target),
            LossKind::GaussianPolicy => gaussian_policy::sums(prediction, target),
            LossKind::CategoricalPolicy => categorical_policy::sums(prediction, target),
            LossKind::Surrogate(surrogate) => surrogate.sums(prediction, target),
            LossKind::Divergence(policy) => divergence::sums(policy, prediction, target),
        };
        let sums = sums.reshape([tasks]);
        match self.divisor(examples, outputs) {
            1 => sums,
            divisor => sums.div_scalar(divisor as f32),
        }
    }

    /// `∂ value / ∂ prediction`, `[T, B, out]`.
    pub fn gradient<B: Backend>(
        &self,
        prediction: Tensor<B, 3>,
        target: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        let [_, examples, outputs] = prediction.dims();
        let factor = 1.0 / self.divisor(examples, outputs) as f32;
        match self.kind {
            LossKind::Mse => mse::gradient(prediction, target, factor),
            LossKind::Huber { delta } => huber::gradient(prediction, target, delta, factor),
            LossKind::CrossEntropy => cross_entropy::gradient(prediction, target, factor),
            LossKind::GaussianPolicy => gaussian_policy::gradient(prediction, target, factor),
            LossKind::CategoricalPolicy => categorical_policy::gradient(prediction, target, factor),
            LossKind::Surrogate(surrogate) => surrogate.gradient(prediction, target, factor),
            LossKind::Divergence(policy) => {
                divergence::gradient(policy, prediction, target, factor)
            }
        }
    }

    /// How [`Loss::gradient`] moves along a direction of the prediction, `[T, B, out]`: the
    /// product of the loss's Hessian with it.
    pub fn gradient_tangent<B: Backend>(
        &self,
        prediction: Tensor<B, 3>,
        target: Tensor<B, 3>,
        along: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        let [_, examples, outputs] = prediction.dims();
        let factor = 1.0 / self.divisor(examples, outputs) as f32;
        match self.kind {
            LossKind::Mse => mse::gradient_tangent(along, factor),
            LossKind::Huber { delta } => {
                huber::gradient_tangent(prediction, target, delta, along, factor)
            }
            LossKind::CrossEntropy => cross_entropy::gradient_tangent(prediction, along, factor),
            LossKind::GaussianPolicy => {
                gaussian_policy::gradient_tangent(prediction, target, along, factor)
            }
            LossKind::CategoricalPolicy => {
                categorical_policy::gradient_tangent(prediction, target, along, factor)
            }
            LossKind::Surrogate(surrogate) => {
                surrogate.gradient_tangent(prediction, target, along, factor)
            }
            LossKind::Divergence(policy) => {
                divergence::gradient_tangent(policy, prediction, target, along, factor)
            }
        }
    }

    /// What the sum over `examples` of `outputs` values each is divided by.
    pub fn divisor(&self, examples: usize, outputs: usize) -> usize {
        match (self.reduction, self.kind) {
            (Reduction::Sum, _) => 1,
            (Reduction::Mean, LossKind::Mse | LossKind::Huber { .. }) => examples * outputs,
            (Reduction::Mean, _) => examples,
        }
    }
}

#[cfg(test)]
mod tests;
