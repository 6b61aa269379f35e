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

/// `y ← y + a b` for every triple.
pub(crate) fn multiply_add_each(y: &mut [f32], a: &[f32], b: &[f32]) {
    for (y, (a, b)) in y.iter_mut().zip(a.iter().zip(b)) {
        *y += a * b;
        once();
    }
}

/// `x ← y`, as far as both reach.
pub(crate) fn copy(x: &mut [f32], y: &[f32]) {
    zip(x, y, |_, y| y);
}

/// The rows of a table, from the first on; none where they have no width. Plain
/// iterators of chunks would divide, and panic at a width of zero.
pub(crate) fn rows(table: &[f32], width: usize) -> impl Iterator<Item = &[f32]> {
    let mut rest = table;
    core::iter::from_fn(move || {
        let (row, tail) = rest.split_at_checked(width)?;
        rest = tail;
        (width > 0).then_some(row)
    })
}

/// The rows of a table, to be written.
pub(crate) fn rows_mut(table: &mut [f32], width: usize) -> impl Iterator<Item = &mut [f32]> {
    let mut rest = table;
    core::iter::from_fn(move || {
        let (row, tail) = core::mem::take(&mut rest).split_at_mut_checked(width)?;
        rest = tail;
        (width > 0).then_some(row)
    })
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
