//! The product of the inner gradient's derivative with a vector, the one place
//! where automatic differentiation is needed.

use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};

use super::maml::Params;
use super::{Maml, PerTensor};
use crate::nn::{Deltas, Network, Trace};
use crate::tasks::DeviceBatch;

/// The graph of an inner gradient. Every tensor is a leaf twice, once for the
/// forward and once for the backward pass, where weights are transposed: their
/// two gradients are then added by [`Maml::curvature`] in the same memory
/// order, which the CPU backend does forty times as fast.
pub(super) struct StepGraph<B: AutodiffBackend> {
    forward: Params<B>,
    backward: Params<B>,
    /// The support examples, where their gradient is wanted.
    x: Option<Tensor<B, 3>>,
    trace: Trace<B>,
    deltas: Deltas<B>,
}

impl<B: AutodiffBackend> StepGraph<B> {
    /// The inner gradient itself.
    pub(super) fn gradient(&self, network: &Network) -> PerTensor<B::InnerBackend> {
        network.gradients(&self.trace.inner(), &self.deltas.inner())
    }
}

impl Maml {
    /// Forward and backward on the support set, as a graph from `θ` and, where
    /// their gradient is wanted too, the examples.
    pub(super) fn graph_of<B: AutodiffBackend>(
        &self,
        theta: &[Tensor<B::InnerBackend, 3>],
        batch: &DeviceBatch<B::InnerBackend>,
        inputs: bool,
    ) -> StepGraph<B> {
        let leaves = || -> Params<B> {
            theta
                .iter()
                .map(|p| Tensor::from_inner(p.clone()).require_grad())
                .collect()
        };
        let (forward, backward) = (leaves(), leaves());
        let x: Tensor<B, 3> = Tensor::from_inner(batch.support_x.clone());
        let x = if inputs { x.require_grad() } else { x };
        let trace = self.network.forward_trace(&forward, x.clone());
        let dy = self.loss.gradient(
            trace.output().clone(),
            Tensor::from_inner(batch.support_y.clone()),
        );
        let deltas = self.network.deltas(&backward, &trace, dy);
        StepGraph {
            forward,
            backward,
            x: inputs.then_some(x),
            trace,
            deltas,
        }
    }

    /// `Hᵀ u` for every tensor, with the leading axis of `θ`: the gradient of
    /// the slope of the support loss along `u`. With it the same for the support
    /// examples, where that is wanted.
    pub(super) fn curvature<B: AutodiffBackend>(
        &self,
        graph: StepGraph<B>,
        direction: PerTensor<B::InnerBackend>,
    ) -> (Params<B::InnerBackend>, Option<Tensor<B::InnerBackend, 3>>) {
        let directions: PerTensor<B> = direction
            .into_iter()
            .map(|u| u.map(Tensor::from_inner))
            .collect();
        let slope = self.network.slope(&graph.trace, &graph.deltas, &directions);
        let mut gradients = slope.backward();
        let dx = graph.x.and_then(|x| x.grad_remove(&mut gradients));
        let curvature = graph
            .forward
            .into_iter()
            .zip(graph.backward)
            .map(|(forward, backward)| {
                let parts = (
                    forward.grad_remove(&mut gradients),
                    backward.grad_remove(&mut gradients),
                );
                match parts {
                    (Some(a), Some(b)) => in_row_order(b) + a,
                    (Some(gradient), None) | (None, Some(gradient)) => gradient,
                    // The slope does not depend on the last bias, for one.
                    (None, None) => forward.inner().zeros_like(),
                }
            })
            .collect();
        (curvature, dx)
    }
}

/// The same values for a tensor that may be a transposed view, in row-major
/// memory. For many matrices the CPU backend transposes element by element, and
/// a product with the identity is seven times as fast.
fn in_row_order<B: Backend>(tensor: Tensor<B, 3>) -> Tensor<B, 3> {
    let [tasks, rows, columns] = tensor.dims();
    if tasks == 1 || rows == 1 || columns == 1 {
        let flat: Tensor<B, 1> = tensor.reshape([tasks * rows * columns]);
        return flat.reshape([tasks, rows, columns]);
    }
    let identity: Tensor<B, 2> = Tensor::eye(columns, &tensor.device());
    tensor.matmul(identity.reshape([1, columns, columns]))
}
