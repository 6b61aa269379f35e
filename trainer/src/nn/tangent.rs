//! How forward and backward pass move along a direction.
//!
//! Every value `v` of the two passes has a derivative `v̇` along a direction `θ̇` of the
//! parameters, its tangent. One more forward and one more backward pass give them all
//! (Pearlmutter 1994, "Fast exact multiplication by the Hessian"), and as second
//! derivatives are symmetric, the tangents of the gradients are the product of the
//! Hessian with `θ̇`. No graph is built.
//!
//! Every layer says how its own passes move: see [`super::layers`].

use burn::tensor::{Tensor, backend::Backend};

use super::layers::{ForwardTangent, Operation, Passes};
use super::{Network, OutputGradients, Trace};

impl Network {
    /// The derivatives, along `directions`, of the gradients of all tensors, `[T, ...]`
    /// each, and where it is wanted that of the gradient of the input.
    ///
    /// `trace` and `deltas` are those of a network with all tensors adapting. `directions`
    /// has a `[T, ...]` for each tensor or `None` for 0, at least one. `dy_tangent` turns
    /// `ẏ`, the tangent of the predictions, into the tangent of the gradient that `deltas`
    /// start from. Panics where that is not so.
    pub fn gradient_tangents<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        (trace, deltas): (&Trace<B>, &OutputGradients<B>),
        directions: &[Option<Tensor<B, 3>>],
        dy_tangent: impl FnOnce(Tensor<B, 3>) -> Tensor<B, 3>,
        of_input: bool,
    ) -> (Vec<Tensor<B, 3>>, Option<Tensor<B, 3>>) {
        let passes = |index: usize| Passes {
            params: self.of_layer(params, index),
            pass: trace.pass(index),
            gradient: deltas.of_layer[index].as_ref().expect("all tensors adapt"),
            directions: &directions[self.first[index]..self.first[index + 1]],
        };
        let mut forward: Vec<ForwardTangent<B>> = Vec::with_capacity(self.layers.len());
        let mut x_dot = None;
        for (index, layer) in self.layers.iter().enumerate() {
            let tangent = layer.operation.forward_tangent(&passes(index), x_dot);
            x_dot = tangent.y.clone();
            forward.push(tangent);
        }
        let mut dy_dot = Some(dy_tangent(x_dot.expect("at least one direction")));
        let mut gradients = Vec::with_capacity(self.tensors.len());
        for (index, forward) in forward.iter().enumerate().rev() {
            let (layer, at) = (&self.layers[index], &passes(index));
            let wanted = index > 0 || of_input;
            // Every turn but the last leaves one.
            let dy = dy_dot.take().expect("a tangent");
            let (of_layer, dx_dot) = layer.operation.backward_tangent(at, forward, dy, wanted);
            gradients.extend(of_layer.into_iter().rev());
            dy_dot = dx_dot;
        }
        gradients.reverse();
        (gradients, dy_dot)
    }
}
