//! From a layer's description to a layer that runs: sizes follow from the
//! input, tensors have the length they must have.

use mamlet_formats::{Layer as Described, Tensor};

use super::{Activation, Context, Dense, Layer, Softmax};
use crate::geometry::Extent;
use crate::model::{Head, ModelError, Param};

/// What a layer takes or returns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values {
    pub extent: Extent,
    /// i8 instead of f32.
    pub integer: bool,
}

/// Makes a layer. One that changes nothing in memory is `None`.
pub(crate) fn build(
    head: &mut Head<'_>,
    index: usize,
    described: Described,
    input: Values,
) -> Result<(Option<Layer>, Values), ModelError> {
    let mut builder = Builder { head, index, input };
    let extent = input.extent;
    // Only layers that say so take integers.
    let integer_input = matches!(
        described,
        Described::Dequantize { .. }
            | Described::Pool { .. }
            | Described::GlobalAveragePool
            | Described::Flatten
            | Described::IntegerDense { .. }
            | Described::IntegerConv { .. }
            | Described::IntegerDepthwise { .. }
    );
    if input.integer && !integer_input {
        return Err(ModelError::Integer { layer: index });
    }
    let same = |layer| Ok((Some(layer), input));
    let activation = |activation| same(Layer::Activation(activation));
    match described {
        Described::Dense {
            outputs,
            weight,
            bias,
        } => builder.dense(outputs, weight, bias),
        Described::Context { vector } => builder.context(vector),
        Described::Relu => activation(Activation::Relu),
        Described::Relu6 => activation(Activation::Relu6),
        Described::LeakyRelu { slope } if (0.0..=1.0).contains(&slope) => {
            activation(Activation::LeakyRelu { slope })
        }
        Described::LeakyRelu { .. } => Err(ModelError::Slope { layer: index }),
        Described::Tanh => activation(Activation::Tanh),
        Described::Sigmoid => activation(Activation::Sigmoid),
        Described::Softmax => same(Layer::Softmax(Softmax {
            channels: extent.channels,
        })),
        Described::Flatten => Ok((None, input.with(Extent::flat(builder.features()?)))),
        #[cfg(feature = "convolution")]
        Described::Conv {
            filters,
            window,
            weight,
            bias,
        } => builder.conv(filters, window, weight, bias),
        #[cfg(feature = "convolution")]
        Described::Depthwise {
            window,
            weight,
            bias,
        } => builder.depthwise(window, weight, bias),
        #[cfg(feature = "convolution")]
        Described::Pool { pool, window } => builder.pool(pool, window),
        #[cfg(feature = "convolution")]
        Described::GlobalAveragePool => builder.global_average(),
        #[cfg(feature = "normalisation")]
        Described::BatchNorm {
            statistics,
            epsilon,
            gain,
            bias,
        } => builder.batch_norm(statistics, epsilon, gain, bias),
        #[cfg(feature = "normalisation")]
        Described::GroupNorm {
            groups,
            epsilon,
            gain,
            bias,
        } => builder.group_norm(groups, epsilon, gain, bias),
        #[cfg(feature = "integer")]
        Described::Quantize { .. }
        | Described::Dequantize { .. }
        | Described::IntegerDense { .. }
        | Described::IntegerConv { .. }
        | Described::IntegerDepthwise { .. } => builder.integer(described),
        _ => Err(ModelError::UnknownLayer { layer: index }),
    }
}

impl Values {
    pub(super) fn with(self, extent: Extent) -> Self {
        Values { extent, ..self }
    }
}

/// What is made, and the model it is made for.
struct Builder<'h, 'a> {
    head: &'h mut Head<'a>,
    index: usize,
    input: Values,
}

type Made = Result<(Option<Layer>, Values), ModelError>;

