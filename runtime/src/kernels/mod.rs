//! The loops over numbers: elementwise ones, and the matrix product behind
//! every dense layer and convolution, forward and backward.
//!
//! One matrix product serves all three passes, because its operands have a
//! stride for each index: `y = x W`, `dx = dy Wᵀ` and `W ← W − xᵀ dy` differ in
//! strides alone, and the inputs under a sliding window are a matrix whose rows
//! overlap. It works on tiles of 5 × 4 sums (or 4 × 4, where that leaves fewer
//! rows over) that stay in registers, 20 of the 32 f32 registers of a
//! Cortex-M4F, so that nine loads serve twenty multiply-accumulates. Every sum is taken in ascending order of its index,
//! one rounding a product and one an addition: tiles never change a bit of any
//! result, as the tests show against naive loops.

#![allow(unsafe_code)]

mod elementwise;
#[cfg(feature = "integer")]
pub(crate) mod integer;

use core::array::from_fn;

use elementwise::once;
pub(crate) use elementwise::{copy, map, multiply_add_each, rows, rows_mut, zip};

#[cfg(test)]
mod tests;

/// A matrix in memory: element `[i, j]` lies at `i · strides.0 + j · strides.1`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'v> {
    pub values: &'v [f32],
    pub strides: (usize, usize),
}

impl<'v> Matrix<'v> {
    /// `[rows, columns]`, row by row.
    pub fn new(values: &'v [f32], columns: usize) -> Self {
        Matrix {
            values,
            strides: (columns, 1),
        }
    }

    /// Rows for columns.
    pub fn transposed(self) -> Self {
        Matrix {
            values: self.values,
            strides: (self.strides.1, self.strides.0),
        }
    }
}

/// A matrix to be written: element `[i, j]` lies at `i · stride + j`. Rows do
/// not overlap.
pub(crate) struct MatrixMut<'v> {
    pub values: &'v mut [f32],
    pub stride: usize,
}

impl<'v> MatrixMut<'v> {
    /// Rows that begin every `stride` numbers.
    pub fn new(values: &'v mut [f32], stride: usize) -> Self {
        MatrixMut { values, stride }
    }
}

/// Whether all of `[rows, columns]` lies in `length` numbers. Sizes are at
/// least one.
#[inline(never)]
fn holds(length: usize, strides: (usize, usize), rows: usize, columns: usize) -> bool {
    let last = |count: usize, stride: usize| (count - 1).checked_mul(stride);
    last(rows, strides.0)
        .zip(last(columns, strides.1))
        .and_then(|(row, column)| row.checked_add(column))
        .is_some_and(|last| last < length)
}

/// `C ← C + A B` for `A: [m, k]`, `B: [k, n]` and `C: [m, n]`. Does nothing
/// where a size is zero or a matrix is smaller than that.
#[inline(never)]
pub(crate) fn multiply_add(
    a: Matrix<'_>,
    b: Matrix<'_>,
    c: MatrixMut<'_>,
    (m, k, n): (usize, usize, usize),
) {
    if m == 0 || k == 0 || n == 0 || (m > 1 && c.stride < n) {
        return;
    }
    let read = holds(a.values.len(), a.strides, m, k) && holds(b.values.len(), b.strides, k, n);
    if !read || !holds(c.values.len(), (c.stride, 1), m, n) {
        return;
    }
    let (a, b) = (a.corner(), b.corner());
    let c = Corner {
        at: c.values.as_mut_ptr(),
        strides: (c.stride, 1),
    };
    // The height that leaves fewer rows over; weights come in fours.
    let height = if a.strides.1 == 1 && m % 5 <= m % 4 {
        5
    } else {
        4
    };
    let (tall, wide) = (m - m % height, n - n % 4);
    // SAFETY: A, B and C hold their elements up to `m`, `k` and `n`, which is
    // what `holds` has checked, as offsets grow with each index. The calls
    // stay within `tall ≤ m` and `wide ≤ n`, or begin there and end with them.
    unsafe {
        match (height, a.strides, b.strides) {
            (5, (_, 1), (_, 1)) => tiles::<5, 0, 1, 0, 1>(a, b, c, (tall, k, wide)),
            (5, (_, 1), (1, _)) => tiles::<5, 0, 1, 1, 0>(a, b, c, (tall, k, wide)),
            (_, (_, 1), (_, 1)) => tiles::<4, 0, 1, 0, 1>(a, b, c, (tall, k, wide)),
            (_, (_, 1), (1, _)) => tiles::<4, 0, 1, 1, 0>(a, b, c, (tall, k, wide)),
            (_, (1, _), (_, 1)) => tiles::<4, 1, 0, 0, 1>(a, b, c, (tall, k, wide)),
            _ => strip(a, b, c, (tall, k, wide)),
        }
        // What the tiles leave: the last rows, and the last columns, which are
        // the last rows of Cᵀ = Bᵀ Aᵀ.
        strip(a.offset(tall, 0), b, c.offset(tall, 0), (m - tall, k, n));
        let (a, b, c) = (a.transposed(), b.offset(0, wide), c.offset(0, wide));
        strip(b.transposed(), a, c.transposed(), (n - wide, k, tall));
    }
}

