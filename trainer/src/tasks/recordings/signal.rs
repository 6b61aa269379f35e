//! From recordings of any length and rate to examples of one length, by the
//! arithmetic of the board that will do the same.

use mamlet_runtime::front_end::signal as board;
use mamlet_runtime::front_end::signal::Rate;

/// Appends the sample at place `at`, in samples from the start, of `[rows,
/// channels]`: between samples by a straight line, at most the last.
pub(super) fn append_at(samples: &[f32], channels: usize, at: f32, result: &mut Vec<f32>) {
    let start = result.len();
    result.resize(start + channels, 0.0);
    board::sample_at(samples, at, &mut result[start..]);
}

/// `[rows, channels]` as `[length, channels]`, from the first to the last sample.
pub(super) fn resampled(samples: &[f32], channels: usize, length: usize) -> Vec<f32> {
    let mut example = vec![0.0; length * channels];
    board::resample(samples, channels, &mut example);
    example
}

/// `[rows, channels]` of the rate `from` at the rate `to`.
pub(super) fn at_rate(samples: &[f32], channels: usize, from: u32, to: u32) -> Vec<f32> {
    if from == to {
        return samples.to_vec();
    }
    let mut rate = Rate::new(from, to);
    let (mut before, mut row) = (vec![0.0; channels], vec![0.0; channels]);
    let mut result = Vec::new();
    for sample in samples.chunks_exact(channels) {
        rate.push(&mut before, sample, &mut row, |row| result.extend(row));
    }
    result
}

/// The median of every channel over several `[rows, channels]`.
pub(super) fn medians<'a>(
    parts: impl Iterator<Item = &'a [f32]> + Clone,
    channels: usize,
) -> Vec<f32> {
    let of_channel = |channel: usize| {
        let values = parts
            .clone()
            .flat_map(|part| part.iter().skip(channel).step_by(channels));
        board::median(values.copied())
    };
    (0..channels).map(of_channel).collect()
}

/// Mean and standard deviation of every channel over several `[rows, channels]`;
/// a channel that is the same everywhere has the deviation 1.
pub(super) fn moments<'a>(
    parts: impl Iterator<Item = &'a [f32]> + Clone,
    channels: usize,
) -> (Vec<f32>, Vec<f32>) {
    let of_channel = |channel: usize| {
        let values = parts
            .clone()
            .flat_map(|part| part.iter().skip(channel).step_by(channels));
        let (count, sum, squares) = values.fold((0.0f64, 0.0f64, 0.0f64), |(n, s, q), &x| {
            let x = f64::from(x);
            (n + 1.0, s + x, q + x * x)
        });
        let mean = sum / count.max(1.0);
        let sigma = (squares / count.max(1.0) - mean * mean).max(0.0).sqrt();
        (mean as f32, if sigma > 0.0 { sigma as f32 } else { 1.0 })
    };
    (0..channels).map(of_channel).unzip()
}
