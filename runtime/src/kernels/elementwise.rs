//! Loops over numbers: as small as they look where a function is called in them,
//! four or eight numbers a turn where little is done with each, so that loads follow one
//! another and the loop costs a quarter.
//!
//! Where slices should have one length and have not, nothing is computed and the
//! loop returns [`Internal`](crate::fault::Internal).

use crate::fault::{Checked, ensure};

/// `x ← f(x)` for every number.
#[inline(always)]
pub(crate) fn map(x: &mut [f32], f: impl Fn(f32) -> f32) {
    for x in x {
        *x = f(*x);
        once();
    }
}

/// `x ← f(x, y)` for every pair of two slices of one length.
#[inline(always)]
pub(crate) fn zip(x: &mut [f32], y: &[f32], f: impl Fn(f32, f32) -> f32) -> Checked {
    ensure(x.len() == y.len())?;
    for (x, y) in x.iter_mut().zip(y) {
        *x = f(*x, *y);
        once();
    }
    Ok(())
}

/// `y ← y + a b` for every triple of slices of one length, four at a time.
#[cfg(feature = "convolution")]
pub(crate) fn multiply_add_each(y: &mut [f32], a: &[f32], b: &[f32]) -> Checked {
    ensure(a.len() == y.len() && b.len() == y.len())?;
    let (y, rest) = y.as_chunks_mut::<4>();
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    for (y, (a, b)) in y.iter_mut().zip(a.iter().zip(b)) {
        *y = core::array::from_fn(|i| y[i] + a[i] * b[i]);
        once();
    }
    let (y, a, b) = (rest, a_rest, b_rest);
    for (y, (a, b)) in y.iter_mut().zip(a.iter().zip(b)) {
        *y += a * b;
        once();
    }
    Ok(())
}

/// [`map`], eight at a time.
#[inline(always)]
pub(crate) fn map_eights(x: &mut [f32], f: impl Fn(f32) -> f32) {
    let (eights, rest) = x.as_chunks_mut::<8>();
    for x in eights {
        *x = x.map(&f);
        once();
    }
    map(rest, f);
}

/// [`zip`], four at a time.
#[inline(always)]
pub(crate) fn zip_fours(x: &mut [f32], y: &[f32], f: impl Fn(f32, f32) -> f32) -> Checked {
    ensure(x.len() == y.len())?;
    let ((x_fours, x_rest), (y_fours, y_rest)) = (x.as_chunks_mut::<4>(), y.as_chunks::<4>());
    for (x, y) in x_fours.iter_mut().zip(y_fours) {
        *x = core::array::from_fn(|i| f(x[i], y[i]));
        once();
    }
    zip(x_rest, y_rest, f)
}

/// `x ← y` for two slices of one length.
#[inline(never)]
pub(crate) fn copy(x: &mut [f32], y: &[f32]) -> Checked {
    zip_fours(x, y, |_, y| y)
}

/// Whether there is neither a NaN nor an infinity. It does not stop at the first,
/// as there is hardly ever one.
pub(crate) fn all_finite(x: &[f32]) -> bool {
    // NaNs and infinities have all bits of the exponent, which carry into the sign.
    let carry = |x: f32| (x.to_bits() & 0x7F80_0000) + 0x0080_0000;
    let (fours, rest) = x.as_chunks::<4>();
    let mut found = rest.iter().fold(0, |found, &x| found | carry(x));
    for four in fours {
        found = four.iter().fold(found, |found, &x| found | carry(x));
        once();
    }
    found >> 31 == 0
}

/// The whole rows of a table, from the first on; none where they have no width.
/// Plain iterators of chunks would divide, and panic at a width of zero.
pub(crate) fn rows(table: &[f32], width: usize) -> impl Iterator<Item = &[f32]> + Clone {
    let mut rest = table;
    core::iter::from_fn(move || {
        let (row, tail) = rest.split_at_checked(width)?;
        rest = tail;
        (width > 0).then_some(row)
    })
}

/// The whole rows of a table, to be written.
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
