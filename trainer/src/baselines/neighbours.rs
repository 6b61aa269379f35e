//! The class of the nearest support example.

use super::Known;

/// For every class, minus the distance of its nearest support example. `distance`
/// of two examples may stop as soon as it is beyond the number it is given.
pub(super) fn nearest(
    known: Known<'_>,
    query: &[f32],
    distance: impl Fn(&[f32], &[f32], f32) -> f32,
) -> Vec<f32> {
    let mut least = vec![f32::INFINITY; known.output];
    for (example, class) in known.examples() {
        let own = &mut least[super::largest(class)];
        *own = own.min(distance(query, example, *own));
    }
    least.into_iter().map(|distance| -distance).collect()
}

/// `Σ (a − b)²`.
pub(super) fn euclid(a: &[f32], b: &[f32], _most: f32) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// The least `Σ ‖a_i − b_j‖²` over all monotone paths from the first to the last
/// samples, `i` and `j` at most `band` apart:
///
/// ```text
/// D(i, j) = ‖a_i − b_j‖² + min(D(i−1, j), D(i, j−1), D(i−1, j−1))
/// ```
///
/// for `a, b [rows, channels]`; infinite once every path is beyond `most`.
pub(super) fn warped(a: &[f32], b: &[f32], channels: usize, band: usize, most: f32) -> f32 {
    let rows = b.len() / channels;
    let mut before = vec![f32::INFINITY; rows + 1];
    let mut now = before.clone();
    before[0] = 0.0;
    for (i, a) in a.chunks_exact(channels).enumerate() {
        now.fill(f32::INFINITY);
        let (first, last) = (i.saturating_sub(band), (i + band + 1).min(rows));
        let mut least = f32::INFINITY;
        for j in first..last {
            let b = &b[j * channels..(j + 1) * channels];
            let path = before[j].min(before[j + 1]).min(now[j]);
            now[j + 1] = euclid(a, b, most) + path;
            least = least.min(now[j + 1]);
        }
        if least > most {
            return f32::INFINITY;
        }
        std::mem::swap(&mut before, &mut now);
    }
    before[rows]
}

/// Gives every channel of `[rows, channels]` mean 0 and deviation 1; one that does
/// not vary becomes 0.
pub(super) fn standardise(example: &mut [f32], channels: usize) {
    let rows = (example.len() / channels) as f32;
    for channel in 0..channels {
        let own = || example.iter().skip(channel).step_by(channels);
        let mean = own().sum::<f32>() / rows;
        let deviation = (own().map(|x| (x - mean) * (x - mean)).sum::<f32>() / rows).sqrt();
        let factor = if deviation > 0.0 {
            1.0 / deviation
        } else {
            0.0
        };
        for value in example.iter_mut().skip(channel).step_by(channels) {
            *value = (*value - mean) * factor;
        }
    }
}
