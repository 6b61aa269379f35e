//! `dx = dy Wᵀ`

use super::{in_bands, rows};

/// `dx[e, i] = Σₒ dy[e, o] · w[i, o]` for `dy: [examples, outputs]`,
/// `w: [inputs, outputs]`, `dx: [examples, inputs]`.
#[inline(never)]
pub(crate) fn product_transposed(dy: &[f32], w: &[f32], dx: &mut [f32], inputs: usize) {
    if inputs == 0 || w.len() < inputs {
        return;
    }
    let outputs = w.len() / inputs;
    let examples = dx.len() / inputs;
    in_bands!(examples, |e, M| {
        let dx = dx.get_mut(e * inputs..(e + M) * inputs);
        if let (Some(dy), Some(dx)) = (rows::<M>(dy, e, outputs), dx) {
            band(dy, w, dx, inputs, outputs);
        }
    });
}

/// All inputs of `M` examples.
#[inline(always)]
fn band<const M: usize>(
    dy: [&[f32]; M],
    w: &[f32],
    dx: &mut [f32],
    inputs: usize,
    outputs: usize,
) {
    let mut i = 0;
    while inputs - i >= 4 {
        if let Some(w) = rows::<4>(w, i, outputs) {
            tile(dy, w, dx, (i, inputs));
        }
        i += 4;
    }
    while inputs - i >= 1 {
        if let Some(w) = rows::<1>(w, i, outputs) {
            tile(dy, w, dx, (i, inputs));
        }
        i += 1;
    }
}

/// `N` inputs of `M` examples: `M × N` dot products along the outputs.
#[inline(always)]
fn tile<const M: usize, const N: usize>(
    dy: [&[f32]; M],
    w: [&[f32]; N],
    dx: &mut [f32],
    (i, inputs): (usize, usize),
) {
    let mut sums = [[0.0f32; N]; M];
    // Two at a time: half the address arithmetic, and no spilt registers yet.
    let (dy_pairs, w_pairs) = (dy.map(pairs), w.map(pairs));
    let blocks = dy_pairs.first().map_or(0, |dy| dy.len());
    for block in 0..blocks {
        let mut w_of = [[0.0; 2]; N];
        for (w_of, w) in w_of.iter_mut().zip(w_pairs) {
            let Some(w) = w.get(block) else { return };
            *w_of = *w;
        }
        for (sums, dy) in sums.iter_mut().zip(dy_pairs) {
            let Some([dy0, dy1]) = dy.get(block) else {
                return;
            };
            for (sum, [w0, w1]) in sums.iter_mut().zip(w_of) {
                *sum += dy0 * w0;
                *sum += dy1 * w1;
            }
        }
    }
    for (sums, dy) in sums.iter_mut().zip(dy) {
        let Some(dy) = odd(dy) else { break };
        for (sum, w) in sums.iter_mut().zip(w) {
            let Some(w) = odd(w) else { break };
            *sum += dy * w;
        }
    }
    for (dx, sums) in dx.chunks_exact_mut(inputs).zip(sums) {
        if let Some(dx) = dx.get_mut(i..).and_then(|dx| dx.first_chunk_mut::<N>()) {
            *dx = sums;
        }
    }
}

/// The row in pairs.
#[inline(always)]
fn pairs(row: &[f32]) -> &[[f32; 2]] {
    row.as_chunks().0
}

/// The last number of a row of odd length.
#[inline(always)]
fn odd(row: &[f32]) -> Option<f32> {
    row.as_chunks::<2>().1.first().copied()
}
