//! The product of the inner gradient's derivative with a vector.

use burn::tensor::{Tensor, backend::Backend};

use super::maml::Params;
use super::way_back::over_tasks;
use super::{Maml, PerTensor};
use crate::nn::{OutputGradients, Trace};
use crate::tasks::DeviceBatch;

/// Forward and backward pass of an inner step on the support set, through all layers.
pub(super) struct StepPasses<B: Backend> {
    trace: Trace<B>,
    deltas: OutputGradients<B>,
}

impl Maml {
    /// Both passes at `θ`.
    pub(super) fn passes<B: Backend>(
        &self,
        theta: &[Tensor<B, 3>],
        batch: &DeviceBatch<B>,
    ) -> StepPasses<B> {
        let trace = self.all.forward_trace(theta, batch.support_x.clone());
        let dy = self
            .loss
            .gradient(trace.output().clone(), batch.support_y.clone());
        let deltas = self.all.deltas(theta, &trace, dy);
        StepPasses { trace, deltas }
    }

    /// The inner gradient itself.
    pub(super) fn gradient_of<B: Backend>(&self, passes: &StepPasses<B>) -> PerTensor<B> {
        self.network.gradients(&passes.trace, &passes.deltas)
    }

    /// `Hᵀ u` for every tensor, with the leading axis of `θ`: how the gradients of the
    /// support loss move along `u`, which is the same as `H` is symmetric. With it the
    /// same for the support examples, where that is wanted.
    pub(super) fn curvature<B: Backend>(
        &self,
        theta: &[Tensor<B, 3>],
        passes: &StepPasses<B>,
        batch: &DeviceBatch<B>,
        direction: &[Option<Tensor<B, 3>>],
        of_inputs: bool,
    ) -> (Params<B>, Option<Tensor<B, 3>>) {
        let StepPasses { trace, deltas } = passes;
        let bend = |along: Tensor<B, 3>| {
            let prediction = trace.output().clone();
            self.loss
                .gradient_tangent(prediction, batch.support_y.clone(), along)
        };
        let (tangents, dx) =
            self.all
                .gradient_tangents(theta, (trace, deltas), direction, bend, of_inputs);
        let of_theta = |(tangent, theta): (Tensor<B, 3>, &Tensor<B, 3>)| {
            if theta.dims()[0] == 1 {
                over_tasks(tangent)
            } else {
                tangent
            }
        };
        (tangents.into_iter().zip(theta).map(of_theta).collect(), dx)
    }
}
