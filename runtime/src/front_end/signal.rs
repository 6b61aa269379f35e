//! The arithmetic of a front end: the one implementation, which the trainer
//! calls too, so that a board makes the example that a host makes.
//!
//! Where slices that should have one length have not, the result is NaN.
//!
//! Samples are `[rows, channels]`, row by row.

use core::cmp::Ordering;

use crate::fault::Checked;
use crate::kernels::{copy, rows_mut, zip};

/// The sample at place `at`, in samples from the first: on a straight line
/// between its neighbours, `x[b] (1 − s) + x[b + 1] s` for the whole part `b` and
/// the fraction `s`. Before the first it is the first, behind the last the last.
/// `sample` has a value per channel. Does nothing where there are no samples.
pub fn sample_at(samples: &[f32], at: f32, sample: &mut [f32]) {
    let channels = sample.len();
    let count = samples.len().checked_div(channels).unwrap_or(0);
    let last = count.saturating_sub(1);
    let at = if at > 0.0 { at } else { 0.0 };
    let before = (at as usize).min(last);
    let share = at - before as f32;
    let share = if share < 1.0 { share } else { 1.0 };
    let row = |at: usize| samples.get(at * channels..)?.get(..channels);
    if let (Some(before), Some(after)) = (row(before), row((before + 1).min(last))) {
        between(before, after, share, sample);
    }
}

/// `x (1 − share) + y share`
fn between(x: &[f32], y: &[f32], share: f32, result: &mut [f32]) {
    let blend = |x, y| x * (1.0 - share) + y * share;
    let done = copy(result, x).and_then(|()| zip(result, y, blend));
    or_nan(done, result);
}

/// Leaves NaN in `result` where it could not be computed.
fn or_nan(done: Checked, result: &mut [f32]) {
    if done.is_err() {
        result.fill(f32::NAN);
    }
}

/// A recording as an example of `[length, channels]`: row `i` stands at
/// `i (rows − 1) / (length − 1)`. Does nothing where there are no samples.
pub fn resample(samples: &[f32], channels: usize, example: &mut [f32]) {
    let count = samples.len().checked_div(channels).unwrap_or(0);
    let length = example.len().checked_div(channels).unwrap_or(0);
    let last = count.saturating_sub(1) as f32;
    let steps = length.saturating_sub(1).max(1) as f32;
    for (at, row) in rows_mut(example, channels).enumerate() {
        sample_at(samples, at as f32 * last / steps, row);
    }
}

/// Subtracts from every channel its mean over the rows.
pub fn subtract_mean(example: &mut [f32], channels: usize) {
    let count = example.len().checked_div(channels).unwrap_or(0) as f32;
    let step = channels.max(1);
    for channel in 0..channels {
        let values = example.iter().skip(channel).step_by(step);
        let mean = values.fold(0.0, |sum, value| sum + value) / count;
        let values = example.iter_mut().skip(channel).step_by(step);
        values.for_each(|value| *value -= mean);
    }
}

/// Subtracts `offset`, a value per channel, from every row.
pub fn subtract(example: &mut [f32], offset: &[f32]) {
    for row in rows_mut(example, offset.len()) {
        let done = zip(row, offset, |value, offset| value - offset);
        or_nan(done, row);
    }
}

/// The median, in the memory of the values alone: it takes 32 to 64 passes over
/// them. 0 where there are none; of an even number of values, half of the sum of
/// the two in the middle.
pub fn median(values: impl Iterator<Item = f32> + Clone) -> f32 {
    let count = values.clone().count();
    let middle = count / 2;
    match count % 2 {
        _ if count == 0 => 0.0,
        1 => of_rank(values, middle),
        _ => 0.5 * (of_rank(values.clone(), middle - 1) + of_rank(values, middle)),
    }
}

/// The value that `rank` others are below, in the order of `f32::total_cmp`: bit
/// by bit, from the highest, the largest key that no more than `rank` are below.
fn of_rank(values: impl Iterator<Item = f32> + Clone, rank: usize) -> f32 {
    /// The sign of an f32.
    const SIGN: u32 = 1 << 31;
    let key = |value: f32| match value.to_bits() {
        bits if bits & SIGN == 0 => bits | SIGN,
        bits => !bits,
    };
    let mut found = 0;
    for bit in (0..u32::BITS).rev() {
        let candidate = found | 1 << bit;
        let below = values.clone().filter(|&value| key(value) < candidate);
        if below.count() <= rank {
            found = candidate;
        }
    }
    f32::from_bits(match found & SIGN {
        0 => !found,
        _ => found & !SIGN,
    })
}

