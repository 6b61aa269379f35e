//! The kernel against naive loops, bit for bit.
extern crate std;
use std::vec;
use std::vec::Vec;

use super::*;

/// Deterministic values in [−1, 1), with exact zeros among them.
fn values(seed: u32, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let value = state as f32 / u32::MAX as f32 * 2.0 - 1.0;
        if state.is_multiple_of(7) { 0.0 } else { value }
    };
    (0..count).map(|_| next()).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn every_tile_shape_and_stride_gives_the_naive_sums() {
    const SIZES: [usize; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 11, 40];
    for index in 0..SIZES.len().pow(3) {
        let [m, k, n] = [index % 10, index / 10 % 10, index / 100].map(|i| SIZES[i]);
        let (a, b, c) = (values(1, m * k), values(2, k * n), values(3, m * n));
        let row = values(4, 40);
        for transposed in [(false, false), (true, false), (false, true)] {
            let a = match transposed.0 {
                false => Matrix::new(&a, k),
                true => Matrix::new(&a, m).transposed(),
            };
            let b = match transposed.1 {
                false => Matrix::new(&b, n),
                true => Matrix::new(&b, k).transposed(),
            };
            let at =
                |x: Matrix<'_>, i: usize, j: usize| x.values[i * x.strides.0 + j * x.strides.1];
            for (start, first) in [
                (Start::Sums, c.clone()),
                (Start::Zero, vec![0.0; m * n]),
                (Start::Row(&row), row[..n].repeat(m)),
            ] {
                let mut expected = first;
                for (at_c, sum) in expected.iter_mut().enumerate() {
                    for p in 0..k {
                        *sum += at(a, at_c / n, p) * at(b, p, at_c % n);
                    }
                }
                let mut computed = c.clone();
                let done = multiply(start, a, b, MatrixMut::new(&mut computed, n), (m, k, n));
                assert_eq!(done, Ok(()));
                assert_eq!(
                    bits(&computed),
                    bits(&expected),
                    "{m} {k} {n} {transposed:?} {start:?}"
                );
            }
        }
    }
}

#[test]
fn matrices_that_are_too_small_are_a_fault_and_left_alone() {
    let (a, b) = (values(1, 6), values(2, 12));
    let whole = |a, b, c: &mut [f32]| {
        multiply(
            Start::Sums,
            Matrix::new(a, 3),
            Matrix::new(b, 4),
            MatrixMut::new(c, 4),
            (2, 3, 4),
        )
    };
    for (a, b, c) in [(5, 12, 8), (6, 11, 8), (6, 12, 7), (0, 12, 8), (6, 12, 0)]
        .map(|(a_size, b_size, c_size)| (&a[..a_size], &b[..b_size], values(3, c_size)))
    {
        let mut untouched = c.clone();
        assert_eq!(whole(a, b, &mut untouched), Err(Internal));
        assert_eq!(bits(&untouched), bits(&c));
    }
    let mut c = values(3, 8);
    let mut product = |start, a_columns, stride, sizes| {
        let a = Matrix::new(&a, a_columns);
        let b = Matrix::new(&b, 4);
        let done = multiply(start, a, b, MatrixMut::new(&mut c, stride), sizes);
        assert_eq!(bits(&c), bits(&values(3, 8)));
        done
    };
    let short = Start::Row(&b[..3]);
    assert_eq!(
        product(Start::Sums, usize::MAX, 4, (2, 3, 4)),
        Err(Internal)
    );
    assert_eq!(product(short, 3, 4, (2, 3, 4)), Err(Internal));
    assert_eq!(product(Start::Sums, 3, 3, (2, 3, 4)), Err(Internal));
    // Nothing to write and nothing to add are no faults. Nothing to sum is one:
    // C would keep what it held.
    assert_eq!(product(Start::Zero, 3, 4, (0, 3, 4)), Ok(()));
    assert_eq!(product(Start::Sums, 3, 4, (2, 0, 4)), Ok(()));
    assert_eq!(product(Start::Zero, 3, 4, (2, 0, 4)), Err(Internal));
}

#[test]
fn slices_of_two_lengths_are_a_fault_and_left_alone() {
    let (mut x, y) = (values(1, 9), values(2, 10));
    for length in [0, 8, 10] {
        let y = &y[..length];
        assert_eq!(copy(&mut x, y), Err(Internal));
        assert_eq!(zip(&mut x, y, |x, y| x + y), Err(Internal));
        assert_eq!(zip_fours(&mut x, y, |x, y| x + y), Err(Internal));
        #[cfg(feature = "convolution")]
        {
            let nine = values(2, 9);
            assert_eq!(multiply_add_each(&mut x, y, &nine), Err(Internal));
            assert_eq!(multiply_add_each(&mut x, &nine, y), Err(Internal));
        }
        assert_eq!(bits(&x), bits(&values(1, 9)));
    }
    assert_eq!(copy(&mut x, &y[..9]), Ok(()));
    assert_eq!(bits(&x), bits(&y[..9]));
}
