//! The matrix products. Each works on tiles of several examples and several
//! outputs at once: a tile's sums stay in registers, and what is loaded serves
//! as many multiply-accumulates as the tile is high or wide. Every sum is taken
//! in ascending order of its index, one rounding a product and one an addition,
//! so that tile sizes never change a bit of any result.
//!
//! A tile of 4 × 4 takes 16 of the 32 f32 registers of a Cortex-M4F and leaves
//! room for the eight operands. Lengths are compared before a loop, in a form
//! the compiler can carry into it, so the loops check no bounds.

mod product;
mod product_transposed;
mod update;

pub(crate) use product::product;
pub(crate) use product_transposed::product_transposed;
pub(crate) use update::{descend_outer, descend_rows};

/// `M` rows of `matrix`, `width` long, from row `first` on.
#[inline(always)]
fn rows<const M: usize>(matrix: &[f32], first: usize, width: usize) -> Option<[&[f32]; M]> {
    let mut rows: [&[f32]; M] = [&[]; M];
    let mut rest = matrix.get(first * width..)?;
    for row in &mut rows {
        *row = rest.get(..width)?;
        rest = rest.get(width..)?;
    }
    Some(rows)
}

/// Runs `$band::<M>(at)` over `0..$total` in bands of 4, 2 and 1.
macro_rules! in_bands {
    ($total:expr, |$at:ident, $M:ident| $band:expr) => {{
        let total = $total;
        let mut $at = 0;
        while total - $at >= 4 {
            const $M: usize = 4;
            $band;
            $at += 4;
        }
        if total - $at >= 2 {
            const $M: usize = 2;
            $band;
            $at += 2;
        }
        if total - $at >= 1 {
            const $M: usize = 1;
            $band;
        }
    }};
}
use in_bands;

#[cfg(test)]
mod tests;
