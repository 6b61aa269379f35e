//! The context layer, `y = [x, z]`: a free vector beside every example.
//!
//! Shapes: `x [T, B, in]`, `z [T, 1, c]` (leading 1 while shared),
//! `y [T, B, in + c]`.

use burn::tensor::{Tensor, backend::Backend};

/// Appends `z` to every example.
pub(super) fn forward<B: Backend>(params: &[Tensor<B, 3>], x: Tensor<B, 3>) -> Tensor<B, 3> {
    let [tasks, examples, _] = x.dims();
    let z = params[0].clone();
    let size = z.dims()[2];
    Tensor::cat(vec![x, z.expand([tasks, examples, size])], 2)
}

/// `dx` is the front of `dy`.
pub(super) fn input_gradient<B: Backend>(x: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
    let [tasks, examples, width] = x.dims();
    dy.slice([0..tasks, 0..examples, 0..width])
}

/// `dz = Σ_examples` of the rest of `dy`, `[T, 1, c]`.
pub(super) fn vector_gradient<B: Backend>(x: &Tensor<B, 3>, dy: &Tensor<B, 3>) -> Tensor<B, 3> {
    let [tasks, examples, width] = x.dims();
    let total = dy.dims()[2];
    dy.clone()
        .slice([0..tasks, 0..examples, width..total])
        .sum_dim(1)
}
