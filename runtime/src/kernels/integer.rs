//! Sums of products of 8-bit integers, four positions by two outputs at a
//! time.
//!
//! Weights lie as `[pairs of outputs, groups, 2, 4]`, patches as they are: a
//! group is four products, and the last one is filled up with zeros. On a core
//! with the DSP instructions the patches are first widened to 16 bits, in the
//! order in which `sxtb16` takes bytes out of a word, and `smlad` adds two
//! products at a time. The portable twin does the same one by one: sums of integers
//! have no rounding, and scaling rounds alike, so both give the same.

#[cfg(mamlet_dsp)]
mod dsp;

use crate::fault::{Checked, Internal, ensure};

/// Positions that are computed together.
pub(crate) const LANES: usize = 4;
/// Products of a group.
pub(crate) const GROUP: usize = 4;

/// Words of memory for [`LANES`] patches of `length` numbers.
pub(crate) fn scratch(length: usize) -> usize {
    // Two words of 16-bit numbers a lane, and one word for the patch itself.
    length.div_ceil(GROUP) * (2 * LANES + 1)
}

/// A few patches, ready to be multiplied.
pub(crate) struct Patches<'s> {
    groups: usize,
    /// The patch in the making.
    patch: &'s mut [i8],
    /// `[groups, 2, LANES]` pairs of 16-bit numbers: even places, then odd.
    wide: &'s mut [u32],
}

impl<'s> Patches<'s> {
    /// Takes [`scratch`]`(length)` words.
    pub fn new(length: usize, scratch: &'s mut [f32]) -> Checked<Self> {
        let groups = length.div_ceil(GROUP);
        let (patch, wide) = scratch.split_at_mut_checked(groups).ok_or(Internal)?;
        let wide = wide.get_mut(..groups * 2 * LANES).ok_or(Internal)?;
        patch.fill(0.0);
        Ok(Patches {
            groups,
            patch: bytemuck::cast_slice_mut(patch),
            wide: bytemuck::cast_slice_mut(wide),
        })
    }

    /// Lets `fill` write the patch of a lane.
    pub fn set(&mut self, lane: usize, fill: impl FnOnce(&mut [i8])) {
        fill(self.patch);
        widen(self.wide, lane, self.patch);
    }

    /// Takes the patch of a lane from where it lies. It has all of its numbers.
    pub fn copy(&mut self, lane: usize, patch: &[i8]) {
        let rest = widen(self.wide, lane, patch);
        let done = patch.len() - rest.len();
        let mut last = [0; GROUP];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        let left = self.wide.get_mut(done / GROUP * 2 * LANES..);
        if !rest.is_empty() {
            widen(left.unwrap_or(&mut []), lane, &last);
        }
    }

