//! The loops over numbers: elementwise ones, and the matrix product behind
//! every dense layer and convolution, forward and backward.
//!
//! One matrix product serves all three passes, because its operands have a
//! stride for each index: `y = b + x W`, `dx = dy Wᵀ` and `W ← W − xᵀ dy` differ
//! in strides and in what they start from, and the inputs under a sliding window
//! are a matrix whose rows overlap. It works on tiles of 5 × 4 sums that stay in
//! registers, 20 of the 32 f32 registers of a Cortex-M4F, so that
//! nine loads serve twenty multiply-accumulates. Every sum is taken in ascending
//! order of its index, one rounding a product and one an addition: tiles never
//! change a bit of any result, as the tests show against naive loops.

#![allow(unsafe_code)]

#[cfg(all(target_arch = "arm", target_abi = "eabihf"))]
mod arm;
mod elementwise;
#[cfg(feature = "integer")]
pub(crate) mod integer;
mod portable;

#[cfg(all(target_arch = "arm", target_abi = "eabihf"))]
pub(crate) use arm::clear_if_negative;
#[cfg(all(target_arch = "arm", target_abi = "eabihf"))]
use arm::{STEP, line, tiles};
#[cfg(feature = "convolution")]
pub(crate) use elementwise::multiply_add_each;
use elementwise::once;
pub(crate) use elementwise::{all_finite, copy, map, map_eights, rows, rows_mut, zip, zip_fours};
#[cfg(not(all(target_arch = "arm", target_abi = "eabihf")))]
pub(crate) use portable::clear_if_negative;
use portable::sums;
#[cfg(not(all(target_arch = "arm", target_abi = "eabihf")))]
use portable::{STEP, line, tiles};

#[cfg(test)]
mod tests;

use crate::fault::{Checked, Internal, ensure};

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

/// A matrix to be written: element `[i, j]` lies at `i · stride + j`.
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
fn holds(length: usize, strides: (usize, usize), (rows, columns): (usize, usize)) -> bool {
    let last = |count: usize, stride: usize| (count - 1).checked_mul(stride);
    last(rows, strides.0)
        .zip(last(columns, strides.1))
        .and_then(|(row, column)| row.checked_add(column))
        .is_some_and(|last| last < length)
}

/// What a product is added to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start<'v> {
    /// What C holds.
    Sums,
    /// Zero; what C holds does not matter.
    Zero,
    /// The same row of `n` numbers for every row of C.
    Row(&'v [f32]),
}

