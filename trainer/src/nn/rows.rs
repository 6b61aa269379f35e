//! Arithmetic between many rows and one, `[G, N, C]` with `[G or 1, 1, C]`, and sums
//! over rows.
//!
//! Where a graph is made of them on the host, a row per group is written out for every row
//! first: a copy and a contiguous sum are several times as fast on the CPU backend as a sum
//! that walks strides. A single row is the backend's fast case.

use burn::tensor::{Tensor, backend::Backend};

use super::host;
use crate::device::is_host;

/// `x + row`.
pub(super) fn add<B: Backend>(x: Tensor<B, 3>, row: Tensor<B, 3>) -> Tensor<B, 3> {
    host::rows::with_row(x, &row, |x, row| x + row).unwrap_or_else(|x| {
        let row = spread(&x, row);
        x + row
    })
}

/// `x − row`.
pub(super) fn subtract<B: Backend>(x: Tensor<B, 3>, row: Tensor<B, 3>) -> Tensor<B, 3> {
    host::rows::with_row(x, &row, |x, row| x - row).unwrap_or_else(|x| {
        let row = spread(&x, row);
        x - row
    })
}

/// `x ⊙ row`.
pub(super) fn multiply<B: Backend>(x: Tensor<B, 3>, row: Tensor<B, 3>) -> Tensor<B, 3> {
    host::rows::with_row(x, &row, |x, row| x * row).unwrap_or_else(|x| {
        let row = spread(&x, row);
        x * row
    })
}

/// `Σ x ⊙ row + row` of a few `x`, at least one.
pub(super) fn combination<B: Backend>(
    terms: &[(&Tensor<B, 3>, Tensor<B, 3>)],
    row: Option<Tensor<B, 3>>,
) -> Tensor<B, 3> {
    host::rows::combination(terms, row.as_ref()).unwrap_or_else(|| {
        let products = terms.iter();
        let sum = products
            .map(|(x, row)| multiply((*x).clone(), row.clone()))
            .reduce(|a, b| a + b)
            .expect("at least one term");
        match row {
            Some(row) => add(sum, row),
            None => sum,
        }
    })
}

/// Rows that one thread adds up where there are many threads.
const ROWS_OF_A_THREAD: usize = 64;

/// `Σ_N x`, `[G, 1, C]`. A device with thousands of threads has one for each sum, so
/// there long sums are taken of sums of a few rows.
pub(super) fn sum<B: Backend>(x: Tensor<B, 3>) -> Tensor<B, 3> {
    if let Some(sum) = host::rows::sum(&x) {
        sum
    } else if is_host::<B>() {
        x.sum_dim(1)
    } else {
        sum_by_parts(x, ROWS_OF_A_THREAD)
    }
}

/// `Σ_N x ⊙ y`, `[G, 1, C]`.
pub(super) fn sum_of_products<B: Backend>(x: &Tensor<B, 3>, y: &Tensor<B, 3>) -> Tensor<B, 3> {
    host::rows::sum_of_products(x, y).unwrap_or_else(|| sum(x.clone() * y.clone()))
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
    use burn::backend::{Autodiff, Flex};
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

    #[test]
    fn on_numbers_they_are_what_they_are_on_tensors() {
        let device = Default::default();
        let random = |dims| Tensor::<Flex, 3>::random(dims, Distribution::Default, &device);
        let too = |x: &Tensor<Flex, 3>| Tensor::<Autodiff<Flex>, 3>::from_inner(x.clone());
        for of_rows in [1, 3] {
            let (x, y) = (random([3, 130, 17]), random([3, 130, 17]));
            let (row, other) = (random([of_rows, 1, 17]), random([of_rows, 1, 17]));
            // Rows of a longer tensor, and a transposed one.
            let part = random([3, 131, 17]).narrow(1, 1, 130);
            let turned = random([3, 17, 130]).swap_dims(1, 2);
            for x in [x, part, turned] {
                let terms = [(&x, row.clone()), (&y, other.clone())];
                let [x_too, y_too] = [too(&x), too(&y)];
                let terms_too = [(&x_too, too(&row)), (&y_too, too(&other))];
                let kept = x.to_data();
                for (name, own, generic) in [
                    ("+", add(x.clone(), row.clone()), add(too(&x), too(&row))),
                    (
                        "-",
                        subtract(x.clone(), row.clone()),
                        subtract(too(&x), too(&row)),
                    ),
                    (
                        "*",
                        multiply(x.clone(), row.clone()),
                        multiply(too(&x), too(&row)),
                    ),
                    (
                        "in place",
                        add(x.clone() + 1.0, row.clone()),
                        add(too(&x) + 1.0, too(&row)),
                    ),
                    ("sum", sum(x.clone()), sum(too(&x))),
                    (
                        "products",
                        sum_of_products(&x, &y),
                        sum_of_products(&x_too, &y_too),
                    ),
                    (
                        "scaled",
                        combination(&terms, None),
                        combination(&terms_too, None),
                    ),
                    (
                        "moved",
                        combination(&terms, Some(row.clone())),
                        combination(&terms_too, Some(too(&row))),
                    ),
                ] {
                    let most = (own - generic.inner()).abs().max().into_scalar();
                    assert!(most < 1e-4, "{name} {of_rows}: {most}");
                }
                assert_eq!(x.to_data(), kept);
            }
        }
    }
}
