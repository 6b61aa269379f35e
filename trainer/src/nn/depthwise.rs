//! Depthwise convolution: every channel with a kernel of its own.
//!
//! Shapes: `x [T, B, positions·channels]`, patches `p [T, B·places, k·channels]`,
//! `W [T, k, channels]`, `b [T, 1, channels]`, `y [T, B, places·channels]`; `W`
//! and `b` have a leading 1 while all tasks share them. With the patch's
//! positions as an axis, `y[c] = Σ_k p[k, c] W[k, c] + b[c]`.

use burn::tensor::{Tensor, backend::Backend};

use super::conv::by_place;
use super::patches::Patches;
use super::rows;

/// `y`, and `p`.
pub(super) fn forward<B: Backend>(
    patches: &Patches,
    params: &[Tensor<B, 3>],
    x: Tensor<B, 3>,
) -> (Tensor<B, 3>, Tensor<B, 3>) {
    let [tasks, examples, _] = x.dims();
    let p = patches.gather(x);
    let y = rows::add(apply(patches, &p, &params[0]), params[1].clone());
    let width = patches.window().places() * patches.channels();
    (y.reshape([tasks, examples, width]), p)
}

/// `dx = scatter(dp)` with `dp[k, c] = W[k, c] dy[c]`.
pub(super) fn input_gradient<B: Backend>(
    patches: &Patches,
    params: &[Tensor<B, 3>],
    dy: Tensor<B, 3>,
) -> Tensor<B, 3> {
    let dy = rows::repeat(by_place(patches, dy), patches.window().size());
    patches.scatter(rows::multiply(dy, flat(&params[0])))
}

/// `dW[k, c] = Σ p[k, c] dy[c]` over examples and places, `[T, k, channels]`.
pub(super) fn weight_gradient<B: Backend>(
    patches: &Patches,
    p: &Tensor<B, 3>,
    dy: &Tensor<B, 3>,
) -> Tensor<B, 3> {
    let size = patches.window().size();
    let dy = rows::repeat(by_place(patches, dy.clone()), size);
    let tasks = dy.dims()[0];
    (dy * p.clone())
        .sum_dim(1)
        .reshape([tasks, size, patches.channels()])
}

/// `⟨dW, W'⟩` for a direction `W' [T, k, channels]`, without forming `dW`.
pub(super) fn weight_slope<B: Backend>(
    patches: &Patches,
    p: &Tensor<B, 3>,
    dy: &Tensor<B, 3>,
    direction: &Tensor<B, 3>,
) -> Tensor<B, 1> {
    (by_place(patches, dy.clone()) * apply(patches, p, direction)).sum()
}

/// `Σ_k p[k, c] W[k, c]`, `[T, B·places, channels]`.
fn apply<B: Backend>(patches: &Patches, p: &Tensor<B, 3>, weight: &Tensor<B, 3>) -> Tensor<B, 3> {
    let [tasks, places, _] = p.dims();
    let (size, channels) = (patches.window().size(), patches.channels());
    let products = rows::multiply(p.clone(), flat(weight));
    products
        .reshape([tasks * places, size, channels])
        .sum_dim(1)
        .reshape([tasks, places, channels])
}

/// `[T, k, channels]` as a row, `[T, 1, k·channels]`.
fn flat<B: Backend>(weight: &Tensor<B, 3>) -> Tensor<B, 3> {
    let [tasks, size, channels] = weight.dims();
    weight.clone().reshape([tasks, 1, size * channels])
}
