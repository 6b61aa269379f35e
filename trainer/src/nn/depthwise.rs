//! Depthwise convolution: every channel with a kernel of its own.
//!
//! Shapes: `x [T, B, positions·channels]`, planes `p [k, T·B·places, channels]`,
//! `W [T, k, channels]`, `b [T, 1, channels]`, `y [T, B, places·channels]`; `W`
//! and `b` have a leading 1 while all tasks share them. At every place,
//! `y[c] = Σ_k p[k, c] W[k, c] + b[c]`.

use burn::tensor::{Tensor, backend::Backend};

use super::patches::Patches;
use super::rows;

/// `y`, and `p`.
pub(super) fn forward<B: Backend>(
    patches: &Patches,
    params: &[Tensor<B, 3>],
    x: Tensor<B, 3>,
) -> (Tensor<B, 3>, Tensor<B, 3>) {
    let [tasks, examples, _] = x.dims();
    let p = patches.gather_planes(x);
    let y = rows::add(apply(&p, &params[0], tasks), params[1].clone());
    let width = patches.window().places() * patches.channels();
    (y.reshape([tasks, examples, width]), p)
}

/// `dx = scatter(dp)` with `dp[k, c] = W[k, c] dy[c]`.
pub(super) fn input_gradient<B: Backend>(
    patches: &Patches,
    weight: &Tensor<B, 3>,
    dy: Tensor<B, 3>,
) -> Tensor<B, 3> {
    let tasks = dy.dims()[0];
    let planes = weigh(patches.in_planes(dy), weight);
    patches.scatter_planes(planes, tasks)
}

/// `dW[k, c] = Σ p[k, c] dy[c]` over examples and places, `[T, k, channels]`.
pub(super) fn weight_gradient<B: Backend>(
    patches: &Patches,
    p: &Tensor<B, 3>,
    dy: &Tensor<B, 3>,
) -> Tensor<B, 3> {
    let tasks = dy.dims()[0];
    let [size, places, channels] = p.dims();
    let products = patches.in_planes(dy.clone()) * p.clone();
    products
        .reshape([size * tasks, places / tasks, channels])
        .sum_dim(1)
        .reshape([size, tasks, channels])
        .swap_dims(0, 1)
}

/// `Σ_k p[k, c] W[k, c]`, `[T, B·places, channels]`.
pub(super) fn apply<B: Backend>(
    p: &Tensor<B, 3>,
    weight: &Tensor<B, 3>,
    tasks: usize,
) -> Tensor<B, 3> {
    let [size, places, channels] = p.dims();
    let products: Tensor<B, 2> = weigh(p.clone(), weight).reshape([size, places * channels]);
    let sums = products.sum_dim(0);
    sums.reshape([tasks, places / tasks, channels])
}

/// `p[k, c] W[k, c]` with the weights of each task, `[k, T·B·places, channels]`.
fn weigh<B: Backend>(p: Tensor<B, 3>, weight: &Tensor<B, 3>) -> Tensor<B, 3> {
    let dims @ [size, places, channels] = p.dims();
    let tasks = weight.dims()[0];
    let weight = match tasks {
        1 => weight.clone(),
        _ => weight.clone().swap_dims(0, 1),
    };
    let weight = weight.reshape([size * tasks, 1, channels]);
    let p = p.reshape([size * tasks, places / tasks, channels]);
    rows::multiply(p, weight).reshape(dims)
}
