//! The layers of a trained model with their values, before it is known how
//! they are stored.

use mamlet_formats as formats;
use mamlet_formats::{ArtifactWriter, Layer};

use super::ExportError;
use crate::model::TrainedModel;
use crate::nn::{LayerSpec, Moments, Shape, Stored};

/// A layer with its values.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Where it stands in the network, from 0.
    pub index: usize,
    pub spec: LayerSpec,
    /// Shape of what goes in.
    pub input: Shape,
    /// Values of its tensors, in the order both sides share, and whether they
    /// adapt.
    pub tensors: Vec<(Vec<f32>, bool)>,
    /// Rows of stored statistics; none where a norm takes those at hand.
    pub statistics: Vec<Moments>,
}

/// The layers of a model, in order.
pub(super) fn of(model: &TrainedModel) -> Result<Vec<Part>, ExportError> {
    let mut tensors = model.network.tensors().iter().zip(&model.params).peekable();
    let mut input = model.network.spec().input;
    let mut parts = Vec::new();
    for (index, spec) in model.network.spec().layers.iter().enumerate() {
        let mut own = Vec::new();
        while let Some((info, values)) = tensors.next_if(|(info, _)| info.layer == index) {
            own.push((values.clone(), info.adapts));
        }
        let output = spec.output(input).map_err(ExportError::Artifact)?;
        parts.push(Part {
            index,
            spec: spec.clone(),
            input,
            tensors: own,
            statistics: statistics(model, index),
        });
        input = output;
    }
    Ok(parts)
}

/// The stored statistics of a layer.
fn statistics(model: &TrainedModel, layer: usize) -> Vec<Moments> {
    let all = model.network.statistics().iter();
    let mut own = all.filter(|statistics| statistics.layer == layer);
    own.next().map_or_else(Vec::new, |own| own.rows.clone())
}

/// The shape of one example.
pub(super) fn shape(shape: Shape) -> formats::Shape {
    match shape {
        Shape::Vector(features) => formats::Shape::Vector {
            features: features as u32,
        },
        Shape::Sequence { length, channels } => formats::Shape::Sequence {
            length: length as u32,
            channels: channels as u32,
        },
        Shape::Image {
            height,
            width,
            channels,
        } => formats::Shape::Image {
            height: height as u32,
            width: width as u32,
            channels: channels as u32,
        },
    }
}

impl Part {
    /// Whether any of its tensors adapts.
    pub fn adapts(&self) -> bool {
        self.tensors.iter().any(|(_, adapts)| *adapts)
    }

    /// Stores its tensors, those that adapt in half precision where `f16`, and
    /// describes it.
    pub fn write(&self, writer: &mut ArtifactWriter, f16: bool) -> Result<Layer, ExportError> {
        let tensors = self
            .tensors
            .iter()
            .map(|(values, adapts)| match f16 && *adapts {
                true => writer.f16_tensor(values, true),
                false => writer.tensor(values, *adapts),
            });
        let tensors: Vec<_> = tensors.collect();
        let rows = |of: fn(&Moments) -> &Vec<f32>| -> Vec<f32> {
            self.statistics.iter().flat_map(of).copied().collect()
        };
        let statistics = match self.statistics.is_empty() {
            true => formats::Statistics::Current,
            false => formats::Statistics::Stored {
                mean: writer.tensor(&rows(|row| &row.mean), false),
                variance: writer.tensor(&rows(|row| &row.variance), false),
                rows: self.statistics.len() as u32,
            },
        };
        let stored = Stored {
            input: self.input,
            tensors: &tensors,
            statistics,
        };
        let layer = self.spec.facts().artifact(&stored);
        layer.map_err(|message| self.refusal(message))
    }

    /// Why it cannot be in an artifact.
    pub fn refusal(&self, message: String) -> ExportError {
        let kind = self.spec.kind();
        ExportError::Artifact(format!("layers.{} ({kind}): {message}", self.index))
    }
}
