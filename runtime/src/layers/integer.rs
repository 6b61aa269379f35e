//! Layers on 8-bit integers, for what does not adapt: an integer `q` stands
//! for `(q − zero) · scale`.
//!
//! `y = clamp(round((Σ x w + bias) · multiplier / 2³² / 2^shift) + zero, low,
//! high)`: weights have a scale per output, activations one per tensor, and
//! bias, multiplier and shift hold all of them (Jacob et al. 2018). Sums are
//! exact in 32 bits, so every core gives the same integers. None of these
//! layers goes backward: nothing below the lowest adapting layer has to.

mod convolution;
mod pool;

pub(crate) use convolution::{IntegerConv, IntegerDepthwise};
use mamlet_formats::Number;
pub(crate) use pool::{IntegerGlobalAverage, IntegerPool};

use super::{Backward, Descent, Forward, Macs, Operation};
use crate::fault::{Checked, Internal, ensure};
use crate::geometry::Extent;
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
    #[inline(never)]
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