/// An element and the strides to its neighbours.
#[derive(Clone, Copy)]
struct Corner<Pointer> {
    at: Pointer,
    strides: (usize, usize),
}

impl Matrix<'_> {
    fn corner(self) -> Corner<*const f32> {
        Corner {
            at: self.values.as_ptr(),
            strides: self.strides,
        }
    }
}

impl<Pointer> Corner<Pointer> {
    /// Rows for columns.
    fn transposed(self) -> Self {
        Corner {
            at: self.at,
            strides: (self.strides.1, self.strides.0),
        }
    }
}

impl Corner<*const f32> {
    /// Element `[i, j]` from here. It may lie outside, unless it is read.
    fn offset(self, i: usize, j: usize) -> Self {
        let offset = i * self.strides.0 + j * self.strides.1;
        Corner {
            at: self.at.wrapping_add(offset),
            strides: self.strides,
        }
    }
}

impl Corner<*mut f32> {
    /// Element `[i, j]` from here. It may lie outside, unless it is used.
    fn offset(self, i: usize, j: usize) -> Self {
        let offset = i * self.strides.0 + j * self.strides.1;
        Corner {
            at: self.at.wrapping_add(offset),
            strides: self.strides,
        }
    }
}

/// All of `[m, n]` in tiles of M × 4, of which both are multiples. The other
/// parameters are the strides of A and B where they are known, else zero: with
/// them the compiler keeps a pointer for each run of neighbours instead of one
/// for each operand.
///
/// # Safety
/// All elements of A, B and C lie in memory; nobody else uses C.
#[inline(never)]
unsafe fn tiles<
    const M: usize,
    const AM: usize,
    const AK: usize,
    const BK: usize,
    const BN: usize,
>(
    mut a: Corner<*const f32>,
    mut b: Corner<*const f32>,
    c: Corner<*mut f32>,
    (m, k, n): (usize, usize, usize),
) {
    let known = |known: usize, stride| if known > 0 { known } else { stride };
    a.strides = (known(AM, a.strides.0), known(AK, a.strides.1));
    b.strides = (known(BK, b.strides.0), known(BN, b.strides.1));
    for row in (0..m).step_by(M) {
        for column in (0..n).step_by(4) {
            let (a, b) = (a.offset(row, 0), b.offset(0, column));
            let c = Corner {
                at: c.offset(row, column).at,
                strides: (c.strides.0, 1),
            };
            // SAFETY: rows to `row + M ≤ m` and columns to `column + 4 ≤ n`.
            unsafe { tile::<M, 4>(a, b, c, k) };
        }
    }
}

/// All of `[m, n]` in smaller tiles, for what [`tiles`] leaves.
///
/// # Safety
/// As [`tiles`].
#[inline(never)]
unsafe fn strip(
    a: Corner<*const f32>,
    b: Corner<*const f32>,
    c: Corner<*mut f32>,
    (m, k, n): (usize, usize, usize),
) {
    let wide = n - n % 4;
    for row in 0..m {
        let a = a.offset(row, 0);
        // SAFETY: each call stays below the rows and columns just counted.
        unsafe {
            for column in (0..wide).step_by(4) {
                tile::<1, 4>(a, b.offset(0, column), c.offset(row, column), k);
            }
            for column in wide..n {
                tile::<1, 1>(a, b.offset(0, column), c.offset(row, column), k);
            }
        }
    }
}

/// `M × N` sums of `k` products.
///
/// # Safety
/// As [`tiles`], for `m = M` and `n = N`.
#[inline(always)]
unsafe fn tile<const M: usize, const N: usize>(
    mut a: Corner<*const f32>,
    mut b: Corner<*const f32>,
    c: Corner<*mut f32>,
    k: usize,
) {
    let at = |m: usize, n: usize| c.offset(m, n).at;
    // SAFETY: all reads and writes stay within what the caller promises; past
    // the last product the corners are moved, not used.
    unsafe {
        let mut sums: [[f32; N]; M] = from_fn(|m| from_fn(|n| at(m, n).read()));
        for _ in 0..k {
            let b_of: [f32; N] = from_fn(|n| b.offset(0, n).at.read());
            for (m, sums) in sums.iter_mut().enumerate() {
                let a_of = a.offset(m, 0).at.read();
                for (sum, b_of) in sums.iter_mut().zip(b_of) {
                    *sum += a_of * b_of;
                }
            }
            (a, b) = (a.offset(0, 1), b.offset(1, 0));
            once();
        }
        for (m, sums) in sums.into_iter().enumerate() {
            for (n, sum) in sums.into_iter().enumerate() {
                at(m, n).write(sum);
            }
        }
    }
}
