//! The product of the inner gradient's derivative, the Hessian of the support loss, with
//! a vector.

use burn::tensor::{Tensor, backend::Backend};

use super::backward::like;
use super::objective::Params;
use super::{MetaObjective, PerTensor};
use crate::loss::Loss;
use crate::nn::{OutputGradients, Trace};
use crate::samplers::Set;

/// Forward and backward pass of an inner step on its support set, through all layers.
pub(super) struct StepPasses<B: Backend> {
    trace: Trace<B>,
    deltas: OutputGradients<B>,
    y: Tensor<B, 3>,
}

impl MetaObjective {
    /// Both passes at `θ`.
    pub(super) fn passes<B: Backend>(
        &self,
        theta: &[Tensor<B, 3>],
        support: Set<B>,
    ) -> StepPasses<B> {
        let Set { x, y } = support;
        let trace = self.all.forward_trace(theta, x);
        let dy = self.loss.gradient(trace.output().clone(), y.clone());
        let deltas = self.all.deltas(theta, &trace, dy);
        StepPasses { trace, deltas, y }
    }

    /// Both passes at `θ` where the gradient of the loss is 0, so that tangents are the
    /// product with its second derivative by the predictions alone.
    pub(super) fn passes_at_rest<B: Backend>(
        &self,
        theta: &[Tensor<B, 3>],
        set: Set<B>,
    ) -> StepPasses<B> {
        let Set { x, y } = set;
        let trace = self.all.forward_trace(theta, x);
        let deltas = self.all.deltas(theta, &trace, trace.output().zeros_like());
        StepPasses { trace, deltas, y }
    }

    /// The inner gradient itself.
    pub(super) fn gradient_of<B: Backend>(&self, passes: &StepPasses<B>) -> PerTensor<B> {
        self.network.gradients(&passes.trace, &passes.deltas)
    }

    /// `Hᵀ u` for every tensor, with the leading axis of `θ`: how the gradients of the
    /// support loss move along `u`, which is the same as `H` is symmetric. With it the
    /// same for the support examples, where that is wanted.
    pub(super) fn hessian_vector_product<B: Backend>(
        &self,
        theta: &[Tensor<B, 3>],
        passes: &StepPasses<B>,
        direction: &[Option<Tensor<B, 3>>],
        of_inputs: bool,
    ) -> (Params<B>, Option<Tensor<B, 3>>) {
        self.product_of(self.loss, theta, passes, direction, of_inputs)
    }

    /// The same of another loss, whose gradient the passes were made with.
    pub(super) fn product_of<B: Backend>(
        &self,
        loss: Loss,
        theta: &[Tensor<B, 3>],
        passes: &StepPasses<B>,
        direction: &[Option<Tensor<B, 3>>],
        of_inputs: bool,
    ) -> (Params<B>, Option<Tensor<B, 3>>) {
        let StepPasses { trace, deltas, y } = passes;
        let loss_tangent = |along: Tensor<B, 3>| {
            let prediction = trace.output().clone();
            loss.gradient_tangent(prediction, y.clone(), along)
        };
        let (tangents, dx) =
            self.all
                .gradient_tangents(theta, (trace, deltas), direction, loss_tangent, of_inputs);
        let of_theta = tangents.into_iter().zip(theta);
        let of_theta = of_theta.map(|(tangent, theta)| like(theta, tangent));
        (of_theta.collect(), dx)
    }
}
