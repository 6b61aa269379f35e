//! What a network is, before any tensor exists: layers, their tensors and
//! which of those adapt.

use serde::{Deserialize, Serialize};

use super::NetworkError;

/// The layers of a network, in order, and the size of its input.
///
/// ```
/// use mamlet_trainer::nn::{LayerSpec, NetworkSpec};
/// let spec = NetworkSpec::mlp(1, &[40, 40], 1);
/// assert_eq!(spec.layers[0], LayerSpec::Dense { out: 40 });
/// assert_eq!(spec.layers.len(), 5);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// Features of one example.
    pub input: usize,
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
        Self { input, layers }
    }
}

/// One layer. A batch is `[tasks, examples, features]`; every layer maps the
/// last axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LayerSpec {
    /// `y = x·W + b` with `W [in, out]` and `b [out]`.
    Dense {
        /// Features of the result.
        out: usize,
    },
    /// `y = max(x, 0)`; its derivative at 0 is 0.
    Relu,
    /// `y = x` where `x > 0`, `slope·x` elsewhere.
    LeakyRelu {
        /// Factor of the negative side, in `(0, 1)`.
        slope: f64,
    },
    /// `y = tanh(x)`.
    Tanh,
    /// `y = 1 / (1 + e⁻ˣ)`.
    Sigmoid,
    /// Appends a free vector `z [size]` to every example: `y = [x, z]`.
    /// A network that starts with it and adapts only `z` is CAVIA, the
    /// "context vector" of the MAML paper's appendix.
    Context {
        /// Length of `z`.
        size: usize,
    },
}

impl LayerSpec {
    /// Features out of the layer for `input` features into it.
    pub fn output(&self, input: usize) -> usize {
        match self {
            Self::Dense { out } => *out,
            Self::Context { size } => input + size,
            Self::Relu | Self::LeakyRelu { .. } | Self::Tanh | Self::Sigmoid => input,
        }
    }

    /// The layer's tensors as `(name, shape)`, in the order of the artifact.
    pub fn tensors(&self, input: usize) -> Vec<(&'static str, Vec<usize>)> {
        match self {
            Self::Dense { out } => vec![("weight", vec![input, *out]), ("bias", vec![*out])],
            Self::Context { size } => vec![("z", vec![*size])],
            Self::Relu | Self::LeakyRelu { .. } | Self::Tanh | Self::Sigmoid => Vec::new(),
        }
    }
}

/// Which tensors the inner loop changes. The others are meta-learned only:
/// `head` is ANIL, `context` is CAVIA.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Adapt {
    /// A named group.
    Group(AdaptGroup),
    /// Tensor names such as `layers.0.weight`.
    Names(Vec<String>),
}

/// Named groups of adapting tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdaptGroup {
    /// Every tensor (MAML).
    All,
    /// The tensors of the last layer that has any (ANIL).
    Head,
    /// Every tensor but those of the last layer that has any.
    Body,
    /// The tensors of `context` layers (CAVIA).
    Context,
}

impl Default for Adapt {
    fn default() -> Self {
        Self::Group(AdaptGroup::All)
    }
}

/// One parameter tensor of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TensorInfo {
    /// `layers.<index>.<weight|bias|z>`.
    pub name: String,
    /// Index of the layer it belongs to.
    pub layer: usize,
    /// Shape without the task axis, row-major.
    pub shape: Vec<usize>,
    /// Whether the inner loop changes it.
    pub adapts: bool,
}

impl TensorInfo {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True for a tensor without elements, which no valid network has.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shape with the leading axis of size `tasks`: `[tasks, in, out]`, or
    /// `[tasks, 1, n]` for a vector.
    pub fn dims(&self, tasks: usize) -> [usize; 3] {
        match self.shape[..] {
            [rows, columns] => [tasks, rows, columns],
            _ => [tasks, 1, self.len()],
        }
    }
}

/// Lists the tensors of `spec` in the order of layers, marking those that
/// `adapt` selects, and checks that the chain makes sense.
pub(super) fn tensors(spec: &NetworkSpec, adapt: &Adapt) -> Result<Vec<TensorInfo>, NetworkError> {
    if spec.input == 0 {
        return Err(NetworkError::EmptyLayer {
            layer: "input".into(),
        });
    }
    let mut infos = Vec::new();
    let mut width = spec.input;
    for (layer, kind) in spec.layers.iter().enumerate() {
        for (name, shape) in kind.tensors(width) {
            if shape.contains(&0) {
                return Err(NetworkError::EmptyLayer {
                    layer: format!("layers.{layer}"),
                });
            }
            infos.push(TensorInfo {
                name: format!("layers.{layer}.{name}"),
                layer,
                shape,
                adapts: false,
            });
        }
        width = kind.output(width);
    }
    let head = infos.last().ok_or(NetworkError::NoTensors)?.layer;
    match adapt {
        Adapt::Group(group) => {
            for info in &mut infos {
                info.adapts = match group {
                    AdaptGroup::All => true,
                    AdaptGroup::Head => info.layer == head,
                    AdaptGroup::Body => info.layer != head,
                    AdaptGroup::Context => {
                        matches!(spec.layers[info.layer], LayerSpec::Context { .. })
                    }
                };
            }
        }
        Adapt::Names(names) => {
            for name in names {
                let Some(info) = infos.iter_mut().find(|info| info.name == *name) else {
                    return Err(NetworkError::UnknownTensor {
                        name: name.clone(),
                        known: infos.iter().map(|info| info.name.clone()).collect(),
                    });
                };
                info.adapts = true;
            }
        }
    }
    if !infos.iter().any(|info| info.adapts) {
        return Err(NetworkError::NothingAdapts);
    }
    Ok(infos)
}