/// `C ← S + A B` for `A: [m, k]`, `B: [k, n]` and `C: [m, n]`.
///
/// # Errors
/// [`Internal`] where a matrix is smaller than that, rows of C overlap, or there
/// is nothing to sum; C is untouched then. A product without rows or columns, or
/// without terms to add to what C holds, is done as it is.
#[inline(never)]
pub(crate) fn multiply(
    start: Start<'_>,
    a: Matrix<'_>,
    b: Matrix<'_>,
    c: MatrixMut<'_>,
    (m, k, n): (usize, usize, usize),
) -> Checked {
    if m == 0 || k == 0 || n == 0 {
        return ensure(m == 0 || n == 0 || matches!(start, Start::Sums));
    }
    let read = holds(a.values.len(), a.strides, (m, k)) && holds(b.values.len(), b.strides, (k, n));
    let written = holds(c.values.len(), (c.stride, 1), (m, n)) && (m == 1 || c.stride >= n);
    ensure(read && written)?;
    let c = Corner {
        at: c.values.as_mut_ptr(),
        strides: (c.stride, 1),
    };
    let sums = Corner {
        at: c.at.cast_const(),
        strides: c.strides,
    };
    let start = match start {
        Start::Sums => sums,
        Start::Zero => Corner {
            at: ZERO.as_ptr(),
            strides: (0, 0),
        },
        Start::Row(row) if row.len() >= n => Corner {
            at: row.as_ptr(),
            strides: (0, 1),
        },
        Start::Row(_) => return Err(Internal),
    };
    let (a, b) = (a.corner(), b.corner());
    let order = match (a.strides, b.strides) {
        ((1, _), (_, 1)) => Some(Order::Outer),
        ((_, 1), (_, 1)) => Some(Order::ByRows),
        ((_, 1), (1, _)) => Some(Order::ByColumns),
        _ => None,
    };
    // Products that tiles sum: all, or what is left is added to their sums.
    let deep = match order {
        Some(Order::Outer) => k,
        _ => k / STEP * STEP,
    };
    let wide = n - n % 4;
    let tall = match order {
        Some(_) if deep > 0 && wide > 0 => m - m % TALL,
        _ => 0,
    };
    // SAFETY: A, B and C hold their elements up to `m`, `k` and `n`, which is
    // what `holds` has checked, as offsets grow with each index; so do S, the
    // zeros, a row of `n` numbers or C. The calls stay within `tall ≤ m`,
    // `deep ≤ k` and `wide ≤ n`, or begin there and end with them, and no size
    // is zero.
    unsafe {
        if let Some(order) = order
            && tall > 0
        {
            tiles(order, start, a, b, c, (tall, deep, wide));
            if deep < k {
                let (a, b) = (a.offset(0, deep), b.offset(deep, 0));
                strip(sums, a, b, c, (tall, k - deep, wide));
            }
            // The columns that the tiles leave are rows of Cᵀ = Bᵀ Aᵀ.
            if wide < n {
                let (start, c) = (start.offset(0, wide), c.offset(0, wide));
                let (start, c) = (start.transposed(), c.transposed());
                let b = b.offset(0, wide).transposed();
                strip(start, b, a.transposed(), c, (n - wide, k, tall));
            }
        }
        if tall == 0 && n == 1 {
            let (start, c) = (start.transposed(), c.transposed());
            strip(start, b.transposed(), a.transposed(), c, (1, k, m));
        } else if tall < m {
            let (start, c) = (start.offset(tall, 0), c.offset(tall, 0));
            strip(start, a.offset(tall, 0), b, c, (m - tall, k, n));
        }
    }
    Ok(())
}

/// As many zeros as a tile or a line reads at once.
static ZERO: [f32; 16] = [0.0; 16];

/// Rows that a tile of a forward product has: products of whole tiles are the
/// fastest.
pub(crate) const TALL: usize = 5;

/// How the operands of a product are stored.
#[derive(Clone, Copy)]
enum Order {
    /// A by rows, B by rows: forward.
    ByRows,
    /// A by rows, B by columns: backward by the input.
    ByColumns,
    /// A by columns, B by rows: backward by the weights.
    Outer,
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

/// All of `[m, n]` in smaller tiles, for what [`tiles`] leaves.
///
/// # Safety
/// All elements of A, B, C and S lie in memory, nobody else uses C, and no size
/// is zero.
#[inline(never)]
unsafe fn strip(
    start: Corner<*const f32>,
    a: Corner<*const f32>,
    b: Corner<*const f32>,
    c: Corner<*mut f32>,
    (m, k, n): (usize, usize, usize),
) {
    let wide = n - n % 4;
    for row in 0..m {
        let a = a.offset(row, 0);
        // SAFETY: this row, and its columns to `n`.
        let done = unsafe { line(start.offset(row, 0), a, b, c.offset(row, 0), (k, n)) };
        let at = |column| {
            let (start, c) = (start.offset(row, column), c.offset(row, column));
            (start, b.offset(0, column), c)
        };
        // SAFETY: each call stays below the rows and columns just counted.
        unsafe {
            for column in (done..wide).step_by(4) {
                let (start, b, c) = at(column);
                sums::<1, 4>(start, a, b, c, k);
            }
            for column in wide..n {
                let (start, b, c) = at(column);
                sums::<1, 1>(start, a, b, c, k);
            }
        }
    }
}
