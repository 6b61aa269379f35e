//! Arithmetic between many rows and one, and sums over rows: see [`super::super::rows`].

use burn::tensor::{Tensor, backend::Backend};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{Numbers, PerGroup, add_up, changed, per_chunk, tensor};

/// `combine` of every value of `x [G, N, C]` and the value of its channel in `row
/// [G or 1, 1, C]`; `x` itself where its numbers are not at hand.
pub fn with_row<B: Backend>(
    x: Tensor<B, 3>,
    row: &Tensor<B, 3>,
    combine: impl Fn(f32, f32) -> f32 + Sync,
) -> Result<Tensor<B, 3>, Tensor<B, 3>> {
    let dims @ [_, rows, width] = x.dims();
    let Some(row) = PerGroup::of(row) else {
        return Err(x);
    };
    let change = |x: &mut [f32]| {
        for (group, x) in x.chunks_exact_mut(rows * width).enumerate() {
            let row = row.group(group);
            x.par_chunks_mut(per_chunk(width) * width).for_each(|x| {
                for x in x.chunks_exact_mut(width) {
                    for (x, &row) in x.iter_mut().zip(row) {
                        *x = combine(*x, row);
                    }
                }
            });
        }
    };
    let x = match changed(x, change) {
        Ok(x) => return Ok(x),
        Err(x) => x,
    };
    let Some(numbers) = Numbers::of(&x) else {
        return Err(x);
    };
    let mut result = numbers.to_vec();
    change(&mut result);
    Ok(tensor(result, dims, &x.device()))
}

/// `Σ x ⊙ row + row` of a few `x [G, N, C]` and rows `[G or 1, 1, C]`.
pub fn combination<B: Backend>(
    terms: &[(&Tensor<B, 3>, Tensor<B, 3>)],
    row: Option<&Tensor<B, 3>>,
) -> Option<Tensor<B, 3>> {
    let (first, _) = terms.first()?;
    let dims @ [groups, rows, width] = first.dims();
    let terms = terms.iter();
    let terms = terms.map(|(x, row)| Some((Numbers::of(*x)?, PerGroup::of(row)?)));
    let terms: Vec<(Numbers, PerGroup)> = terms.collect::<Option<_>>()?;
    let row = match row {
        Some(row) => Some(PerGroup::of(row)?),
        None => None,
    };
    let mut result = vec![0.0; groups * rows * width];
    for (group, result) in result.chunks_exact_mut(rows * width).enumerate() {
        let row = row.as_ref().map(|row| row.group(group));
        let chunks = result.par_chunks_mut(per_chunk(width) * width).enumerate();
        chunks.for_each(|(index, result)| {
            let start = group * rows * width + index * per_chunk(width) * width;
            let terms: Vec<(&[f32], &[f32])> = terms
                .iter()
                .map(|(x, row)| (&x[start..][..result.len()], row.group(group)))
                .collect();
            Arch::new().dispatch(Combination {
                terms: &terms,
                row,
                width,
                result,
            });
        });
    }
    Some(tensor(result, dims, &first.device()))
}

/// [`combination`] of rows of one group, each `x [N, C]` with its row, added to zeros.
struct Combination<'a> {
    terms: &'a [(&'a [f32], &'a [f32])],
    row: Option<&'a [f32]>,
    width: usize,
    result: &'a mut [f32],
}

impl WithSimd for Combination<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (index, sums) in self.result.chunks_exact_mut(self.width).enumerate() {
            for (x, factors) in self.terms {
                let values = x[index * self.width..].iter().zip(*factors);
                for (sum, (x, factor)) in sums.iter_mut().zip(values) {
                    *sum += x * factor;
                }
            }
            for (sum, row) in sums.iter_mut().zip(self.row.into_iter().flatten()) {
                *sum += row;
            }
        }
    }
}

/// `Σ_N x`, `[G, 1, C]`.
pub fn sum<B: Backend>(x: &Tensor<B, 3>) -> Option<Tensor<B, 3>> {
    sums(x, None)
}

/// `Σ_N x·y`, `[G, 1, C]`.
pub fn sum_of_products<B: Backend>(x: &Tensor<B, 3>, y: &Tensor<B, 3>) -> Option<Tensor<B, 3>> {
    sums(x, Some(y))
}

fn sums<B: Backend>(x: &Tensor<B, 3>, y: Option<&Tensor<B, 3>>) -> Option<Tensor<B, 3>> {
    let [groups, rows, width] = x.dims();
    let numbers = Numbers::of(x)?;
    let factors = match y {
        Some(y) => Some(Numbers::of(y)?),
        None => None,
    };
    let mut sums = vec![0.0; groups * width];
    for (group, sums) in sums.chunks_exact_mut(width).enumerate() {
        let of_group = group * rows * width..(group + 1) * rows * width;
        let x = &numbers[of_group.clone()];
        let y = factors.as_ref().map(|factors| &factors[of_group]);
        let of_chunk = per_chunk(width) * width;
        add_up(x.len().div_ceil(of_chunk), sums, |chunk, sums| {
            let start = chunk * of_chunk;
            let end = x.len().min(start + of_chunk);
            Arch::new().dispatch(Sums {
                x: &x[start..end],
                y: y.map(|y| &y[start..end]),
                sums,
            });
        });
    }
    Some(tensor(sums, [groups, 1, width], &x.device()))
}

/// Rows that are added up before their sum joins that of others: what a sum of many
/// loses to rounding grows with either number, not with their product.
const BLOCK: usize = 64;

/// Of rows of one group, `x [N, C]` or their products with `y`.
struct Sums<'a> {
    x: &'a [f32],
    y: Option<&'a [f32]>,
    sums: &'a mut [f32],
}

impl WithSimd for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.sums.len();
        let mut part = vec![0.0; width];
        for (index, x) in self.x.chunks(BLOCK * width).enumerate() {
            part.fill(0.0);
            match self.y {
                None => {
                    for x in x.chunks_exact(width) {
                        for (sum, x) in part.iter_mut().zip(x) {
                            *sum += x;
                        }
                    }
                }
                Some(y) => {
                    let y = y[index * BLOCK * width..].chunks_exact(width);
                    for (x, y) in x.chunks_exact(width).zip(y) {
                        for ((sum, x), y) in part.iter_mut().zip(x).zip(y) {
                            *sum += x * y;
                        }
                    }
                }
            }
            for (sum, part) in self.sums.iter_mut().zip(&part) {
                *sum += part;
            }
        }
    }
}
