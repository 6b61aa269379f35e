//! Losses: the value per task, and the gradient with respect to the
//! predictions written out so that it can be differentiated again.

mod cross_entropy;
mod mse;

use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

/// What the inner and the outer loop minimise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// Squared error.
    Mse,
    /// Softmax cross-entropy with one-hot targets.
    CrossEntropy,
}

/// How examples are put together.
///
/// The authors' classification code sums where most ports average: its inner
/// rate then acts `examples` times as strongly. A config says which it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// Mean over the examples (and, for squared error, over the outputs).
    Mean,
    /// Sum over the same elements.
    Sum,
}

/// A loss and its reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// The loss of every task, `[T]`, for `prediction` and `target`
    /// `[T, B, out]`.
    pub fn value<B: Backend>(
        &self,
        prediction: Tensor<B, 3>,
        target: Tensor<B, 3>,
    ) -> Tensor<B, 1> {
        let [tasks, examples, outputs] = prediction.dims();
        let sums = match self.kind {
            LossKind::Mse => mse::sums(prediction, target),
            LossKind::CrossEntropy => cross_entropy::sums(prediction, target),
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
            LossKind::CrossEntropy => cross_entropy::gradient(prediction, target, factor),
        }
    }

    fn divisor(&self, examples: usize, outputs: usize) -> usize {
        match (self.reduction, self.kind) {
            (Reduction::Sum, _) => 1,
            (Reduction::Mean, LossKind::Mse) => examples * outputs,
            (Reduction::Mean, LossKind::CrossEntropy) => examples,
        }
    }
}

#[cfg(test)]
mod tests;