impl Builder<'_, '_> {
    /// A tensor of f32 or f16, which may adapt.
    fn param(&mut self, tensor: Tensor, needed: Option<usize>) -> Result<Param, ModelError> {
        self.length(tensor, needed)?;
        self.head.param(self.index, tensor)
    }

    /// [`param`](Self::param), where there is one.
    fn optional(
        &mut self,
        tensor: Option<Tensor>,
        needed: u32,
    ) -> Result<Option<Param>, ModelError> {
        let param = |tensor| self.param(tensor, Some(needed as usize));
        tensor.map(param).transpose()
    }

    fn length(&self, tensor: Tensor, needed: Option<usize>) -> Result<(), ModelError> {
        let (needed, given) = (needed.ok_or(ModelError::TooLarge)?, tensor.length as usize);
        match needed == given {
            true => Ok(()),
            false => Err(ModelError::TensorLength {
                layer: self.index,
                needed,
                given,
            }),
        }
    }

    /// Numbers per example of the input.
    fn features(&self) -> Result<u32, ModelError> {
        let features = self.input.extent.features();
        let features = features.and_then(|features| u32::try_from(features).ok());
        features.ok_or(ModelError::TooLarge)
    }

    fn dense(&mut self, outputs: u32, weight: Tensor, bias: Option<Tensor>) -> Made {
        let inputs = self.features()?;
        let weights = (inputs as usize).checked_mul(outputs as usize);
        let layer = Layer::Dense(Dense {
            weight: self.param(weight, weights)?,
            bias: self.optional(bias, outputs)?,
            inputs,
            outputs,
            positions: 1,
        });
        Ok((Some(layer), self.input.with(Extent::flat(outputs))))
    }

    fn context(&mut self, vector: Tensor) -> Made {
        let outputs = self.features()?.checked_add(vector.length);
        let outputs = outputs.ok_or(ModelError::TooLarge)?;
        let layer = Layer::Context(Context {
            vector: self.param(vector, Some(vector.length as usize))?,
        });
        Ok((Some(layer), self.input.with(Extent::flat(outputs))))
    }
}

#[cfg(feature = "convolution")]
mod convolution {
    use mamlet_formats::{Pool as DescribedPool, Tensor, Window};

    use super::{Builder, Made};
    use crate::geometry::Sliding;
    use crate::layers::{Conv, Dense, Depthwise, GlobalAverage, Kind, Layer, Pool};
    use crate::model::ModelError;

    /// Integers of 8 bits whose sum, and half their number, fit 32 bits.
    const SUMMED: u32 = 1 << 23;

    impl Builder<'_, '_> {
        pub(super) fn sliding(&self, window: Window) -> Result<Sliding, ModelError> {
            let layer = self.index;
            Sliding::new(window, self.input.extent).ok_or(ModelError::Window { layer })
        }

        pub(super) fn conv(
            &mut self,
            filters: u32,
            window: Window,
            weight: Tensor,
            bias: Option<Tensor>,
        ) -> Made {
            let window = self.sliding(window)?;
            let length = window.taps().checked_mul(window.channels as usize);
            let weights = length.and_then(|length| length.checked_mul(filters as usize));
            let weight = self.param(weight, weights)?;
            let bias = self.optional(bias, filters)?;
            let output = self.input.with(window.output(filters));
            let positions = self.input.extent.positions().ok_or(ModelError::TooLarge)?;
            let layer = match window.is_pointwise() {
                true => Layer::Dense(Dense {
                    weight,
                    bias,
                    inputs: window.channels,
                    outputs: filters,
                    positions: u32::try_from(positions).map_err(|_| ModelError::TooLarge)?,
                }),
                false => Layer::Conv(Conv {
                    window,
                    filters,
                    weight,
                    bias,
                }),
            };
            Ok((Some(layer), output))
        }

