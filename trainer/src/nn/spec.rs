//! What a network is, before any tensor exists: its layers, and how each
//! changes the shape of an example.

use serde::{Deserialize, Serialize};

use super::adapt::Fill;
use super::shape::{Extent, Padding, Shape, Window};

/// The layers of a network, in order, and the shape of its input.
///
/// ```
/// use mamlet_trainer::nn::{LayerSpec, NetworkSpec, Shape};
/// let spec = NetworkSpec::mlp(1, &[40, 40], 1);
/// assert_eq!(spec.input, Shape::Vector(1));
/// assert_eq!(spec.layers[0], LayerSpec::Dense { out: 40 });
/// assert_eq!(spec.layers.len(), 5);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// One example.
    pub input: Shape,
    /// The chain, first layer first.
    pub layers: Vec<LayerSpec>,
}

impl NetworkSpec {
    /// A multi-layer perceptron with ReLU between its dense layers.
    pub fn mlp(input: usize, hidden: &[usize], output: usize) -> Self {
        let mut layers = Vec::new();
        for &out in hidden {
            layers.push(LayerSpec::Dense { out });
            layers.push(LayerSpec::Relu);
        }
        layers.push(LayerSpec::Dense { out: output });
        Self {
            input: Shape::Vector(input),
            layers,
        }
    }
}

/// Where batch normalisation takes mean and variance from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistics {
    /// From the batch at hand, support or query: predictions depend on the
    /// examples they are made with (transductive).
    #[default]
    Current,
    /// From the batch while training, from stored numbers afterwards.
    Stored,
    /// Like `stored`, with numbers of their own for every inner step (MAML++,
    /// Antoniou et al. 2019).
    PerStep,
}

/// One layer. A batch is `[tasks, examples, features]`; every layer maps the
/// last axis, whose numbers are positions × channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LayerSpec {
    /// `y = x·W + b` with `W [in, out]` and `b [out]`, over all features of an
    /// example.
    Dense {
        /// Features of the result.
        out: usize,
    },
    /// Convolution (a correlation, as everywhere in the field): the dense map
    /// `W [kh·kw·channels, filters]`, `b [filters]` of the patch around every
    /// position, along the length of a sequence or over an image. In groups, each
    /// of equal parts of the channels makes one of as many parts of the filters,
    /// and `W` is `[kh·kw·channels/groups, filters]`.
    Conv {
        /// Channels of the result.
        filters: usize,
        /// How many groups; a divisor of the channels and the filters.
        #[serde(default = "default::groups", skip_serializing_if = "default::is_one")]
        groups: usize,
        /// Size of the patch.
        kernel: Extent,
        /// Distance between patches.
        #[serde(default = "default::stride")]
        stride: Extent,
        /// At the edges.
        #[serde(default = "default::padding")]
        padding: Padding,
    },
    /// Convolution of every channel with a kernel of its own: `W [kh·kw,
    /// channels]`, `b [channels]`.
    Depthwise {
        /// Size of the patch.
        kernel: Extent,
        /// Distance between patches.
        #[serde(default = "default::stride")]
        stride: Extent,
        /// At the edges.
        #[serde(default = "default::padding")]
        padding: Padding,
    },
    /// The largest value under the window, channel by channel. The gradient
    /// goes to the first of equal ones.
    MaxPool {
        /// Size of the window.
        kernel: Extent,
        /// Distance between windows; the kernel where `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<Extent>,
        /// At the edges; what is outside never wins.
        #[serde(default = "default::pool_padding")]
        padding: Padding,
    },
    /// The mean of the values under the window, channel by channel.
    AveragePool {
        /// Size of the window.
        kernel: Extent,
        /// Distance between windows; the kernel where `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<Extent>,
        /// At the edges; what is outside is not counted.
        #[serde(default = "default::pool_padding")]
        padding: Padding,
    },
    /// The mean of every channel over all positions: a vector.
    GlobalAveragePool,
    /// All features as one vector. Changes no number.
    Flatten,
    /// `y = gain·(x − mean)/√(variance + ε) + bias` per channel, over all
    /// examples and positions.
    BatchNorm {
        /// Where mean and variance come from.
        #[serde(default)]
        statistics: Statistics,
        /// `ε`.
        #[serde(default = "default::epsilon")]
        epsilon: f64,
    },
    /// The same equation with mean and variance of one example's positions and
    /// a group of its channels.
    GroupNorm {
        /// Number of groups; divides the channels.
        groups: usize,
        /// `ε`.
        #[serde(default = "default::epsilon")]
        epsilon: f64,
    },
    /// Group norm with a single group.
    LayerNorm {
        /// `ε`.
        #[serde(default = "default::epsilon")]
        epsilon: f64,
    },
    /// `y = max(x, 0)`; its derivative at 0 is 0.
    Relu,
    /// `y = min(max(x, 0), 6)`; its derivative at 0 and 6 is 0.
    Relu6,
    /// `y = x` where `x > 0`, `slope·x` elsewhere.
    LeakyRelu {
        /// Factor of the negative side, in `(0, 1)`.
        slope: f64,
    },
    /// `y = tanh(x)`.
    Tanh,
    /// `y = 1 / (1 + e⁻ˣ)`.
    Sigmoid,
    /// `yᵢ = e^xᵢ / Σⱼ e^xⱼ` over the channels of every position.
    Softmax,
    /// Appends a free vector `z [size]` to every example: `y = [x, z]`.
    /// A network that starts with it and adapts only `z` is CAVIA, the
    /// "context vector" of the MAML paper's appendix.
    Context {
        /// Length of `z`.
        size: usize,
    },
}

