//! Layers on 8-bit integers, for what does not adapt: an integer `q` stands
//! for `(q − zero) · scale`.
//!
//! `y = clamp(round((Σ x w + bias) · multiplier / 2³² / 2^shift) + zero, low,
//! high)`: weights have a scale per output, activations one per tensor, and
//! bias, multiplier and shift hold all of them (Jacob et al. 2018). Sums are
//! exact in 32 bits, so every core gives the same integers. None of these
//! layers goes backward: nothing below the lowest adapting layer has to.

use mamlet_formats::Number;

use super::pool::{Kind, Pool};
use super::{Backward, Descent, Forward, Macs, Operation};
use crate::fault::{Checked, Internal, ensure};
use crate::geometry::{Extent, Sliding};
use crate::kernels::integer::{GROUP, LANES, Patches, Scaling, scratch};

/// From f32 to i8. What is beyond the integers becomes the nearest of them, an
/// overflow in layers below too; a NaN that such an overflow leads to becomes
/// `zero`. Inputs that are not finite are refused before they come here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantize {
    pub scale: f32,
    pub zero: i8,
}

/// From i8 to f32.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dequantize {
    pub scale: f32,
    pub zero: i8,
}

/// A fully connected layer, for every position.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IntegerDense {
    pub inputs: u32,
    pub outputs: u32,
    pub positions: u32,
    pub integers: Integers,
}

/// A convolution over rows and columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IntegerConv {
    pub window: Sliding,
    pub filters: u32,
    /// How many groups; they divide the channels and the filters.
    pub groups: u32,
    pub integers: Integers,
}

/// A convolution of every channel by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IntegerDepthwise {
    pub window: Sliding,
    pub integers: Integers,
}

/// A [`Pool`]: the largest integer under the window, or the mean, rounded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IntegerPool(pub Pool);

/// The mean over all positions, per channel, rounded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IntegerGlobalAverage {
    pub channels: u32,
    pub positions: u32,
}

/// Weights, and how sums become integers again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Integers {
    /// Where the tensors begin in the tensor section, in words: weights, and
    /// bias, multiplier and shift of every output.
    pub weight: u32,
    pub bias: u32,
    pub multiplier: u32,
    pub shift: u32,
    pub input_zero: i8,
    pub zero: i8,
    pub low: i8,
    pub high: i8,
}

/// [`Integers`] with its tensors.
struct Read<'w> {
    weight: &'w [i8],
    scaling: Scaling<'w>,
}

impl Integers {
    /// So many weights, and what all `outputs` need to become integers again.
    fn read<'w>(
        &self,
        words: &'w [f32],
        weights: Option<usize>,
        outputs: usize,
    ) -> Checked<Read<'w>> {
        let from = |at: u32| words.get(at as usize..).ok_or(Internal);
        let weight: &[i8] = bytemuck::cast_slice(from(self.weight)?);
        let scaling = Scaling {
            bias: bytemuck::cast_slice(from(self.bias)?),
            multiplier: bytemuck::cast_slice(from(self.multiplier)?),
            shift: bytemuck::cast_slice(from(self.shift)?),
            zero: self.zero,
            low: self.low,
            high: self.high,
        };
        ensure(scaling.covers(outputs))?;
        let weight = weight.get(..weights.ok_or(Internal)?).ok_or(Internal)?;
        Ok(Read { weight, scaling })
    }
}

impl<'w> Read<'w> {
    /// Those of the outputs from `output` on, whose weights begin with `weight`.
    fn from(&self, weight: usize, output: usize) -> Checked<Self> {
        Ok(Read {
            weight: self.weight.get(weight..).ok_or(Internal)?,
            scaling: self.scaling.from(output)?,
        })
    }

