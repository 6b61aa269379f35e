//! Layers that take or return integers.

use mamlet_formats::{Layer as Described, Tensor};

use super::{Builder, Made, Values};
use crate::geometry::{Extent, Sliding};
use crate::layers::integer::{NUMBERS, packed};
use crate::layers::{Dequantize, IntegerConv, IntegerDense, IntegerDepthwise, Layer, Quantize};
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
            } if integer => {
                let window =
                    Sliding::new(window, extent).ok_or(ModelError::Window { layer: self.index })?;
                let positions = extent.positions().ok_or(ModelError::TooLarge)?;
                let layer = if window.is_pointwise() {
                    self.integer_dense(extent.channels, filters, positions, integers)?
                } else {
                    let length = window.taps().checked_mul(window.channels as usize);
                    let weights = length.and_then(|length| packed(length, filters as usize));
                    Layer::IntegerConv(IntegerConv {
                        window,
                        filters,
                        integers: self.integers(integers, weights, filters)?,
                    })
                };
                Ok((Some(layer), output(window.output(filters))))
            }
            Described::IntegerDepthwise { window, integers } if integer => {
                let window =
                    Sliding::new(window, extent).ok_or(ModelError::Window { layer: self.index })?;
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

    fn integer_dense(
        &mut self,
        inputs: u32,
        outputs: u32,
        positions: usize,
        integers: mamlet_formats::Integers,
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
        described: mamlet_formats::Integers,
        weights: Option<usize>,
        outputs: u32,
    ) -> Result<crate::layers::Integers, ModelError> {
        let mamlet_formats::Integers {
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
        let words = |tensor: Tensor| self.head.words.get(tensor.offset as usize / 4..);
        let (multipliers, shifts) = (words(multiplier), words(shift));
        let multipliers: &[i32] = bytemuck::cast_slice(multipliers.unwrap_or(&[]));
        let shifts: &[i8] = bytemuck::cast_slice(shifts.unwrap_or(&[]));
        let outputs = outputs as usize;
        let positive = multipliers.iter().take(outputs).all(|by| *by >= 0);
        if !positive || !shifts.iter().take(outputs).all(|by| (0..32).contains(by)) {
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
