//! Layers that take or return integers.

use mamlet_formats::{Integers, Layer as Described, Tensor, Window};

use super::{Builder, Made, Values};
use crate::geometry::Extent;
use crate::layers::{
    Dequantize, IntegerConv, IntegerDense, IntegerDepthwise, Layer, NUMBERS, Quantize, packed,
};
use crate::model::ModelError;

impl Builder<'_, '_> {
    /// A layer that takes or returns integers.
    pub(super) fn integer(&mut self, described: Described) -> Made {
        let wrong = ModelError::Integer { layer: self.index };
        let integer = self.input.integer;
        let scale = |scale: f32| match scale > 0.0 && scale.is_finite() {
            true => Ok(scale),
            false => Err(wrong),
        };
        let extent = self.input.extent;
        let output = |extent| Values {
            extent,
            integer: true,
        };
        match described {
            Described::Quantize { scale: step, zero } if !integer => {
                let layer = Layer::Quantize(Quantize {
                    scale: scale(step)?,
                    zero,
                });
                Ok((Some(layer), output(extent)))
            }
            Described::Dequantize { scale: step, zero } if integer => {
                let layer = Layer::Dequantize(Dequantize {
                    scale: scale(step)?,
                    zero,
                });
                let output = Values {
                    integer: false,
                    extent,
                };
                Ok((Some(layer), output))
            }
            Described::IntegerDense { outputs, integers } if integer => {
                let inputs = self.features()?;
                let layer = self.integer_dense(inputs, outputs, 1, integers)?;
                Ok((Some(layer), output(Extent::flat(outputs))))
            }
            Described::IntegerConv {
                filters,
                window,
                integers,
            } if integer => self.integer_conv(1, filters, window, integers),
            Described::IntegerGroupedConv {
                groups,
                filters,
                window,
                integers,
            } if integer => self.integer_conv(groups, filters, window, integers),
            Described::IntegerDepthwise { window, integers } if integer => {
                let window = self.sliding(window)?;
                let weights = window.taps().checked_mul(window.channels as usize);
                let layer = Layer::IntegerDepthwise(IntegerDepthwise {
                    window,
                    integers: self.integers(integers, weights, window.channels)?,
                });
                Ok((Some(layer), output(window.output(window.channels))))
            }
            _ => Err(wrong),
        }
    }

    fn integer_conv(
        &mut self,
        groups: u32,
        filters: u32,
        window: Window,
        integers: Integers,
    ) -> Made {
        let extent = self.input.extent;
        let window = self.sliding(window)?;
        let channels = self.of_group(groups, filters)?;
        let positions = extent.positions().ok_or(ModelError::TooLarge)?;
        let layer = if window.is_pointwise() && groups == 1 {
            self.integer_dense(channels, filters, positions, integers)?
        } else {
            let length = window.taps().checked_mul(channels as usize);
            let of_group = length.and_then(|length| packed(length, (filters / groups) as usize));
            let weights = of_group.and_then(|weights| weights.checked_mul(groups as usize));
            Layer::IntegerConv(IntegerConv {
                window,
                filters,
                groups,
                integers: self.integers(integers, weights, filters)?,
            })
        };
        Ok((Some(layer), self.input.with(window.output(filters))))
    }

    fn integer_dense(
        &mut self,
        inputs: u32,
        outputs: u32,
        positions: usize,
        integers: Integers,
    ) -> Result<Layer, ModelError> {
        let weights = packed(inputs as usize, outputs as usize);
        Ok(Layer::IntegerDense(IntegerDense {
            inputs,
            outputs,
            positions: u32::try_from(positions).map_err(|_| ModelError::TooLarge)?,
            integers: self.integers(integers, weights, outputs)?,
        }))
    }

    fn integers(
        &mut self,
        described: Integers,
        weights: Option<usize>,
        outputs: u32,
    ) -> Result<crate::layers::Integers, ModelError> {
        let Integers {
            weight,
            bias,
            multiplier,
            shift,
            input_zero,
            zero,
            low,
            high,
        } = described;
        let tensors: [Tensor; 4] = [weight, bias, multiplier, shift];
        for (tensor, number) in tensors.iter().zip(NUMBERS) {
            if tensor.adapts || tensor.number != number {
                return Err(ModelError::Number { layer: self.index });
            }
        }
        self.length(weight, weights)?;
        for tensor in [bias, multiplier, shift] {
            self.length(tensor, Some(outputs as usize))?;
        }
        let words = |tensor: Tensor| {
            let words = self.info.words.get(tensor.offset as usize / 4..);
            words.ok_or(ModelError::TooLarge)
        };
        let multipliers: &[i32] = bytemuck::cast_slice(words(multiplier)?);
        let shifts: &[i8] = bytemuck::cast_slice(words(shift)?);
        let outputs = outputs as usize;
        let multipliers = multipliers.get(..outputs).ok_or(ModelError::TooLarge)?;
        let shifts = shifts.get(..outputs).ok_or(ModelError::TooLarge)?;
        let positive = multipliers.iter().all(|by| *by >= 0);
        if !positive || !shifts.iter().all(|by| (0..32).contains(by)) {
            return Err(ModelError::Integer { layer: self.index });
        }
        let [weight, bias, multiplier, shift] = tensors.map(|tensor| tensor.offset / 4);
        Ok(crate::layers::Integers {
            weight,
            bias,
            multiplier,
            shift,
            input_zero,
            zero,
            low,
            high,
        })
    }
}
