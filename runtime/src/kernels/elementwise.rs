//! Loops over numbers, kept as small as they look.

use core::slice::{ChunksExact, ChunksExactMut};

/// `x ← f(x)` for every number.
#[inline(always)]
pub(crate) fn map(x: &mut [f32], f: impl Fn(f32) -> f32) {
    for x in x {
        *x = f(*x);
        once();
    }
}

/// `x ← f(x, y)` for every pair.
#[inline(always)]
pub(crate) fn zip(x: &mut [f32], y: &[f32], f: impl Fn(f32, f32) -> f32) {
    for (x, y) in x.iter_mut().zip(y) {
        *x = f(*x, *y);
        once();
    }
}

/// `x ← y`, as far as both reach.
pub(crate) fn copy(x: &mut [f32], y: &[f32]) {
    zip(x, y, |_, y| y);
}

/// The rows of a table; none where they have no width.
pub(crate) fn rows(table: &[f32], width: usize) -> ChunksExact<'_, f32> {
    // With a width of zero `chunks_exact` would panic.
    table.chunks_exact(width.max(1))
}

/// The rows of a table, to be written.
pub(crate) fn rows_mut(table: &mut [f32], width: usize) -> ChunksExactMut<'_, f32> {
    table.chunks_exact_mut(width.max(1))
}

/// Keeps the compiler from unrolling the loop it is called in. Unrolled, the
/// engine's loops take twice the flash, and a tile of the matrix product needs
/// more registers than there are.
#[inline(always)]
pub(crate) fn once() {
    #[cfg(target_arch = "arm")]
    // SAFETY: there is no instruction in it.
    unsafe {
        core::arch::asm!("", options(nomem, nostack, preserves_flags));
    }
}