    /// So many outputs of all positions, of which `patch` sets one lane at a time.
    /// Those of a position begin `stride` integers after those of the last.
    fn products(
        &self,
        length: usize,
        outputs: usize,
        (y, stride): (&mut [i8], usize),
        scratch: &mut [f32],
        mut patch: impl FnMut(&mut Patches<'_>, usize, usize),
    ) -> Checked {
        ensure(stride > 0)?;
        let mut patches = Patches::new(length, scratch)?;
        let mut position = 0;
        let mut rest = y;
        while !rest.is_empty() {
            let lanes = rest.len().div_ceil(stride).min(LANES);
            let length = rest.len().min(lanes * stride);
            let parts = core::mem::take(&mut rest).split_at_mut_checked(length);
            let (y, after) = parts.ok_or(Internal)?;
            rest = after;
            for lane in 0..lanes {
                patch(&mut patches, lane, position + lane);
            }
            position += lanes;
            patches.outputs(self.weight, &self.scaling, (y, stride), (lanes, outputs))?;
        }
        Ok(())
    }
}

/// How many numbers a layer's weights take as they lie in an artifact.
pub(crate) fn packed(length: usize, outputs: usize) -> Option<usize> {
    let pairs = outputs.div_ceil(2);
    let groups = length.div_ceil(GROUP);
    pairs.checked_mul(groups)?.checked_mul(2 * GROUP)
}

/// Bytes of so many weights, and of bias, multiplier and shift of every output.
fn weight_bytes(weights: Option<usize>, outputs: usize) -> usize {
    let of_outputs = outputs.saturating_mul(2 * size_of::<i32>() + size_of::<i8>());
    weights.unwrap_or(usize::MAX).saturating_add(of_outputs)
}

/// The numbers that the tensors of an integer layer hold.
pub(crate) const NUMBERS: [Number; 4] = [Number::I8, Number::I32, Number::I32, Number::I8];

impl Operation for Quantize {
    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        inputs.div_ceil(4) == outputs
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let y: &mut [i8] = bytemuck::cast_slice_mut(pass.y);
        ensure(pass.x.len() <= y.len())?;
        for (y, x) in y.iter_mut().zip(pass.x) {
            let steps = x / self.scale;
            // The cast takes off the fraction and keeps to the range.
            let rounded = (steps + 0.5f32.copysign(steps)) as i32;
            let integer = rounded.saturating_add(i32::from(self.zero));
            *y = integer.clamp(-128, 127) as i8;
        }
        Ok(())
    }

    fn backward(&self, _: Backward<'_>, _: &mut Descent<'_>) -> Checked {
        Err(Internal)
    }
}

impl Operation for Dequantize {
    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        inputs == outputs.div_ceil(4)
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let x: &[i8] = bytemuck::cast_slice(pass.x);
        ensure(pass.y.len() <= x.len())?;
        for (y, x) in pass.y.iter_mut().zip(x) {
            *y = (i32::from(*x) - i32::from(self.zero)) as f32 * self.scale;
        }
        Ok(())
    }

    fn backward(&self, _: Backward<'_>, _: &mut Descent<'_>) -> Checked {
        Err(Internal)
    }
}

impl Operation for IntegerDense {
    fn scratch(&self) -> usize {
        scratch(self.inputs as usize)
    }

    fn weight_bytes(&self) -> usize {
        let outputs = self.outputs as usize;
        weight_bytes(packed(self.inputs as usize, outputs), outputs)
    }

    fn macs(&self) -> Macs {
        let weights = u64::from(self.inputs).saturating_mul(u64::from(self.outputs));
        Macs {
            forward: weights.saturating_mul(u64::from(self.positions)),
            ..Macs::default()
        }
    }

    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        let words = |channels| {
            let extent = Extent {
                height: 1,
                width: self.positions,
                channels,
            };
            extent.words()
        };
        [words(self.inputs), words(self.outputs)] == [Some(inputs), Some(outputs)]
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let (inputs, outputs) = (self.inputs as usize, self.outputs as usize);
        let x: &[i8] = bytemuck::cast_slice(pass.x);
        let y: &mut [i8] = bytemuck::cast_slice_mut(pass.y);
        let y = y.get_mut(..outputs * self.positions as usize);
        let y = y.ok_or(Internal)?;
        ensure(x.len() >= inputs * self.positions as usize)?;
        let weights = packed(inputs, outputs);
        let read = self.integers.read(pass.words, weights, outputs)?;
        let patch = |patches: &mut Patches<'_>, lane, position: usize| {
            let x = x.get(position * inputs..).unwrap_or(&[]);
            patches.copy(lane, x.get(..inputs).unwrap_or(&[]));
        };
        read.products(inputs, outputs, (y, outputs), pass.scratch, patch)
    }

    fn backward(&self, _: Backward<'_>, _: &mut Descent<'_>) -> Checked {
        Err(Internal)
    }
}

impl IntegerConv {
    /// Channels and filters of a group.
    fn of_group(&self) -> (usize, usize) {
        let of = |count: u32| count.checked_div(self.groups).unwrap_or(0) as usize;
        (of(self.window.channels), of(self.filters))
    }

    /// Numbers of a group under the window.
    fn length(&self) -> usize {
        let (channels, _) = self.of_group();
        self.window.taps().saturating_mul(channels)
    }