mod default {
    use super::{Extent, Padding};

    pub fn groups() -> usize {
        1
    }
    pub fn is_one(groups: &usize) -> bool {
        *groups == 1
    }
    pub fn stride() -> Extent {
        Extent::Square(1)
    }
    pub fn padding() -> Padding {
        Padding::Same
    }
    pub fn pool_padding() -> Padding {
        Padding::Valid
    }
    pub fn epsilon() -> f64 {
        1e-5
    }
}

/// A tensor a layer has: name, shape and how it starts.
pub(super) type LayerTensor = (&'static str, Vec<usize>, Fill);

impl LayerSpec {
    /// The layer's name, as configs write it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dense { .. } => "dense",
            Self::Conv { .. } => "conv",
            Self::Depthwise { .. } => "depthwise",
            Self::MaxPool { .. } => "max_pool",
            Self::AveragePool { .. } => "average_pool",
            Self::GlobalAveragePool => "global_average_pool",
            Self::Flatten => "flatten",
            Self::BatchNorm { .. } => "batch_norm",
            Self::GroupNorm { .. } => "group_norm",
            Self::LayerNorm { .. } => "layer_norm",
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Softmax => "softmax",
            Self::Context { .. } => "context",
        }
    }

    /// Whether it normalises, so that it changes little where it is put in.
    pub fn is_norm(&self) -> bool {
        matches!(
            self,
            Self::BatchNorm { .. } | Self::GroupNorm { .. } | Self::LayerNorm { .. }
        )
    }

    /// The shape of the result for examples of shape `input`.
    ///
    /// # Errors
    /// What to change, where the layer cannot take that shape.
    pub fn output(&self, input: Shape) -> Result<Shape, String> {
        let channels = input.channels();
        let window = || {
            let window = self.window(input)?;
            // Only asked for by layers that have one.
            Ok::<_, String>(window.map_or([1, 1], |window| window.output))
        };
        match self {
            Self::Dense { out } => Ok(Shape::Vector(*out)),
            Self::Conv {
                filters, groups, ..
            } if *groups == 0
                || !channels.is_multiple_of(*groups)
                || !filters.is_multiple_of(*groups) =>
            {
                Err(format!(
                    "its {groups} groups do not divide the {channels} channels and the {filters} \
                     filters; choose a divisor of both"
                ))
            }
            Self::Conv { filters, .. } => Ok(input.resized(window()?, *filters)),
            Self::Depthwise { .. } | Self::MaxPool { .. } | Self::AveragePool { .. } => {
                Ok(input.resized(window()?, channels))
            }
            Self::GlobalAveragePool => Ok(Shape::Vector(channels)),
            Self::Flatten => Ok(Shape::Vector(input.features())),
            Self::GroupNorm { groups, .. } if *groups == 0 || !channels.is_multiple_of(*groups) => {
                Err(format!(
                    "its {groups} groups do not divide the {channels} channels; choose a divisor"
                ))
            }
            Self::Context { size } => match input {
                Shape::Vector(features) => Ok(Shape::Vector(features + size)),
                _ => {
                    Err("it goes beside the features of a vector; put a `flatten` before it".into())
                }
            },
            Self::BatchNorm { .. }
            | Self::GroupNorm { .. }
            | Self::LayerNorm { .. }
            | Self::Relu
            | Self::Relu6
            | Self::LeakyRelu { .. }
            | Self::Tanh
            | Self::Sigmoid
            | Self::Softmax => Ok(input),
        }
    }

    /// The window of a convolution or a pool over examples of shape `input`.
    pub(super) fn window(&self, input: Shape) -> Result<Option<Window>, String> {
        let (kernel, stride, padding) = match *self {
            Self::Conv {
                kernel,
                stride,
                padding,
                ..
            }
            | Self::Depthwise {
                kernel,
                stride,
                padding,
            } => (kernel, stride, padding),
            Self::MaxPool {
                kernel,
                stride,
                padding,
            }
            | Self::AveragePool {
                kernel,
                stride,
                padding,
            } => (kernel, stride.unwrap_or(kernel), padding),
            _ => return Ok(None),
        };
        Window::new(&input, kernel, stride, padding).map(Some)
    }

    /// The layer's tensors in the order of the artifact, for examples of a
    /// shape that [`LayerSpec::output`] accepts.
    pub(super) fn tensors(&self, input: Shape) -> Vec<LayerTensor> {
        let channels = input.channels();
        let weight = |rows: usize, columns: usize, fan_out: usize| {
            let fan = Fill::Random {
                fan_in: rows,
                fan_out,
            };
            ("weight", vec![rows, columns], fan)
        };
        let bias = |length| ("bias", vec![length], Fill::Constant(0.0));
        match *self {
            Self::Dense { out } => vec![weight(input.features(), out, out), bias(out)],
            Self::Conv {
                filters,
                groups,
                kernel,
                ..
            } => {
                let size: usize = kernel.on(&input).iter().product();
                let weight = weight(size * channels / groups, filters, size * filters / groups);
                vec![weight, bias(filters)]
            }
            Self::Depthwise { kernel, .. } => {
                let size: usize = kernel.on(&input).iter().product();
                vec![weight(size, channels, size), bias(channels)]
            }
            Self::BatchNorm { .. } | Self::GroupNorm { .. } | Self::LayerNorm { .. } => {
                let gain = ("gain", vec![channels], Fill::Constant(1.0));
                vec![gain, bias(channels)]
            }
            Self::Context { size } => vec![("z", vec![size], Fill::Constant(0.0))],
            _ => Vec::new(),
        }
    }
}
