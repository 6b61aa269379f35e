//! `y = x W + b`

use super::{in_bands, rows};

/// `y[e, o] = b[o] + Σᵢ x[e, i] · w[i, o]` for `x: [examples, inputs]`,
/// `w: [inputs, outputs]`, `y: [examples, outputs]`.
#[inline(never)]
pub(crate) fn product(x: &[f32], w: &[f32], b: Option<&[f32]>, y: &mut [f32], inputs: usize) {
    if inputs == 0 || w.len() < inputs {
        return;
    }
    let outputs = w.len() / inputs;
    let examples = y.len() / outputs;
    in_bands!(examples, |e, M| {
        let y = y.get_mut(e * outputs..(e + M) * outputs);
        if let (Some(x), Some(y)) = (rows::<M>(x, e, inputs), y) {
            band(x, w, b, y, outputs);
        }
    });
}

/// All outputs of `M` examples.
#[inline(always)]
fn band<const M: usize>(
    x: [&[f32]; M],
    w: &[f32],
    b: Option<&[f32]>,
    y: &mut [f32],
    outputs: usize,
) {
    let mut o = 0;
    while outputs - o >= 4 {
        tile::<M, 4>(x, w, b, y, (o, outputs));
        o += 4;
    }
    while outputs - o >= 1 {
        tile::<M, 1>(x, w, b, y, (o, outputs));
        o += 1;
    }
}

/// `N` outputs of `M` examples.
#[inline(always)]
fn tile<const M: usize, const N: usize>(
    x: [&[f32]; M],
    w: &[f32],
    b: Option<&[f32]>,
    y: &mut [f32],
    (o, outputs): (usize, usize),
) {
    let bias = b.and_then(|b| b.get(o..)?.first_chunk::<N>());
    let mut sums = [bias.copied().unwrap_or([0.0; N]); M];
    for (i, w) in w.chunks_exact(outputs).enumerate() {
        let Some(w) = w.get(o..).and_then(|w| w.first_chunk::<N>()) else {
            return;
        };
        for (sums, x) in sums.iter_mut().zip(x) {
            let Some(x) = x.get(i) else {
                return;
            };
            for (sum, w) in sums.iter_mut().zip(w) {
                *sum += x * w;
            }
        }
    }
    for (y, sums) in y.chunks_exact_mut(outputs).zip(sums) {
        if let Some(y) = y.get_mut(o..).and_then(|y| y.first_chunk_mut::<N>()) {
            *y = sums;
        }
    }
}