        pub(super) fn depthwise(
            &mut self,
            window: Window,
            weight: Tensor,
            bias: Option<Tensor>,
        ) -> Made {
            let window = self.sliding(window)?;
            let weights = window.taps().checked_mul(window.channels as usize);
            let layer = Layer::Depthwise(Depthwise {
                window,
                weight: self.param(weight, weights)?,
                bias: self.optional(bias, window.channels)?,
            });
            Ok((Some(layer), self.input.with(window.output(window.channels))))
        }

        pub(super) fn pool(&mut self, pool: DescribedPool, window: Window) -> Made {
            let kind = match pool {
                DescribedPool::Maximum => Kind::Maximum,
                DescribedPool::Average => Kind::Average,
                _ => return Err(ModelError::UnknownLayer { layer: self.index }),
            };
            let window = self.sliding(window)?;
            let layer = Layer::Pool(Pool {
                kind,
                window,
                integer: self.input.integer,
            });
            Ok((Some(layer), self.input.with(window.output(window.channels))))
        }

        pub(super) fn global_average(&mut self) -> Made {
            let extent = self.input.extent;
            let positions = extent.height.checked_mul(extent.width);
            let positions = positions.ok_or(ModelError::TooLarge)?;
            if self.input.integer && positions > SUMMED {
                return Err(ModelError::TooLarge);
            }
            let layer = Layer::GlobalAverage(GlobalAverage {
                channels: extent.channels,
                positions,
                integer: self.input.integer,
            });
            let output = crate::geometry::Extent::flat(extent.channels);
            Ok((Some(layer), self.input.with(output)))
        }
    }
}

#[cfg(feature = "normalisation")]
mod normalisation {
    use mamlet_formats::{Statistics, Tensor};

    use super::{Builder, Made};
    use crate::layers::{Layer, Norm, Over};
    use crate::model::ModelError;

    impl Builder<'_, '_> {
        pub(super) fn batch_norm(
            &mut self,
            statistics: Statistics,
            epsilon: f32,
            gain: Option<Tensor>,
            bias: Option<Tensor>,
        ) -> Made {
            let over = match statistics {
                Statistics::Current => Over::Batch,
                Statistics::Stored {
                    mean,
                    variance,
                    rows,
                } => {
                    let channels = self.input.extent.channels as usize;
                    let numbers = channels.checked_mul(rows as usize);
                    if rows == 0 || mean.adapts || variance.adapts {
                        return Err(ModelError::Norm { layer: self.index });
                    }
                    Over::Stored {
                        mean: self.param(mean, numbers)?,
                        variance: self.param(variance, numbers)?,
                        rows,
                    }
                }
                _ => return Err(ModelError::UnknownLayer { layer: self.index }),
            };
            self.norm(over, epsilon, gain, bias)
        }

        pub(super) fn group_norm(
            &mut self,
            groups: u32,
            epsilon: f32,
            gain: Option<Tensor>,
            bias: Option<Tensor>,
        ) -> Made {
            if self.input.extent.channels.checked_rem(groups) != Some(0) {
                return Err(ModelError::Norm { layer: self.index });
            }
            self.norm(Over::Groups(groups), epsilon, gain, bias)
        }

        fn norm(
            &mut self,
            over: Over,
            epsilon: f32,
            gain: Option<Tensor>,
            bias: Option<Tensor>,
        ) -> Made {
            if !(epsilon >= 0.0 && epsilon.is_finite()) {
                return Err(ModelError::Norm { layer: self.index });
            }
            let channels = self.input.extent.channels;
            let layer = Layer::Norm(Norm {
                over,
                epsilon,
                channels,
                gain: self.optional(gain, channels)?,
                bias: self.optional(bias, channels)?,
            });
            Ok((Some(layer), self.input))
        }
    }
}

#[cfg(feature = "integer")]
mod integer {
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
                    let window = Sliding::new(window, extent)
                        .ok_or(ModelError::Window { layer: self.index })?;
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
                    let window = Sliding::new(window, extent)
                        .ok_or(ModelError::Window { layer: self.index })?;
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
}
