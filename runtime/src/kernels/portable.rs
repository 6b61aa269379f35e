//! Tiles in plain Rust: what the assembly is tested against, and the kernel of
//! every core that it is not for.

use core::array::from_fn;

use super::{Corner, once};
#[cfg(not(all(target_arch = "arm", target_abi = "eabihf")))]
use super::{Order, TALL};

/// Products a turn of the loop takes.
#[cfg(not(all(target_arch = "arm", target_abi = "eabihf")))]
pub(super) const STEP: usize = 1;

/// All of `[m, n]` in tiles of [`TALL`] × 4 sums, of which both are multiples.
///
/// # Safety
/// All elements of A, B, C and S lie in memory, nobody else uses C, and no size
/// is zero. `k` is a multiple of [`STEP`] unless the order is outer.
#[cfg(not(all(target_arch = "arm", target_abi = "eabihf")))]
#[inline(never)]
pub(super) unsafe fn tiles(
    _order: Order,
    start: Corner<*const f32>,
    a: Corner<*const f32>,
    b: Corner<*const f32>,
    c: Corner<*mut f32>,
    (m, k, n): (usize, usize, usize),
) {
    for row in (0..m).step_by(TALL) {
        let a = a.offset(row, 0);
        for column in (0..n).step_by(4) {
            let (start, c) = (start.offset(row, column), c.offset(row, column));
            // SAFETY: rows to `m` and columns to `n`.
            unsafe { sums::<TALL, 4>(start, a, b.offset(0, column), c, k) };
        }
    }
}

/// One row of sums, as many as this core has a fast way for: none. Returns how
/// many of the `n` there are, a multiple of four.
///
/// # Safety
/// All elements lie in memory, nobody else uses C, and `k` is not zero.
#[cfg(not(all(target_arch = "arm", target_abi = "eabihf")))]
#[inline(always)]
pub(super) unsafe fn line(
    _start: Corner<*const f32>,
    _a: Corner<*const f32>,
    _b: Corner<*const f32>,
    _c: Corner<*mut f32>,
    (_k, _n): (usize, usize),
) -> usize {
    0
}

/// `M × N` sums of `k` products.
///
/// # Safety
/// All of them lie in memory, and nobody else uses C.
#[inline(always)]
pub(super) unsafe fn sums<const M: usize, const N: usize>(
    start: Corner<*const f32>,
    mut a: Corner<*const f32>,
    mut b: Corner<*const f32>,
    c: Corner<*mut f32>,
    k: usize,
) {
    // SAFETY: all reads and writes stay within what the caller promises; past
    // the last product the corners are moved, not used.
    unsafe {
        let mut sums: [[f32; N]; M] = from_fn(|m| from_fn(|n| start.offset(m, n).at.read()));
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
                c.offset(m, n).at.write(sum);
            }
        }
    }
}

/// `x`, or zero where `sign` is negative.
#[cfg(not(all(target_arch = "arm", target_abi = "eabihf")))]
#[inline(always)]
pub(crate) fn clear_if_negative(x: u32, sign: i32) -> u32 {
    x & !(sign >> 31).cast_unsigned()
}
