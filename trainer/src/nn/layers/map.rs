//! Layers without tensors that are linear in their input once the forward pass is done, and
//! change nothing but positions: pools and flatten.
//!
//! ```text
//! y = A·x      ẏ = A·ẋ      dx = Aᵀ·dy      dẋ = Aᵀ·dẏ
//! ```

use std::fmt::Debug;

use burn::tensor::{Tensor, backend::Backend};

use super::norm::Norm;
use super::operation::{ForwardTangent, Operation, OutputGradient, Pass, Passes};

/// What a linear map says.
pub(in crate::nn) trait LinearMap: Clone + Debug {
    /// `A·x`, and what `A` is made of where that depends on `x`.
    fn forward<B: Backend>(&self, x: Tensor<B, 3>) -> (Tensor<B, 3>, Vec<Tensor<B, 3>>);

    /// `A·ẋ`, with what the forward pass kept.
    fn forward_tangent<B: Backend>(
        &self,
        kept: &[Tensor<B, 3>],
        x_dot: Tensor<B, 3>,
    ) -> Tensor<B, 3>;

    /// `Aᵀ·dy`, with what the forward pass kept.
    fn adjoint<B: Backend>(&self, kept: &[Tensor<B, 3>], dy: Tensor<B, 3>) -> Tensor<B, 3>;
}

/// A linear map as a layer.
#[derive(Clone, Debug)]
pub(in crate::nn) struct MapLayer<M>(pub M);

impl<M: LinearMap> Operation for MapLayer<M> {
    fn forward<B: Backend>(
        &self,
        _: &[Tensor<B, 3>],
        x: Tensor<B, 3>,
    ) -> (Tensor<B, 3>, Vec<Tensor<B, 3>>) {
        self.0.forward(x)
    }

    fn sums<B: Backend>(&self, _: &[Tensor<B, 3>], _: &Tensor<B, 3>) -> Vec<Tensor<B, 3>> {
        Vec::new()
    }

    fn input_gradient<B: Backend>(
        &self,
        _: &[Tensor<B, 3>],
        pass: &Pass<'_, B>,
        gradient: &OutputGradient<B>,
    ) -> Tensor<B, 3> {
        self.0.adjoint(pass.kept, gradient.dy.clone())
    }

    fn gradients<B: Backend>(
        &self,
        _: &Pass<'_, B>,
        _: &OutputGradient<B>,
        _: &[bool],
    ) -> Vec<Option<Tensor<B, 3>>> {
        Vec::new()
    }

    fn forward_tangent<B: Backend>(
        &self,
        at: &Passes<'_, B>,
        x_dot: Option<Tensor<B, 3>>,
    ) -> ForwardTangent<B> {
        let tangent = |x_dot| self.0.forward_tangent(at.pass.kept, x_dot);
        ForwardTangent {
            y: x_dot.map(tangent),
            kept: Vec::new(),
        }
    }

    fn backward_tangent<B: Backend>(
        &self,
        at: &Passes<'_, B>,
        _: &ForwardTangent<B>,
        dy_dot: Tensor<B, 3>,
        of_input: bool,
    ) -> (Vec<Tensor<B, 3>>, Option<Tensor<B, 3>>) {
        let dx_dot = of_input.then(|| self.0.adjoint(at.pass.kept, dy_dot));
        (Vec::new(), dx_dot)
    }

    fn norm(&self) -> Option<&Norm> {
        None
    }

    fn norm_mut(&mut self) -> Option<&mut Norm> {
        None
    }
}
