//! The sets of a norm: which values of a batch share a mean and a variance.

use burn::tensor::{Tensor, backend::Backend};

use super::{Norm, Over};
use crate::nn::rows;

impl Norm {
    /// `[T, B, positions·C]` as `[S, N, C]`.
    pub(super) fn sets<B: Backend>(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [tasks, examples, _] = x.dims();
        let (positions, channels) = (self.shape.positions(), self.shape.channels());
        match self.over {
            Over::Batch => x.reshape([tasks, examples * positions, channels]),
            Over::Groups(_) => x.reshape([tasks * examples, positions, channels]),
        }
    }

    /// The mean of the set that each channel belongs to, `[S, 1, C]`.
    pub(super) fn mean_of<B: Backend>(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let count = x.dims()[1];
        self.mean(rows::sum(x), count)
    }

    /// The same of `x ⊙ y`.
    pub(super) fn mean_of_product<B: Backend>(
        &self,
        x: &Tensor<B, 3>,
        y: &Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        let count = x.dims()[1];
        self.mean(rows::sum_of_products(x, y), count)
    }

    /// From sums over `count` rows, `[S, 1, C]`, to the mean of the set that
    /// each channel belongs to.
    pub(super) fn mean<B: Backend>(&self, sums: Tensor<B, 3>, count: usize) -> Tensor<B, 3> {
        let mean = sums.div_scalar(count as f32);
        match self.over {
            Over::Batch => mean,
            Over::Groups(groups) => {
                let dims @ [sets, _, channels] = mean.dims();
                let size = channels / groups;
                mean.reshape([sets, groups, size])
                    .mean_dim(2)
                    .repeat_dim(2, size)
                    .reshape(dims)
            }
        }
    }

    /// A parameter `[T or 1, 1, C]` for every set, `[S or 1, 1, C]`.
    pub(super) fn per_set<B: Backend>(
        &self,
        param: &Tensor<B, 3>,
        examples: usize,
    ) -> Tensor<B, 3> {
        let [tasks, _, channels] = param.dims();
        match self.over {
            Over::Groups(_) if tasks > 1 => {
                param
                    .clone()
                    .repeat_dim(1, examples)
                    .reshape([tasks * examples, 1, channels])
            }
            _ => param.clone(),
        }
    }
}

/// `Σ_sets` of every task, `[S, 1, C]` to `[T, 1, C]`.
pub(super) fn over_sets<B: Backend>(sums: Tensor<B, 3>, tasks: usize) -> Tensor<B, 3> {
    let [sets, _, channels] = sums.dims();
    if sets == tasks {
        sums
    } else {
        sums.reshape([tasks, sets / tasks, channels]).sum_dim(1)
    }
}