    /// What an output sees of the channels of a group, those from `channel` on.
    fn patch(&self, x: &[i8], position: usize, channel: usize, to: &mut [i8]) {
        let Sliding { rows, columns, .. } = self.window;
        let channels = self.window.channels as usize;
        let (own, _) = self.of_group();
        let (width, wide) = (usize::from(columns.input), usize::from(columns.output));
        let taps = usize::from(columns.size);
        let (line, column) = (position / wide.max(1), position % wide.max(1));
        let inside = columns.taps(column);
        if rows.taps(line).len() < usize::from(rows.size) || inside.len() < taps {
            let length = self.length();
            to.iter_mut()
                .take(length)
                .for_each(|to| *to = self.integers.input_zero);
        }
        // The channels of a group lie side by side under one tap, all of them
        // under all taps.
        let (runs, length) = match own == channels {
            true => (1, inside.len() * channels),
            false => (inside.len(), own),
        };
        for ky in rows.taps(line) {
            let from = rows.input_of(line, ky) * width + columns.input_of(column, inside.start);
            for run in 0..runs {
                let x = x.get((from + run) * channels + channel..).unwrap_or(&[]);
                let x = x.get(..length).unwrap_or(&[]);
                let to = to.get_mut((ky * taps + inside.start + run) * own..);
                copy(to.unwrap_or(&mut []), x);
            }
        }
    }

    /// How many numbers the weights of a group take.
    fn weights(&self) -> Option<usize> {
        let (_, filters) = self.of_group();
        packed(self.length(), filters)
    }
}

impl Operation for IntegerConv {
    fn scratch(&self) -> usize {
        scratch(self.length())
    }

    fn weight_bytes(&self) -> usize {
        let weights = self.weights();
        let weights = weights.and_then(|weights| weights.checked_mul(self.groups as usize));
        weight_bytes(weights, self.filters as usize)
    }

    fn macs(&self) -> Macs {
        let (channels, _) = self.of_group();
        let weights = (channels as u64).saturating_mul(u64::from(self.filters));
        Macs {
            forward: weights.saturating_mul(self.window.inside()),
            ..Macs::default()
        }
    }

    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        self.window.fits_words(self.filters, inputs, outputs)
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let filters = self.filters as usize;
        let of_group = self.weights().ok_or(Internal)?;
        let weights = of_group.checked_mul(self.groups as usize);
        let read = self.integers.read(pass.words, weights, filters)?;
        let x: &[i8] = bytemuck::cast_slice(pass.x);
        let y: &mut [i8] = bytemuck::cast_slice_mut(pass.y);
        let Sliding { rows, columns, .. } = self.window;
        let positions = usize::from(rows.output) * usize::from(columns.output);
        self.window.within(x, y, self.filters)?;
        let y = y.get_mut(..filters * positions).ok_or(Internal)?;
        let (own_channels, own_filters) = self.of_group();
        for group in 0..self.groups as usize {
            let (channel, filter) = (group * own_channels, group * own_filters);
            let read = read.from(group * of_group, filter)?;
            let patch = |patches: &mut Patches<'_>, lane, position| {
                patches.set(lane, |to| self.patch(x, position, channel, to));
            };
            let y = (y.get_mut(filter..).ok_or(Internal)?, filters);
            read.products(self.length(), own_filters, y, pass.scratch, patch)?;
        }
        Ok(())
    }

    fn backward(&self, _: Backward<'_>, _: &mut Descent<'_>) -> Checked {
        Err(Internal)
    }
}

impl IntegerDepthwise {
    /// The sums of products of `N` channels of an output, those from `channel`
    /// on. What lies outside of the input is its zero.
    fn sums<const N: usize>(
        &self,
        read: &Read<'_>,
        x: &[i8],
        (line, column): (usize, usize),
        channel: usize,
    ) -> [i32; N] {
        let Sliding { rows, columns, .. } = self.window;
        let channels = self.window.channels as usize;
        let outside = [self.integers.input_zero; N];
        let (inside, across) = (rows.taps(line), columns.taps(column));
        let mut sums = [0i32; N];
        let mut weights = channel;
        for ky in 0..usize::from(rows.size) {
            let line = rows.input_of(line, ky) * usize::from(columns.input);
            for kx in 0..usize::from(columns.size) {
                let seen = inside.contains(&ky) && across.contains(&kx);
                let at = (line + columns.input_of(column, kx)) * channels + channel;
                let x = match seen {
                    true => x.get(at..).and_then(<[i8]>::first_chunk::<N>),
                    false => Some(&outside),
                };
                let weight = read
                    .weight
                    .get(weights..)
                    .and_then(<[i8]>::first_chunk::<N>);
                if let (Some(x), Some(weight)) = (x, weight) {
                    let product = |i: usize| i32::from(x[i]) * i32::from(weight[i]);
                    sums = core::array::from_fn(|i| sums[i].wrapping_add(product(i)));
                }
                weights += channels;
            }
        }
        sums
    }
}

