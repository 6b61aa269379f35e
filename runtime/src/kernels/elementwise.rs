//! Loops over numbers, kept as small as they look.

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