    /// All outputs of the first `lanes` lanes, with `weights` as they lie in an
    /// artifact. Those of a lane begin `stride` integers after the last lane's.
    ///
    /// # Errors
    /// [`Internal`] where one of them is shorter; nothing is written then.
    pub fn outputs(
        &self,
        weights: &[i8],
        scaling: &Scaling<'_>,
        (y, stride): (&mut [i8], usize),
        (lanes, outputs): (usize, usize),
    ) -> Checked {
        let pair = self.groups * 2 * GROUP;
        let there = scaling.covers(outputs)
            && weights.len() >= outputs.div_ceil(2) * pair
            && y.len() >= lanes.saturating_sub(1) * stride + outputs;
        ensure(there && lanes > 0)?;
        #[cfg(mamlet_dsp)]
        // SAFETY: that is what has just been checked.
        let done = unsafe { dsp::pairs(self, weights, scaling, (y, stride), (lanes, outputs)) };
        #[cfg(not(mamlet_dsp))]
        let done = 0;
        for output in (done..outputs).step_by(2) {
            let weights = weights.get(output / 2 * pair..).unwrap_or(&[]);
            let weights = weights.get(..pair).unwrap_or(&[]);
            let mut sums = [[0; 2]; LANES];
            portable(self.wide, weights, &mut sums);
            for (lane, sums) in sums.into_iter().take(lanes).enumerate() {
                for (output, sum) in (output..outputs).zip(sums) {
                    if let Some(y) = y.get_mut(lane * stride + output) {
                        *y = scaling.output(output, sum);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Widens the whole groups of a patch, and returns what is behind them.
fn widen<'p>(wide: &mut [u32], lane: usize, patch: &'p [i8]) -> &'p [i8] {
    let (groups, rest) = patch.as_chunks::<GROUP>();
    if lane < LANES {
        let (wide, _) = wide.as_chunks_mut::<{ 2 * LANES }>();
        for (to, group) in wide.iter_mut().zip(groups) {
            let (even, odd) = widened(u32::from_le_bytes(group.map(i8::cast_unsigned)));
            (to[lane], to[LANES + lane]) = (even, odd);
        }
    }
    rest
}

#[cfg(mamlet_dsp)]
use dsp::widened;

/// Four numbers of 8 bits as four of 16: those at even places, then at odd ones.
#[cfg(not(mamlet_dsp))]
fn widened(group: u32) -> (u32, u32) {
    let [a, b, c, d] = group.to_le_bytes().map(u8::cast_signed);
    let pair = |low: i8, high: i8| u32::from(low as i16 as u16) | (high as i16 as u32) << 16;
    (pair(a, c), pair(b, d))
}

/// How sums become integers of 8 bits again: bias, multiplier and shift of every
/// output, and what all outputs share.
#[derive(Clone, Copy)]
pub(crate) struct Scaling<'w> {
    pub bias: &'w [i32],
    pub multiplier: &'w [i32],
    pub shift: &'w [i8],
    pub zero: i8,
    pub low: i8,
    pub high: i8,
}

impl Scaling<'_> {
    /// That of the outputs from `first` on.
    pub fn from(&self, first: usize) -> Checked<Self> {
        Ok(Scaling {
            bias: self.bias.get(first..).ok_or(Internal)?,
            multiplier: self.multiplier.get(first..).ok_or(Internal)?,
            shift: self.shift.get(first..).ok_or(Internal)?,
            ..*self
        })
    }

    /// Whether it is that of at least so many outputs.
    pub fn covers(&self, outputs: usize) -> bool {
        let lengths = [self.bias.len(), self.multiplier.len(), self.shift.len()];
        lengths.iter().all(|&length| length >= outputs)
    }

    /// The integer of an output's sum of products, of an output that it
    /// [covers](Self::covers).
    pub fn output(&self, output: usize, sum: i32) -> i8 {
        let bias = self.bias.get(output).copied().unwrap_or(0);
        let multiplier = self.multiplier.get(output).copied().unwrap_or(0);
        let shift = self.shift.get(output).copied().unwrap_or(0) as u32 & 31;
        let product = i64::from(sum.wrapping_add(bias)) * i64::from(multiplier);
        let scaled = ((product + (1 << 31)) >> 32) as i32;
        let half = ((1u32 << shift) >> 1) as i32;
        let rounded = scaled.wrapping_add(half) >> shift;
        let y = rounded.saturating_add(i32::from(self.zero));
        y.max(i32::from(self.low)).min(i32::from(self.high)) as i8
    }
}

/// The same sums on any core.
fn portable(wide: &[u32], weights: &[i8], sums: &mut [[i32; 2]; LANES]) {
    let (weights, _) = weights.as_chunks::<{ 2 * GROUP }>();
    let (wide, _) = wide.as_chunks::<{ 2 * LANES }>();
    for (patches, weights) in wide.iter().zip(weights) {
        let (even, odd) = patches.split_at(LANES);
        let (first, second) = weights.split_at(GROUP);
        for (sums, (even, odd)) in sums.iter_mut().zip(even.iter().zip(odd)) {
            let numbers = [even & 0xFFFF, odd & 0xFFFF, even >> 16, odd >> 16];
            for (sum, weights) in sums.iter_mut().zip([first, second]) {
                for (number, weight) in numbers.iter().zip(weights) {
                    let product = i32::from(*number as u16 as i16) * i32::from(*weight);
                    *sum = sum.wrapping_add(product);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn sums_are_those_of_plain_loops() {
        for length in [1usize, 3, 4, 5, 9, 64, 147] {
            let number = |i: usize| (i.wrapping_mul(2_654_435_761) >> 13) as i8;
            let groups = length.div_ceil(GROUP);
            let patches: Vec<Vec<i8>> = (0..LANES)
                .map(|lane| (0..length).map(|i| number(i * 7 + lane)).collect())
                .collect();
            let rows: Vec<Vec<i8>> = (0..2)
                .map(|row| (0..length).map(|i| number(i * 11 + row + 99)).collect())
                .collect();
            let mut packed = vec![0i8; groups * 2 * GROUP];
            for (row, weights) in rows.iter().enumerate() {
                for (i, weight) in weights.iter().enumerate() {
                    packed[i / GROUP * 2 * GROUP + row * GROUP + i % GROUP] = *weight;
                }
            }
            let mut memory = vec![f32::NAN; scratch(length)];
            let mut ready = Patches::new(length, &mut memory).expect("enough memory");
            for (lane, patch) in patches.iter().enumerate() {
                match lane % 2 {
                    0 => ready.set(lane, |to| to[..length].copy_from_slice(patch)),
                    _ => ready.copy(lane, patch),
                }
            }
            let mut sums = [[0; 2]; LANES];
            portable(ready.wide, &packed, &mut sums);
            for (patch, sums) in patches.iter().zip(sums) {
                for (row, sum) in rows.iter().zip(sums) {
                    let products = patch.iter().zip(row);
                    let expected: i32 = products.map(|(x, w)| i32::from(*x) * i32::from(*w)).sum();
                    assert_eq!(sum, expected, "{length}");
                }
            }
        }
    }
}
