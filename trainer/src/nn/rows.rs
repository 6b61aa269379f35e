//! Arithmetic between many rows and one, `[G, N, C]` with `[G or 1, 1, C]`, and sums
//! over rows.
//!
//! On the host a row per group is written out for every row first: a copy and a
//! contiguous sum are several times as fast on the CPU backend as a sum that walks
//! strides. A single row is the backend's fast case.

use burn::tensor::{Tensor, backend::Backend};

use crate::device::is_host;

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

/// Rows that one thread adds up where there are many threads.
const ROWS_OF_A_THREAD: usize = 64;

/// `Σ_N x`, `[G, 1, C]`. A device with thousands of threads has one for each sum, so
/// there long sums are taken of sums of a few rows.
pub(super) fn sum<B: Backend>(x: Tensor<B, 3>) -> Tensor<B, 3> {
    if is_host::<B>() {
        x.sum_dim(1)
    } else {
        sum_by_parts(x, ROWS_OF_A_THREAD)
    }
}

fn sum_by_parts<B: Backend>(x: Tensor<B, 3>, most: usize) -> Tensor<B, 3> {
    let mut x = x;
    loop {
        let [groups, rows, width] = x.dims();
        let part = (2..=most.min(rows / 2)).rev().find(|part| rows % part == 0);
        let (Some(part), true) = (part, rows > most) else {
            return x.sum_dim(1);
        };
        let parts = rows / part;
        x = x
            .reshape([groups * parts, part, width])
            .sum_dim(1)
            .reshape([groups, parts, width]);
    }
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
    if row.dims()[0] == 1 || !is_host::<B>() {
        row
    } else {
        row.repeat_dim(1, x.dims()[1])
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::Distribution;

    use super::*;

    #[test]
    fn a_sum_by_parts_is_the_sum() {
        for rows in [1, 2, 7, 8, 9, 64, 97, 360, 1001] {
            let x =
                Tensor::<Flex, 3>::random([2, rows, 3], Distribution::Default, &Default::default());
            let difference = sum_by_parts(x.clone(), 8) - x.sum_dim(1);
            let most = difference.abs().max().into_scalar();
            assert!(most < 1e-3, "{rows}: {most}");
        }
    }
}
