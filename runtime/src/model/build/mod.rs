//! From a layer's description to a layer that runs: sizes follow from the
//! input, tensors have the length they must have.

#[cfg(feature = "convolution")]
mod convolution;
#[cfg(feature = "integer")]
mod integer;
#[cfg(feature = "normalisation")]
mod normalisation;

use mamlet_formats::{Layer as Described, Tensor};

use super::{ModelError, ModelInfo};
use crate::geometry::Extent;
use crate::layers::{Activation, Context, Dense, Layer, Softmax};
use crate::param::Param;

/// What a layer takes or returns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values {
    pub extent: Extent,
    /// i8 instead of f32.
    pub integer: bool,
}

/// Makes a layer. One that changes nothing in memory is `None`.
pub(crate) fn build(
    info: &mut ModelInfo<'_>,
    index: usize,
    described: Described,
    input: Values,
) -> Result<(Option<Layer>, Values), ModelError> {
    let mut builder = Builder { info, index, input };
    let extent = input.extent;
    if input.integer && !takes_integers(&described) {
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
        } => builder.conv(1, filters, window, weight, bias),
        #[cfg(feature = "convolution")]
        Described::GroupedConv {
            groups,
            filters,
            window,
            weight,
            bias,
        } => builder.conv(groups, filters, window, weight, bias),
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
        | Described::IntegerDepthwise { .. }
        | Described::IntegerGroupedConv { .. } => builder.integer(described),
        #[cfg(not(feature = "convolution"))]
        Described::Conv { .. }
        | Described::GroupedConv { .. }
        | Described::Depthwise { .. }
        | Described::Pool { .. }
        | Described::GlobalAveragePool => Err(ModelError::UnknownLayer { layer: index }),
        #[cfg(not(feature = "normalisation"))]
        Described::BatchNorm { .. } | Described::GroupNorm { .. } => {
            Err(ModelError::UnknownLayer { layer: index })
        }
        #[cfg(not(feature = "integer"))]
        Described::Quantize { .. }
        | Described::Dequantize { .. }
        | Described::IntegerDense { .. }
        | Described::IntegerConv { .. }
        | Described::IntegerDepthwise { .. }
        | Described::IntegerGroupedConv { .. } => Err(ModelError::UnknownLayer { layer: index }),
    }
}

/// Whether a layer can take integers.
fn takes_integers(described: &Described) -> bool {
    match described {
        Described::Dequantize { .. }
        | Described::Pool { .. }
        | Described::GlobalAveragePool
        | Described::Flatten
        | Described::IntegerDense { .. }
        | Described::IntegerConv { .. }
        | Described::IntegerDepthwise { .. }
        | Described::IntegerGroupedConv { .. } => true,
        Described::Dense { .. }
        | Described::Relu
        | Described::LeakyRelu { .. }
        | Described::Tanh
        | Described::Sigmoid
        | Described::Context { .. }
        | Described::Relu6
        | Described::Softmax
        | Described::Conv { .. }
        | Described::GroupedConv { .. }
        | Described::Depthwise { .. }
        | Described::BatchNorm { .. }
        | Described::GroupNorm { .. }
        | Described::Quantize { .. } => false,
    }
}

impl Values {
    pub(super) fn with(self, extent: Extent) -> Self {
        Values { extent, ..self }
    }
}

/// What is made, and the model it is made for.
struct Builder<'h, 'a> {
    info: &'h mut ModelInfo<'a>,
    index: usize,
    input: Values,
}

type Made = Result<(Option<Layer>, Values), ModelError>;

impl Builder<'_, '_> {
    /// A tensor of f32 or f16, which may adapt. Once in flash, not in every layer.
    #[inline(never)]
    fn param(&mut self, tensor: Tensor, needed: Option<usize>) -> Result<Param, ModelError> {
        self.length(tensor, needed)?;
        self.info.param(self.index, tensor)
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
