//! The layers as they stand in an artifact.
//!
//! Examples are `[height, width, channels]`, row by row with channels last, so
//! that the numbers under a window lie side by side. Sizes of inputs are not
//! stored: they follow from the shape of an example and the layers before.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::header::Tensor;

/// One layer of the chain. The size of its input is the size of the output of
/// the layer before.
///
/// Whoever runs layers has to know all of them, so this list and those below are
/// exhaustive: a new entry is a compile error wherever it is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Layer {
    /// `y = x W + b` over all numbers of an example.
    Dense {
        /// How many outputs.
        outputs: u32,
        /// `[inputs, outputs]`, row by row.
        weight: Tensor,
        /// `[outputs]`
        bias: Option<Tensor>,
    },
    /// `max(x, 0)`
    Relu,
    /// `x` where positive, `slope · x` elsewhere.
    LeakyRelu {
        /// The slope for negative inputs, in `[0, 1]`.
        slope: f32,
    },
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(−x))`
    Sigmoid,
    /// Appends a free vector to every example: `y = [x, z]`.
    Context {
        /// `z`, of any length.
        vector: Tensor,
    },
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `exp(x) / Σ exp(x)` over the channels of every position.
    Softmax,
    /// Leaves the numbers and forgets height and width.
    Flatten,
    /// `y[p] = Σ x[p + k] W[k] + b` over a window.
    Conv {
        /// How many channels the output has.
        filters: u32,
        /// Which inputs an output sees.
        window: Window,
        /// `[height · width · channels of the window, filters]`, row by row.
        weight: Tensor,
        /// `[filters]`
        bias: Option<Tensor>,
    },
    /// `y[p, c] = Σ x[p + k, c] w[k, c] + b[c]`: every channel by itself.
    Depthwise {
        /// Which inputs an output sees.
        window: Window,
        /// `[height · width of the window, channels]`, row by row.
        weight: Tensor,
        /// `[channels]`
        bias: Option<Tensor>,
    },
    /// The largest or the mean value under a window, per channel. Positions
    /// outside the input do not count.
    Pool {
        /// What is taken of the values.
        pool: Pool,
        /// Which inputs an output sees.
        window: Window,
    },
    /// The mean over all positions, per channel.
    GlobalAveragePool,
    /// `gain · (x − mean) / √(variance + epsilon) + bias`, per channel.
    BatchNorm {
        /// Where mean and variance come from.
        statistics: Statistics,
        /// Added to the variance, at least zero.
        epsilon: f32,
        /// `[channels]`; one where there is none.
        gain: Option<Tensor>,
        /// `[channels]`; zero where there is none.
        bias: Option<Tensor>,
    },
    /// The same with mean and variance of each example by itself, over all
    /// positions of a group of channels.
    GroupNorm {
        /// How many groups; they divide the channels. One is layer norm, one
        /// per channel instance norm.
        groups: u32,
        /// Added to the variance, at least zero.
        epsilon: f32,
        /// `[channels]`; one where there is none.
        gain: Option<Tensor>,
        /// `[channels]`; zero where there is none.
        bias: Option<Tensor>,
    },
    /// From f32 to i8: `q = clamp(round(x / scale) + zero, −128, 127)`.
    /// Overflows in layers below saturate here.
    Quantize {
        /// What one step of the integers is worth.
        scale: f32,
        /// The integer that stands for zero.
        zero: i8,
    },
    /// From i8 to f32: `x = (q − zero) · scale`.
    Dequantize {
        /// What one step of the integers is worth.
        scale: f32,
        /// The integer that stands for zero.
        zero: i8,
    },
    /// [`Layer::Dense`] on integers.
    IntegerDense {
        /// How many outputs.
        outputs: u32,
        /// Weights and how sums become integers again.
        integers: Integers,
    },
    /// [`Layer::Conv`] on integers.
    IntegerConv {
        /// How many channels the output has.
        filters: u32,
        /// Which inputs an output sees.
        window: Window,
        /// Weights and how sums become integers again.
        integers: Integers,
    },
    /// [`Layer::Depthwise`] on integers.
    IntegerDepthwise {
        /// Which inputs an output sees.
        window: Window,
        /// Weights and how sums become integers again.
        integers: Integers,
    },
    /// A [`Layer::Conv`] for each of several groups of channels: of `groups`
    /// equal parts of the input's channels, each makes one of `groups` equal parts
    /// of the output's.
    GroupedConv {
        /// How many groups; they divide the channels and the filters.
        groups: u32,
        /// How many channels the output has.
        filters: u32,
        /// Which inputs an output sees.
        window: Window,
        /// `[height · width of the window · channels of a group, filters]`, row by
        /// row.
        weight: Tensor,
        /// `[filters]`
        bias: Option<Tensor>,
    },
    /// [`Layer::GroupedConv`] on integers.
    IntegerGroupedConv {
        /// How many groups; they divide the channels and the filters.
        groups: u32,
        /// How many channels the output has.
        filters: u32,
        /// Which inputs an output sees.
        window: Window,
        /// Weights and how sums become integers again.
        integers: Integers,
    },
}

/// Which inputs an output sees: those from `position · stride − padding` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Window {
    /// Rows and columns, at least one each.
    pub size: [u8; 2],
    /// Rows and columns from one output's window to the next's, at least one.
    pub stride: [u8; 2],
    /// What happens at the edges.
    pub padding: Padding,
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Window::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Window {
    // Many layers have a window: firmware has the code to decode one once.
    #[inline(never)]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Window::deserialize(deserializer)
    }
}

/// What happens where a window reaches over the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Padding {
    /// There is no such output: `⌊(input − size) / stride⌋ + 1` of them.
    Valid,
    /// `⌈input / stride⌉` outputs; what lies outside is zero. Of the
    /// `max((outputs − 1) · stride + size − input, 0)` rows or columns outside,
    /// half stand before the input, rounded down.
    Same,
}

/// What a pool takes of the values under its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pool {
    /// The largest; the first of equal ones has the gradient.
    Maximum,
    /// The mean.
    Average,
}

/// Where a batch norm takes mean and variance from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Statistics {
    /// From all examples that are computed at once, over all positions: the
    /// support set while adapting, the query set while predicting
    /// (transductive; Finn et al. 2017, code).
    Current,
    /// From the artifact, a row for the initialisation and one for each inner
    /// step; later steps use the last row. One row is the usual stored
    /// statistics, several are those per step of MAML++ (Antoniou et al. 2019).
    Stored {
        /// `[rows, channels]`
        mean: Tensor,
        /// `[rows, channels]`
        variance: Tensor,
        /// How many rows, at least one.
        rows: u32,
    },
}

/// Weights of an integer layer, and how its sums become integers again.
///
/// With `s = Σ x w + bias`, where what lies outside of the input is
/// `input_zero`, an output is
/// `clamp(((s · multiplier + 2³¹) >> 32 + half) >> shift + zero, low, high)`
/// and `half` is half of `2^shift`, rounded down. For real scales `input`,
/// `weight` and `output`, `multiplier / 2^(32 + shift)` stands for
/// `input · weight / output`, and the input's zero is part of the bias:
/// `bias = b / (input · weight) − input_zero · Σ w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integers {
    /// i8. Of dense layers and convolutions four products lie together, for
    /// two outputs: `[⌈outputs / 2⌉, ⌈length / 4⌉, 2, 4]` for `length` numbers
    /// under the window, filled up with zeros; of a grouped convolution that for
    /// every group, one behind the other. Of a depthwise layer `[window,
    /// channels]`.
    pub weight: Tensor,
    /// i32, `[outputs]`
    pub bias: Tensor,
    /// i32, `[outputs]`, not below zero.
    pub multiplier: Tensor,
    /// i8, `[outputs]`, from 0 to 31.
    pub shift: Tensor,
    /// The integer that stands for zero in the input.
    pub input_zero: i8,
    /// The integer that stands for zero in the output.
    pub zero: i8,
    /// The least output: an activation folded into the layer.
    pub low: i8,
    /// The largest output.
    pub high: i8,
}

