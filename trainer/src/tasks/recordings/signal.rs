//! From recordings of any length and rate to examples of one length.

/// Appends the sample at place `at`, in samples from the start, of `[rows,
/// channels]`: between samples by a straight line, at most the last.
pub(super) fn append_at(samples: &[f32], channels: usize, at: f32, result: &mut Vec<f32>) {
    let last = samples.len() / channels - 1;
    let before = (at.max(0.0) as usize).min(last);
    let after = (before + 1).min(last);
    let share = (at - before as f32).clamp(0.0, 1.0);
    for channel in 0..channels {
        let value = |row: usize| samples[row * channels + channel];
        result.push(value(before) * (1.0 - share) + value(after) * share);
    }
}

/// `[rows, channels]` as `[length, channels]`, from the first to the last sample.
pub(super) fn resampled(samples: &[f32], channels: usize, length: usize) -> Vec<f32> {
    let last = (samples.len() / channels - 1) as f32;
    let steps = (length - 1).max(1) as f32;
    let mut result = Vec::with_capacity(length * channels);
    for at in 0..length {
        append_at(samples, channels, at as f32 * last / steps, &mut result);
    }
    result
}

/// `[rows, channels]` at another rate: `factor` samples for each.
pub(super) fn at_rate(samples: &[f32], channels: usize, factor: f64) -> Vec<f32> {
    let rows = samples.len() / channels;
    let length = ((rows - 1) as f64 * factor).floor() as usize + 1;
    let mut result = Vec::with_capacity(length * channels);
    for at in 0..length {
        append_at(samples, channels, (at as f64 / factor) as f32, &mut result);
    }
    result
}

/// Subtracts the mean of every channel.
pub(super) fn subtract_mean(example: &mut [f32], channels: usize) {
    let rows = example.len() / channels;
    for channel in 0..channels {
        let values = example.iter().skip(channel).step_by(channels);
        let mean = values.sum::<f32>() / rows as f32;
        let values = example.iter_mut().skip(channel).step_by(channels);
        values.for_each(|value| *value -= mean);
    }
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
        let mut values: Vec<f32> = values.copied().collect();
        values.sort_by(f32::total_cmp);
        let middle = values.len() / 2;
        match values.len() % 2 {
            _ if values.is_empty() => 0.0,
            1 => values[middle],
            _ => 0.5 * (values[middle - 1] + values[middle]),
        }
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
