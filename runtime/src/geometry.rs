//! Windows that slide over an example: which inputs an output sees.
//!
//! Everything is worked out per axis: an output at `position` sees the inputs
//! `position · stride − before + tap` for the taps of the window, as far as
//! they lie inside.

use core::ops::Range;

use mamlet_formats::{Padding, Window};

#[cfg(feature = "integer")]
use crate::fault::{Checked, ensure};

/// Height, width and channels of one example, channels last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    pub height: u32,
    pub width: u32,
    pub channels: u32,
}

impl Extent {
    /// A vector.
    pub fn flat(features: u32) -> Self {
        Extent {
            height: 1,
            width: 1,
            channels: features,
        }
    }

    /// Height times width, where the address space has that many numbers.
    pub fn positions(self) -> Option<usize> {
        usize::try_from(self.height.checked_mul(self.width)?).ok()
    }

    /// Numbers of one example.
    pub fn features(self) -> Option<usize> {
        self.positions()?.checked_mul(self.channels as usize)
    }

    /// Words of four bytes that one example takes as integers of 8 bits.
    #[cfg(feature = "integer")]
    pub fn words(self) -> Option<usize> {
        Some(self.features()?.div_ceil(4))
    }
}

/// One direction of a sliding window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    pub input: u16,
    pub output: u16,
    pub size: u8,
    pub stride: u8,
    /// Positions outside, before the first input.
    before: u8,
}

impl Axis {
    /// `None` where no output has a window, or sizes are out of range.
    fn new(input: u32, size: u8, stride: u8, padding: Padding) -> Option<Self> {
        // Sixteen bits keep what follows from overflowing.
        let input = u32::from(u16::try_from(input).ok()?);
        let (wide, step) = (u32::from(size), u32::from(stride));
        if size == 0 || step == 0 || input == 0 {
            return None;
        }
        let (output, before) = match padding {
            Padding::Valid => (input.checked_sub(wide)? / step + 1, 0),
            Padding::Same => {
                let output = input.div_ceil(step);
                let reach = (output - 1) * step + wide;
                (output, reach.saturating_sub(input) / 2)
            }
        };
        Some(Axis {
            input: u16::try_from(input).ok()?,
            output: u16::try_from(output).ok()?,
            size,
            stride,
            before: u8::try_from(before).ok()?,
        })
    }

    /// The outputs for which `tap` lies inside.
    pub fn outputs(&self, tap: usize) -> Range<usize> {
        let (stride, before) = (usize::from(self.stride), usize::from(self.before));
        let first = before.saturating_sub(tap).div_ceil(stride.max(1));
        let end = (usize::from(self.input) + before)
            .saturating_sub(tap)
            .div_ceil(stride.max(1))
            .min(usize::from(self.output));
        first.min(end)..end
    }

    /// The taps that lie inside for an output.
    pub fn taps(&self, position: usize) -> Range<usize> {
        let at = position * usize::from(self.stride);
        let before = usize::from(self.before);
        let end = (usize::from(self.input) + before)
            .saturating_sub(at)
            .min(usize::from(self.size));
        before.saturating_sub(at).min(end)..end
    }

    /// The input that an output sees through a tap inside.
    pub fn input_of(&self, position: usize, tap: usize) -> usize {
        (position * usize::from(self.stride) + tap).saturating_sub(usize::from(self.before))
    }

    /// The outputs that see a whole window.
    pub fn whole(&self) -> Range<usize> {
        let first = self.outputs(0).start;
        let end = self.outputs(usize::from(self.size).saturating_sub(1)).end;
        first..end.max(first)
    }

    /// Runs of outputs that see the same taps, each with those taps: the ones
    /// with a whole window together, the ones at the edges by themselves.
    pub fn runs(self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let whole = self.whole();
        let mut at = 0;
        core::iter::from_fn(move || {
            let run = match at {
                _ if at == whole.start && !whole.is_empty() => whole.clone(),
                _ if at < usize::from(self.output) => at..at + 1,
                _ => return None,
            };
            at = run.end;
            let taps = self.taps(run.start);
            Some((run, taps))
        })
    }

    /// Taps inside, over all outputs.
    fn inside(&self) -> u64 {
        let of_tap = |tap| self.outputs(tap).len() as u64;
        (0..usize::from(self.size)).map(of_tap).sum()
    }
}

/// A window that slides over both axes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sliding {
    pub rows: Axis,
    pub columns: Axis,
    /// Channels of the input.
    pub channels: u32,
}

impl Sliding {
    /// `None` where no output has a window, or sizes are out of range.
    pub fn new(window: Window, input: Extent) -> Option<Self> {
        let [height, width] = window.size;
        let [down, right] = window.stride;
        Some(Sliding {
            rows: Axis::new(input.height, height, down, window.padding)?,
            columns: Axis::new(input.width, width, right, window.padding)?,
            channels: input.channels,
        })
    }