/// Samples of one rate from samples of another that come one by one, on straight
/// lines between them: row `k` stands at `k · from / to`, in whole numbers, so
/// that nothing drifts however long it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    from: u32,
    to: u32,
    /// From the sample before to the next row, in `to`-ths of a sample; `None`
    /// before the first sample.
    ahead: Option<u64>,
}

impl Rate {
    /// From samples at one rate to rows at another, both in any one unit and
    /// above zero.
    pub fn new(from: u32, to: u32) -> Self {
        Rate {
            from: from.max(1),
            to: to.max(1),
            ahead: None,
        }
    }

    /// Takes the next sample, and calls `row` with each row between the sample
    /// before and this one, this one included. That is at most one row where
    /// samples come as fast as rows, or faster. `before` holds the last sample
    /// from call to call: a value per channel.
    pub fn push(
        &mut self,
        before: &mut [f32],
        sample: &[f32],
        result: &mut [f32],
        mut row: impl FnMut(&[f32]),
    ) {
        let to = u64::from(self.to);
        let mut ahead = self.ahead.unwrap_or_else(|| {
            or_nan(copy(before, sample), before);
            to
        });
        while ahead <= to {
            between(before, sample, ahead as u32 as f32 / self.to as f32, result);
            row(result);
            ahead += u64::from(self.from);
        }
        self.ahead = Some(ahead - to);
        or_nan(copy(before, sample), before);
    }

    /// How `from` compares to `to`.
    pub(super) fn compare(&self) -> Ordering {
        self.from.cmp(&self.to)
    }

    /// Begins anew.
    pub(super) fn restart(&mut self) {
        self.ahead = None;
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    /// Numbers with ties, zeros of both signs and extremes.
    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed.wrapping_mul(2_654_435_761) | 1;
        (0..count)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                match state % 5 {
                    0 => [0.0, -0.0, 1.0, -1.0, f32::MAX, f32::MIN][state as usize / 5 % 6],
                    _ => (state >> 8) as f32 / 4096.0 - 2048.0,
                }
            })
            .collect()
    }

    #[test]
    fn the_median_is_that_of_sorted_values() {
        for count in 0..40 {
            for seed in 0..20 {
                let values = numbers(count, seed);
                let mut sorted = values.clone();
                sorted.sort_by(f32::total_cmp);
                let expected = match count {
                    0 => 0.0,
                    _ if count % 2 == 1 => sorted[count / 2],
                    _ => 0.5 * (sorted[count / 2 - 1] + sorted[count / 2]),
                };
                let found = median(values.iter().copied());
                assert_eq!(found.to_bits(), expected.to_bits(), "{values:?}");
            }
        }
    }

    #[test]
    fn a_line_stays_a_line_at_every_length_and_rate() {
        // Row i of two channels: i and 3 − 2 i.
        let line = |at: f32| [at, 3.0 - 2.0 * at];
        let samples: Vec<f32> = (0..9).flat_map(|i| line(i as f32)).collect();
        for length in 1..30 {
            let mut example = std::vec![0.0; 2 * length];
            resample(&samples, 2, &mut example);
            for (i, row) in example.chunks(2).enumerate() {
                let at = i as f32 * 8.0 / (length - 1).max(1) as f32;
                assert!((row[0] - at).abs() < 1e-5 && (row[1] - 3.0 + 2.0 * at).abs() < 1e-5);
            }
        }
        for (from, to) in [(1, 1), (3, 2), (2, 3), (7, 1), (1, 7), (62_500, 50_000)] {
            let (mut rate, mut rows) = (Rate::new(from, to), Vec::new());
            let (mut before, mut result) = ([0.0; 2], [0.0; 2]);
            for sample in samples.chunks(2) {
                let keep = |row: &[f32]| rows.push([row[0], row[1]]);
                rate.push(&mut before, sample, &mut result, keep);
            }
            assert_eq!(rows.len() as u32, 8 * to / from + 1, "{from} to {to}");
            for (k, row) in rows.iter().enumerate() {
                let at = k as f32 * from as f32 / to as f32;
                assert!((row[0] - at).abs() < 1e-5 && (row[1] - 3.0 + 2.0 * at).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn no_samples_and_no_channels_do_nothing() {
        let mut example = [7.0; 4];
        resample(&[], 2, &mut example);
        resample(&[1.0], 0, &mut example);
        subtract(&mut example, &[]);
        subtract_mean(&mut example, 0);
        sample_at(&[], 1.0, &mut example[..2]);
        sample_at(&[1.0], f32::NAN, &mut []);
        assert_eq!(example, [7.0; 4]);
        let mut sample = [0.0; 1];
        sample_at(&[1.0, 2.0], f32::INFINITY, &mut sample);
        assert_eq!(sample, [2.0]);
    }
}
