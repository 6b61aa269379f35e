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

fn spread<B: Backend>(x: &Tensor<B, 3>, row: Tensor<B, 3>) -> Tensor<B, 3> {
    if row.dims()[0] == 1 {
        row
    } else {
        row.repeat_dim(1, x.dims()[1])
    }
}