    /// The input.
    fn input(&self) -> Extent {
        Extent {
            height: u32::from(self.rows.input),
            width: u32::from(self.columns.input),
            channels: self.channels,
        }
    }

    /// Whether `inputs` and `outputs` are the numbers of an example below and
    /// above, where the output has `channels` channels.
    pub fn fits(&self, channels: u32, inputs: usize, outputs: usize) -> bool {
        self.input().features() == Some(inputs) && self.output(channels).features() == Some(outputs)
    }

    /// Whether the numbers of an example lie in `x`, and those of its output in `y`.
    #[cfg(feature = "integer")]
    #[inline(never)]
    pub fn within(&self, x: &[i8], y: &[i8], channels: u32) -> Checked {
        let lies = |extent: Extent, values: &[i8]| {
            let features = extent.features();
            features.is_some_and(|features| features <= values.len())
        };
        ensure(lies(self.input(), x) && lies(self.output(channels), y))
    }

    /// [`fits`](Self::fits) for integers of 8 bits, of which four are a word.
    #[cfg(feature = "integer")]
    pub fn fits_words(&self, channels: u32, inputs: usize, outputs: usize) -> bool {
        self.input().words() == Some(inputs) && self.output(channels).words() == Some(outputs)
    }

    /// The output, with `channels` channels.
    pub fn output(&self, channels: u32) -> Extent {
        Extent {
            height: u32::from(self.rows.output),
            width: u32::from(self.columns.output),
            channels,
        }
    }

    /// Rows times columns of the window.
    pub fn taps(&self) -> usize {
        usize::from(self.rows.size) * usize::from(self.columns.size)
    }

    /// Whether every output sees exactly one input, and every input is seen.
    pub fn is_pointwise(&self) -> bool {
        self.taps() == 1 && self.rows.stride == 1 && self.columns.stride == 1
    }

    /// Taps inside, over all outputs: multiply-accumulates per channel of a
    /// depthwise layer.
    pub fn inside(&self) -> u64 {
        self.rows.inside() * self.columns.inside()
    }

    /// All outputs, row by row.
    pub fn outputs(self) -> impl Iterator<Item = (usize, usize)> {
        let columns = usize::from(self.columns.output);
        (0..usize::from(self.rows.output))
            .flat_map(move |row| (0..columns).map(move |column| (row, column)))
    }

    /// The taps inside of an output and the input positions seen through
    /// them, row by row.
    pub fn seen(self, (row, column): (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
        let width = usize::from(self.columns.input);
        self.rows.taps(row).flat_map(move |ky| {
            let line = self.rows.input_of(row, ky) * width;
            let tap = ky * usize::from(self.columns.size);
            self.columns.taps(column).map(move |kx| {
                let at = self.columns.input_of(column, kx);
                (tap + kx, line + at)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use super::*;

    /// Every axis against the definition, one output and tap at a time.
    #[test]
    fn axes_agree_with_the_definition() {
        for input in 1..=9u32 {
            for size in 1..=5u8 {
                for stride in 1..=4u8 {
                    for padding in [Padding::Valid, Padding::Same] {
                        let Some(axis) = Axis::new(input, size, stride, padding) else {
                            assert!(padding == Padding::Valid && u32::from(size) > input);
                            continue;
                        };
                        check(axis, i64::from(input), padding);
                    }
                }
            }
        }
    }

    fn check(axis: Axis, input: i64, padding: Padding) {
        let (size, stride) = (i64::from(axis.size), i64::from(axis.stride));
        let outputs = match padding {
            Padding::Same => (input + stride - 1) / stride,
            _ => (input - size) / stride + 1,
        };
        assert_eq!(i64::from(axis.output), outputs);
        let outside = match padding {
            Padding::Same => ((outputs - 1) * stride + size - input).max(0),
            _ => 0,
        };
        let sees = |position: i64, tap: i64| {
            let at = position * stride + tap - outside / 2;
            (0..input).contains(&at).then_some(at as usize)
        };
        let mut covered = Vec::new();
        for (run, taps) in axis.runs() {
            for position in run {
                assert_eq!(axis.taps(position), taps);
                covered.push(position);
            }
        }
        assert_eq!(covered, (0..outputs as usize).collect::<Vec<_>>());
        for position in 0..outputs as usize {
            for tap in 0..size as usize {
                let seen = sees(position as i64, tap as i64);
                assert_eq!(axis.outputs(tap).contains(&position), seen.is_some());
                assert_eq!(axis.taps(position).contains(&tap), seen.is_some());
                if let Some(seen) = seen {
                    assert_eq!(axis.input_of(position, tap), seen);
                }
            }
        }
    }
}
