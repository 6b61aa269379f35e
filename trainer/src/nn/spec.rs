//! What a network is, before any tensor exists: its layers, and how each
//! changes the shape of an example.

use serde::{Deserialize, Serialize};

use super::layers::{Dense, LayerSpec, Role, Statistics};
use super::shape::Shape;

/// The layers of a network, in order, and the shape of its input.
///
/// ```
/// use mamlet_trainer::nn::{Dense, LayerSpec, NetworkSpec, Shape};
/// let spec = NetworkSpec::mlp(1, &[40, 40], 1);
/// assert_eq!(spec.input, Shape::Vector(1));
/// assert_eq!(spec.layers[0], LayerSpec::Dense(Dense { out: 40 }));
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
            layers.push(Dense { out }.into());
            layers.push(LayerSpec::Relu);
        }
        layers.push(Dense { out: output }.into());
        Self {
            input: Shape::Vector(input),
            layers,
        }
    }
}

impl LayerSpec {
    /// Whether it normalises, so that it changes little where it is put in.
    pub fn is_norm(&self) -> bool {
        matches!(self.facts().role(), Role::Norm { .. })
    }

    /// Where it takes statistics over the batch from; `None` where it takes none.
    pub fn statistics(&self) -> Option<Statistics> {
        match self.facts().role() {
            Role::Norm { of_batch } => of_batch,
            Role::Weights | Role::Context | Role::Fixed => None,
        }
    }

    /// The shape of the result for examples of shape `input`.
    ///
    /// # Errors
    /// What to change, where the layer cannot take that shape.
    pub fn output(&self, input: Shape) -> Result<Shape, String> {
        self.facts().output(input)
    }
}
