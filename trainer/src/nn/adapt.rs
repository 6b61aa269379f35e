//! The tensors of a network and which of them adapt.

use serde::{Deserialize, Serialize};

use super::NetworkError;
use super::layer::Layer;
use super::layers::Role;

/// Which tensors the inner loop changes. The others are meta-learned only.
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
    /// Every tensor (MAML, Finn et al. 2017).
    All,
    /// The tensors of the last layer that has any (ANIL, Raghu et al. 2020).
    Head,
    /// Every tensor but those of the last layer that has any (BOIL, Oh et al.
    /// 2021).
    Body,
    /// The tensors of `context` layers (CAVIA, Zintgraf et al. 2019).
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
    /// `layers.<index>.<weight|bias|gain|z>`.
    pub name: String,
    /// Index of the layer it belongs to.
    pub layer: usize,
    /// Shape without the task axis, row-major.
    pub shape: Vec<usize>,
    /// Whether the inner loop changes it.
    pub adapts: bool,
    /// How it starts.
    pub fill: Fill,
}

/// How a tensor starts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// The same number everywhere: 1 for gains, 0 for biases and contexts.
    Constant(f32),
    /// Drawn from the distribution that the config chooses.
    Random {
        /// Inputs that one output depends on.
        fan_in: usize,
        /// Outputs that one input has a part in.
        fan_out: usize,
    },
}

impl TensorInfo {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it multiplies inputs, as weights of dense and convolutional layers
    /// do: what weight decay pulls on. Biases, gains of norms and contexts do not.
    pub fn is_weight(&self) -> bool {
        matches!(self.fill, Fill::Random { .. })
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

/// Lists the tensors of a chain in the order of its layers, marking those that
/// `adapt` selects.
pub(super) fn tensors(layers: &[Layer], adapt: &Adapt) -> Result<Vec<TensorInfo>, NetworkError> {
    let mut infos = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        for (name, shape, fill) in layer.spec.facts().tensors(layer.input) {
            infos.push(TensorInfo {
                name: format!("layers.{index}.{name}"),
                layer: index,
                shape,
                adapts: false,
                fill,
            });
        }
    }
    let head = infos.last().ok_or(NetworkError::NoTensors)?.layer;
    match adapt {
        Adapt::Group(group) => {
            for info in &mut infos {
                info.adapts = match group {
                    AdaptGroup::All => true,
                    AdaptGroup::Head => info.layer == head,
                    AdaptGroup::Body => info.layer != head,
                    AdaptGroup::Context => layers[info.layer].spec.facts().role() == Role::Context,
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
