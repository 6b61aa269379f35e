//! Convolution: the dense map of every patch.
//!
//! Shapes: `x [T, B, positions·channels]`, patches `p [T, B·places, k·channels]`,
//! `W [T, k·channels, filters]`, `b [T, 1, filters]`, `y [T, B, places·filters]`;
//! `W` and `b` have a leading 1 while all tasks share them. As a matrix,
//! `y = p·W + b`. A kernel of one position with stride 1 takes `x` itself as
//! its patches.

use burn::tensor::{Tensor, backend::Backend};

use super::dense;
use super::patches::Patches;

/// `y = p·W + b`, and `p`.
pub(super) fn forward<B: Backend>(
    patches: &Patches,
    params: &[Tensor<B, 3>],
    x: Tensor<B, 3>,
) -> (Tensor<B, 3>, Tensor<B, 3>) {
    let [tasks, examples, _] = x.dims();
    let filters = params[0].dims()[2];
    let p = patches.gather(x);
    let y = dense::forward(params, p.clone());
    let width = patches.window().places() * filters;
    (y.reshape([tasks, examples, width]), p)
}

/// `dx = scatter(dy·Wᵀ)`.
pub(super) fn input_gradient<B: Backend>(
    patches: &Patches,
    params: &[Tensor<B, 3>],
    dy: Tensor<B, 3>,
) -> Tensor<B, 3> {
    let dy = by_place(patches, dy);
    patches.scatter(dense::input_gradient(params, dy))
}

/// `[T, B, places·channels]` as a row for every place, `[T, B·places, channels]`.
pub(super) fn by_place<B: Backend>(patches: &Patches, y: Tensor<B, 3>) -> Tensor<B, 3> {
    let [tasks, examples, width] = y.dims();
    let places = patches.window().places();
    y.reshape([tasks, examples * places, width / places])
}
