//! Arithmetic between many rows and one, and sums over rows: see [`super::super::rows`].

use burn::tensor::{Tensor, backend::Backend};

use super::{Numbers, PerGroup, changed, tensor};

/// `combine` of every value of `x [G, N, C]` and the value of its channel in `row
/// [G or 1, 1, C]`; `x` itself where its numbers are not at hand.
pub fn with_row<B: Backend>(
    x: Tensor<B, 3>,
    row: &Tensor<B, 3>,
    combine: impl Fn(f32, f32) -> f32,
) -> Result<Tensor<B, 3>, Tensor<B, 3>> {
    let dims @ [_, rows, width] = x.dims();
    let Some(row) = PerGroup::of(row) else {
        return Err(x);
    };
    let in_place = changed(x, |x| {
        for (group, x) in x.chunks_exact_mut(rows * width).enumerate() {
            let row = row.group(group);
            for x in x.chunks_exact_mut(width) {
                for (x, &row) in x.iter_mut().zip(row) {
                    *x = combine(*x, row);
                }
            }
        }
    });
    let x = match in_place {
        Ok(x) => return Ok(x),
        Err(x) => x,
    };
    let Some(numbers) = Numbers::of(&x) else {
        return Err(x);
    };
    let mut result = Vec::with_capacity(numbers.len());
    for (group, x) in numbers.chunks_exact(rows * width).enumerate() {
        let row = row.group(group);
        for x in x.chunks_exact(width) {
            result.extend(x.iter().zip(row).map(|(&x, &row)| combine(x, row)));
        }
    }
    Ok(tensor(result, dims, &x.device()))
}

/// `Σ x ⊙ row + row` of a few `x [G, N, C]` and rows `[G or 1, 1, C]`.
pub fn combination<B: Backend>(
    terms: &[(&Tensor<B, 3>, Tensor<B, 3>)],
    row: Option<&Tensor<B, 3>>,
) -> Option<Tensor<B, 3>> {
    let ((first, _), others) = terms.split_first()?;
    let dims @ [groups, rows, width] = first.dims();
    let term =
        |(x, row): &(&Tensor<B, 3>, Tensor<B, 3>)| Some((Numbers::of(*x)?, PerGroup::of(row)?));
    let (of_first, others) = (term(&terms[0])?, others.iter().map(term));
    let others: Vec<(Numbers, PerGroup)> = others.collect::<Option<_>>()?;
    let row = match row {
        Some(row) => Some(PerGroup::of(row)?),
        None => None,
    };
    let mut result = Vec::with_capacity(groups * rows * width);
    for group in 0..groups {
        let of_group = group * rows * width..(group + 1) * rows * width;
        let first = (&of_first.0[of_group.clone()], of_first.1.group(group));
        let others: Vec<(&[f32], &[f32])> = others
            .iter()
            .map(|(x, row)| (&x[of_group.clone()], row.group(group)))
            .collect();
        let row = row.as_ref().map(|row| row.group(group));
        for at in (0..rows * width).step_by(width) {
            let start = result.len();
            let values = first.0[at..][..width].iter().zip(first.1);
            result.extend(values.map(|(x, row)| x * row));
            let sums = &mut result[start..];
            for (x, row) in &others {
                for ((sum, x), row) in sums.iter_mut().zip(&x[at..][..width]).zip(*row) {
                    *sum += x * row;
                }
            }
            for (sum, row) in sums.iter_mut().zip(row.into_iter().flatten()) {
                *sum += row;
            }
        }
    }
    Some(tensor(result, dims, &first.device()))
}

/// `Σ_N x`, `[G, 1, C]`.
pub fn sum<B: Backend>(x: &Tensor<B, 3>) -> Option<Tensor<B, 3>> {
    let numbers = Numbers::of(x)?;
    let numbers = &numbers[..];
    let sums = sums(x.dims(), |sums, at| {
        for (sum, x) in sums.iter_mut().zip(&numbers[at..]) {
            *sum += x;
        }
    });
    Some(tensor(sums, [x.dims()[0], 1, x.dims()[2]], &x.device()))
}

/// `Σ_N x·y`, `[G, 1, C]`.
pub fn sum_of_products<B: Backend>(x: &Tensor<B, 3>, y: &Tensor<B, 3>) -> Option<Tensor<B, 3>> {
    let (a, b) = (Numbers::of(x)?, Numbers::of(y)?);
    let (a, b) = (&a[..], &b[..]);
    let sums = sums(x.dims(), |sums, at| {
        for ((sum, a), b) in sums.iter_mut().zip(&a[at..]).zip(&b[at..]) {
            *sum += a * b;
        }
    });
    Some(tensor(sums, [x.dims()[0], 1, x.dims()[2]], &x.device()))
}

/// Rows that are added up before their sum joins that of others: what a sum of many
/// loses to rounding grows with either number, not with their product.
const BLOCK: usize = 64;

/// `[G, C]` of what `add` adds for the row that starts at a place, of all of each group.
fn sums([groups, rows, width]: [usize; 3], add: impl Fn(&mut [f32], usize)) -> Vec<f32> {
    let mut sums = vec![0.0; groups * width];
    let mut part = vec![0.0; width];
    for (group, sums) in sums.chunks_exact_mut(width).enumerate() {
        for block in (0..rows).step_by(BLOCK) {
            part.fill(0.0);
            for row in block..(block + BLOCK).min(rows) {
                add(&mut part, (group * rows + row) * width);
            }
            for (sum, part) in sums.iter_mut().zip(&part) {
                *sum += part;
            }
        }
    }
    sums
}
