//! Arithmetic between many rows and one: `[G, N, C]` with `[G or 1, 1, C]`.
//!
//! A row per group is written out for every row first: a copy and a contiguous
//! sum are several times as fast on the CPU backend as a sum that walks
//! strides. A single row is the backend's fast case.

use burn::tensor::{Tensor, backend::Backend};

/// `x + row`.
pub(super) fn add<B: Backend>(x: Tensor<B, 3>, row: Tensor<B, 3>) -> Tensor<B, 3> {
    let row = spread(&x, row);
    x + row
}

/// `x − row`.
pub(super) fn subtract<B: Backend>(x: Tensor<B, 3>, row: Tensor<B, 3>) -> Tensor<B, 3> {
    let row = spread(&x, row);
    x - row
}

/// `x ⊙ row`.
pub(super) fn multiply<B: Backend>(x: Tensor<B, 3>, row: Tensor<B, 3>) -> Tensor<B, 3> {
    let row = spread(&x, row);
    x * row
}

/// Every row `times` times behind itself, `[G, N, C]` to `[G, N, times·C]`.
pub(super) fn repeat<B: Backend>(x: Tensor<B, 3>, times: usize) -> Tensor<B, 3> {
    let [groups, rows, width] = x.dims();
    // Autodiff gives `repeat_dim` its true gradient along axes of size 1 only.
    x.reshape([groups * rows, 1, width])
        .repeat_dim(1, times)
        .reshape([groups, rows, times * width])
}

fn spread<B: Backend>(x: &Tensor<B, 3>, row: Tensor<B, 3>) -> Tensor<B, 3> {
    if row.dims()[0] == 1 {
        row
    } else {
        row.repeat_dim(1, x.dims()[1])
    }
}
