//! The distribution of a policy's actions, as its outputs say it.

use burn::tensor::{Tensor, backend::Backend};

use super::{categorical_policy, gaussian_policy};

/// What a policy draws its actions from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Normal distributions: outputs are `[μ₁…μₙ, log σ₁…log σₙ]`.
    Gaussian,
    /// Outputs are logits of choices.
    Categorical,
}

impl Policy {
    /// Numbers of an action in a target, of a policy with so many outputs.
    pub fn action(self, outputs: usize) -> usize {
        match self {
            Self::Gaussian => outputs / 2,
            Self::Categorical => outputs,
        }
    }

    /// `ℓ = log π(a)`, `[T, B, 1]`, of actions `[T, B, n]`.
    pub fn log_likelihood<B: Backend>(
        self,
        prediction: Tensor<B, 3>,
        action: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        match self {
            Self::Gaussian => gaussian_policy::log_likelihood(prediction, action),
            Self::Categorical => categorical_policy::log_likelihood(prediction, action),
        }
    }

    /// `−factor·w ∂ℓ/∂p` for targets that are action and weight.
    pub(super) fn gradient<B: Backend>(
        self,
        prediction: Tensor<B, 3>,
        target: Tensor<B, 3>,
        factor: f32,
    ) -> Tensor<B, 3> {
        match self {
            Self::Gaussian => gaussian_policy::gradient(prediction, target, factor),
            Self::Categorical => categorical_policy::gradient(prediction, target, factor),
        }
    }

    /// How [`Policy::gradient`] moves along a direction of the prediction.
    pub(super) fn gradient_tangent<B: Backend>(
        self,
        prediction: Tensor<B, 3>,
        target: Tensor<B, 3>,
        along: Tensor<B, 3>,
        factor: f32,
    ) -> Tensor<B, 3> {
        match self {
            Self::Gaussian => gaussian_policy::gradient_tangent(prediction, target, along, factor),
            Self::Categorical => {
                categorical_policy::gradient_tangent(prediction, target, along, factor)
            }
        }
    }
}