impl Operation for IntegerDepthwise {
    fn weight_bytes(&self) -> usize {
        let channels = self.window.channels as usize;
        weight_bytes(self.window.taps().checked_mul(channels), channels)
    }

    fn macs(&self) -> Macs {
        let channels = u64::from(self.window.channels);
        Macs {
            forward: self.window.inside().saturating_mul(channels),
            ..Macs::default()
        }
    }

    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        self.window
            .fits_words(self.window.channels, inputs, outputs)
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let channels = self.window.channels as usize;
        let x: &[i8] = bytemuck::cast_slice(pass.x);
        let y: &mut [i8] = bytemuck::cast_slice_mut(pass.y);
        let weights = self.window.taps().checked_mul(channels);
        let read = self.integers.read(pass.words, weights, channels)?;
        self.window.within(x, y, self.window.channels)?;
        for (output, y) in self.window.outputs().zip(y.chunks_mut(channels.max(1))) {
            let (eights, rest) = y.as_chunks_mut::<8>();
            let done = channels.saturating_sub(rest.len());
            for (channel, y) in (0..done).step_by(8).zip(eights) {
                let sums = self.sums::<8>(&read, x, output, channel);
                let sums = (channel..).zip(sums);
                for (y, (channel, sum)) in y.iter_mut().zip(sums) {
                    *y = read.scaling.output(channel, sum);
                }
            }
            for (channel, y) in (done..).zip(rest) {
                let [sum] = self.sums(&read, x, output, channel);
                *y = read.scaling.output(channel, sum);
            }
        }
        Ok(())
    }

    fn backward(&self, _: Backward<'_>, _: &mut Descent<'_>) -> Checked {
        Err(Internal)
    }
}

impl Operation for IntegerPool {
    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        let window = self.0.window;
        window.fits_words(window.channels, inputs, outputs)
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let x: &[i8] = bytemuck::cast_slice(pass.x);
        let y: &mut [i8] = bytemuck::cast_slice_mut(pass.y);
        let Pool { kind, window } = self.0;
        window.within(x, y, window.channels)?;
        let channels = window.channels as usize;
        for (output, y) in window.outputs().zip(y.chunks_mut(channels.max(1))) {
            for (channel, y) in y.iter_mut().enumerate() {
                let seen = window.seen(output);
                let values = seen.filter_map(|(_, at)| x.get(at * channels + channel).copied());
                *y = match kind {
                    Kind::Maximum => values.max().unwrap_or(0),
                    Kind::Average => rounded_mean(values),
                };
            }
        }
        Ok(())
    }

    fn backward(&self, _: Backward<'_>, _: &mut Descent<'_>) -> Checked {
        Err(Internal)
    }
}

impl Operation for IntegerGlobalAverage {
    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        let below = Extent {
            height: 1,
            width: self.positions,
            channels: self.channels,
        };
        let words = [below, Extent::flat(self.channels)].map(Extent::words);
        words == [Some(inputs), Some(outputs)]
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let x: &[i8] = bytemuck::cast_slice(pass.x);
        let y: &mut [i8] = bytemuck::cast_slice_mut(pass.y);
        let (channels, positions) = (self.channels as usize, self.positions as usize);
        ensure(x.len() >= channels * positions && y.len() >= channels)?;
        for (channel, y) in y.iter_mut().take(channels).enumerate() {
            let places = (0..positions).map(|at| at * channels + channel);
            *y = rounded_mean(places.filter_map(|at| x.get(at).copied()));
        }
        Ok(())
    }

    fn backward(&self, _: Backward<'_>, _: &mut Descent<'_>) -> Checked {
        Err(Internal)
    }
}

/// Halves away from zero.
fn rounded_mean(values: impl Iterator<Item = i8>) -> i8 {
    let (sum, count) = values.fold((0i32, 0i32), |(sum, count), value| {
        (sum + i32::from(value), count + 1)
    });
    let half = if sum < 0 { -(count / 2) } else { count / 2 };
    (sum + half).checked_div(count).unwrap_or(0) as i8
}

/// Copies to the beginning of a longer piece.
fn copy(to: &mut [i8], from: &[i8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
