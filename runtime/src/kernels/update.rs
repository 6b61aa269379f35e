//! Weight updates: `W ← W − Σ xᵀ dy`, `b ← b − rate · Σ dy`

use super::in_bands;

/// `w[i, o] ← w[i, o] − Σₑ x[e, i] · dy[e, o]` for `x: [examples, inputs]`,
/// `dy: [examples, outputs]`, `w: [inputs, outputs]`. The rate is a factor of
/// `dy` already.
#[inline(never)]
pub(crate) fn descend_outer(x: &[f32], dy: &[f32], w: &mut [f32], inputs: usize, outputs: usize) {
    if inputs == 0 || outputs == 0 {
        return;
    }
    in_bands!(inputs, |i, M| {
        if let Some(w) = w.get_mut(i * outputs..(i + M) * outputs) {
            band::<M>(x, dy, w, (i, inputs, outputs));
        }
    });
}

/// All outputs of `M` inputs.
#[inline(always)]
fn band<const M: usize>(
    x: &[f32],
    dy: &[f32],
    w: &mut [f32],
    (i, inputs, outputs): (usize, usize, usize),
) {
    let mut o = 0;
    while outputs - o >= 4 {
        tile::<M, 4>(x, dy, w, (i, inputs), (o, outputs));
        o += 4;
    }
    while outputs - o >= 1 {
        tile::<M, 1>(x, dy, w, (i, inputs), (o, outputs));
        o += 1;
    }
}

/// `M` inputs by `N` outputs, over all examples.
#[inline(always)]
fn tile<const M: usize, const N: usize>(
    x: &[f32],
    dy: &[f32],
    w: &mut [f32],
    (i, inputs): (usize, usize),
    (o, outputs): (usize, usize),
) {
    let mut values = [[0.0f32; N]; M];
    for (values, w) in values.iter_mut().zip(w.chunks_exact(outputs)) {
        let Some(w) = part::<N>(w, o) else { return };
        *values = *w;
    }
    for (x, dy) in x.chunks_exact(inputs).zip(dy.chunks_exact(outputs)) {
        let (Some(x), Some(dy)) = (part::<M>(x, i), part::<N>(dy, o)) else {
            return;
        };
        for (values, x) in values.iter_mut().zip(x) {
            for (value, dy) in values.iter_mut().zip(dy) {
                *value -= x * dy;
            }
        }
    }
    for (w, values) in w.chunks_exact_mut(outputs).zip(values) {
        if let Some(w) = w.get_mut(o..).and_then(|w| w.first_chunk_mut::<N>()) {
            *w = values;
        }
    }
}

/// `b[o] ← b[o] − rate · Σₑ dy[e, o]` for `dy: [examples, outputs]`.
#[inline(never)]
pub(crate) fn descend_rows(dy: &[f32], rate: f32, b: &mut [f32]) {
    let outputs = b.len();
    if outputs == 0 {
        return;
    }
    let (fours, rest) = b.as_chunks_mut::<4>();
    let rest_at = 4 * fours.len();
    for (four, b) in fours.iter_mut().enumerate() {
        descend_columns(dy, rate, b, 4 * four, outputs);
    }
    for (one, b) in rest.iter_mut().enumerate() {
        let b = core::array::from_mut(b);
        descend_columns(dy, rate, b, rest_at + one, outputs);
    }
}

/// `N` columns of [`descend_rows`], from column `o` on.
#[inline(always)]
fn descend_columns<const N: usize>(
    dy: &[f32],
    rate: f32,
    b: &mut [f32; N],
    o: usize,
    outputs: usize,
) {
    let mut sums = [0.0f32; N];
    for dy in dy.chunks_exact(outputs) {
        let Some(dy) = part::<N>(dy, o) else { return };
        sums.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += dy);
    }
    b.iter_mut().zip(sums).for_each(|(b, sum)| *b -= rate * sum);
}

/// `N` numbers of a row, from `at` on.
#[inline(always)]
fn part<const N: usize>(row: &[f32], at: usize) -> Option<&[f32; N]> {
    row.get(at..)?.first_chunk()
}
