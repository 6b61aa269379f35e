//! One layer of a network: what it computes, between the shapes of what goes in and comes
//! out.

use super::layers::{AnyLayer, LayerSpec};
use super::{NetworkError, Shape};

/// A layer with its shapes.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub spec: LayerSpec,
    pub input: Shape,
    pub output: Shape,
    pub operation: AnyLayer,
}

impl Layer {
    /// The layer `layers.<index>` on examples of shape `input`.
    pub fn new(spec: &LayerSpec, index: usize, input: Shape) -> Result<Self, NetworkError> {
        let name = || format!("layers.{index} ({})", spec.kind());
        let refuse = |remedy| NetworkError::Shape {
            layer: name(),
            shape: input,
            remedy,
        };
        let output = spec.output(input).map_err(refuse)?;
        if output.features() == 0 {
            return Err(NetworkError::EmptyLayer { layer: name() });
        }
        Ok(Self {
            spec: spec.clone(),
            input,
            output,
            operation: spec.build(input).map_err(refuse)?,
        })
    }
}