impl Layer {
    /// What layers are called, each once, in the order of their discriminants.
    pub const NAMES: [&str; 23] = [
        "dense",
        "relu",
        "leaky_relu",
        "tanh",
        "sigmoid",
        "context",
        "relu6",
        "softmax",
        "flatten",
        "conv",
        "depthwise",
        "max_pool",
        "average_pool",
        "global_average_pool",
        "batch_norm",
        "group_norm",
        "quantize",
        "dequantize",
        "integer_dense",
        "integer_conv",
        "integer_depthwise",
        "grouped_conv",
        "integer_grouped_conv",
    ];

    /// The lowest minor version of the format that has it.
    #[cfg(feature = "alloc")]
    pub(crate) fn minor(&self) -> u16 {
        match self {
            Layer::Dense { .. }
            | Layer::Relu
            | Layer::LeakyRelu { .. }
            | Layer::Tanh
            | Layer::Sigmoid
            | Layer::Context { .. }
            | Layer::Relu6
            | Layer::Softmax
            | Layer::Flatten
            | Layer::Conv { .. }
            | Layer::Depthwise { .. }
            | Layer::Pool { .. }
            | Layer::GlobalAveragePool
            | Layer::BatchNorm { .. }
            | Layer::GroupNorm { .. }
            | Layer::Quantize { .. }
            | Layer::Dequantize { .. }
            | Layer::IntegerDense { .. }
            | Layer::IntegerConv { .. }
            | Layer::IntegerDepthwise { .. } => 0,
            Layer::GroupedConv { .. } | Layer::IntegerGroupedConv { .. } => 3,
        }
    }

