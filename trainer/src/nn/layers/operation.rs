//! What a layer computes.

use burn::tensor::{Tensor, backend::Backend};

use super::norm::Norm;

/// The forward and backward pass of a layer, and how both move along a direction of the
/// parameters. Nothing here has a default: a layer says all of it.
///
/// Shapes: `x [T, B, in]`, `y [T, B, out]`, tensors `[T or 1, ...]` and their gradients
/// `[T, ...]`. A dot is the derivative along the direction, the tangent.
pub(in crate::nn) trait Operation {
    /// `y`, and what the other methods need of this pass beside `x` and `y`.
    fn forward<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        x: Tensor<B, 3>,
    ) -> (Tensor<B, 3>, Vec<Tensor<B, 3>>);

    /// What the gradients of the input and of the tensors have in common, so that it is
    /// computed once; empty for most layers.
    fn sums<B: Backend>(&self, kept: &[Tensor<B, 3>], dy: &Tensor<B, 3>) -> Vec<Tensor<B, 3>>;

    /// `dx`.
    fn input_gradient<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        pass: &Pass<'_, B>,
        gradient: &OutputGradient<B>,
    ) -> Tensor<B, 3>;

    /// The gradient of each tensor, `None` for those that do not adapt.
    fn gradients<B: Backend>(
        &self,
        pass: &Pass<'_, B>,
        gradient: &OutputGradient<B>,
        adapts: &[bool],
    ) -> Vec<Option<Tensor<B, 3>>>;

    /// `ẏ` for `ẋ`, and the tangents of what the forward pass keeps.
    fn forward_tangent<B: Backend>(
        &self,
        at: &Passes<'_, B>,
        x_dot: Option<Tensor<B, 3>>,
    ) -> ForwardTangent<B>;

    /// The tangent of the gradient of every tensor, and `dẋ` where `of_input`, for `dẏ`.
    fn backward_tangent<B: Backend>(
        &self,
        at: &Passes<'_, B>,
        forward: &ForwardTangent<B>,
        dy_dot: Tensor<B, 3>,
        of_input: bool,
    ) -> (Vec<Tensor<B, 3>>, Option<Tensor<B, 3>>);

    /// The norm that it is, if it is one.
    fn norm(&self) -> Option<&Norm>;

    /// The same, to be changed.
    fn norm_mut(&mut self) -> Option<&mut Norm>;
}

/// A layer's forward pass: input, result, and what [`Operation::forward`] kept.
pub(in crate::nn) struct Pass<'a, B: Backend> {
    pub x: &'a Tensor<B, 3>,
    pub y: &'a Tensor<B, 3>,
    pub kept: &'a [Tensor<B, 3>],
}

/// The gradient of a layer's result, with [`Operation::sums`] of it.
#[derive(Clone, Debug)]
pub(in crate::nn) struct OutputGradient<B: Backend> {
    pub dy: Tensor<B, 3>,
    pub sums: Vec<Tensor<B, 3>>,
}

/// Both passes of a layer, and the direction to move along.
pub(in crate::nn) struct Passes<'a, B: Backend> {
    pub params: &'a [Tensor<B, 3>],
    pub pass: Pass<'a, B>,
    pub gradient: &'a OutputGradient<B>,
    /// Of each tensor, `[T, ...]`; `None` is 0.
    pub directions: &'a [Option<Tensor<B, 3>>],
}

/// How a layer's forward pass moves; `None` is 0.
pub(in crate::nn) struct ForwardTangent<B: Backend> {
    pub y: Option<Tensor<B, 3>>,
    pub kept: Vec<Tensor<B, 3>>,
}