    /// The layer's tensors that can adapt, in the order in which rates and
    /// adapted weights list them.
    pub fn tensors(&self) -> impl Iterator<Item = Tensor> + use<> {
        let tensors = match *self {
            Layer::Dense { weight, bias, .. }
            | Layer::Conv { weight, bias, .. }
            | Layer::GroupedConv { weight, bias, .. }
            | Layer::Depthwise { weight, bias, .. } => [Some(weight), bias],
            Layer::BatchNorm { gain, bias, .. } | Layer::GroupNorm { gain, bias, .. } => {
                [gain, bias]
            }
            Layer::Context { vector } => [Some(vector), None],
            Layer::Relu
            | Layer::LeakyRelu { .. }
            | Layer::Tanh
            | Layer::Sigmoid
            | Layer::Relu6
            | Layer::Softmax
            | Layer::Flatten
            | Layer::Pool { .. }
            | Layer::GlobalAveragePool
            | Layer::Quantize { .. }
            | Layer::Dequantize { .. }
            | Layer::IntegerDense { .. }
            | Layer::IntegerConv { .. }
            | Layer::IntegerGroupedConv { .. }
            | Layer::IntegerDepthwise { .. } => [None, None],
        };
        tensors.into_iter().flatten()
    }

    /// The layer's tensors that never adapt.
    pub fn constants(&self) -> impl Iterator<Item = Tensor> + use<> {
        let tensors = match *self {
            Layer::BatchNorm {
                statistics: Statistics::Stored { mean, variance, .. },
                ..
            } => [Some(mean), Some(variance), None, None],
            Layer::IntegerDense { integers, .. }
            | Layer::IntegerConv { integers, .. }
            | Layer::IntegerGroupedConv { integers, .. }
            | Layer::IntegerDepthwise { integers, .. } => {
                let Integers {
                    weight,
                    bias,
                    multiplier,
                    shift,
                    ..
                } = integers;
                [weight, bias, multiplier, shift].map(Some)
            }
            Layer::Dense { .. }
            | Layer::Relu
            | Layer::LeakyRelu { .. }
            | Layer::Tanh
            | Layer::Sigmoid
            | Layer::Context { .. }
            | Layer::Relu6
            | Layer::Softmax
            | Layer::Flatten
            | Layer::Conv { .. }
            | Layer::GroupedConv { .. }
            | Layer::Depthwise { .. }
            | Layer::Pool { .. }
            | Layer::GlobalAveragePool
            | Layer::BatchNorm {
                statistics: Statistics::Current,
                ..
            }
            | Layer::GroupNorm { .. }
            | Layer::Quantize { .. }
            | Layer::Dequantize { .. } => [None; 4],
        };
        tensors.into_iter().flatten()
    }

    /// What the layer is called.
    pub fn name(&self) -> &'static str {
        match self {
            Layer::Dense { .. } => "dense",
            Layer::Relu => "relu",
            Layer::LeakyRelu { .. } => "leaky_relu",
            Layer::Tanh => "tanh",
            Layer::Sigmoid => "sigmoid",
            Layer::Context { .. } => "context",
            Layer::Relu6 => "relu6",
            Layer::Softmax => "softmax",
            Layer::Flatten => "flatten",
            Layer::Conv { .. } => "conv",
            Layer::Depthwise { .. } => "depthwise",
            Layer::Pool {
                pool: Pool::Maximum,
                ..
            } => "max_pool",
            Layer::Pool {
                pool: Pool::Average,
                ..
            } => "average_pool",
            Layer::GlobalAveragePool => "global_average_pool",
            Layer::BatchNorm { .. } => "batch_norm",
            Layer::GroupNorm { .. } => "group_norm",
            Layer::Quantize { .. } => "quantize",
            Layer::Dequantize { .. } => "dequantize",
            Layer::IntegerDense { .. } => "integer_dense",
            Layer::IntegerConv { .. } => "integer_conv",
            Layer::IntegerDepthwise { .. } => "integer_depthwise",
            Layer::GroupedConv { .. } => "grouped_conv",
            Layer::IntegerGroupedConv { .. } => "integer_grouped_conv",
        }
    }
}
