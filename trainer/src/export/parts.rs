//! The layers of a trained model with their values, before it is known how
//! they are stored.

use mamlet_formats as formats;
use mamlet_formats::{ArtifactWriter, Layer, Pool};

use super::ExportError;
use crate::model::TrainedModel;
use crate::nn::{Extent, LayerSpec, Moments, Padding, Shape};

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

    /// Stores its tensors, those that adapt as f16 where `halves`, and
    /// describes it.
    pub fn write(&self, writer: &mut ArtifactWriter, halves: bool) -> Result<Layer, ExportError> {
        let tensors = self.tensors.iter().map(|(values, adapts)| {
            Some(match halves && *adapts {
                true => writer.f16_tensor(values, true),
                false => writer.tensor(values, *adapts),
            })
        });
        let stored: Vec<_> = tensors.collect();
        let optional = |at: usize| stored.get(at).copied().flatten();
        // The network lists a tensor for each that a layer takes.
        let tensor = |at: usize| optional(at).expect("a tensor of the layer");
        Ok(match &self.spec {
            LayerSpec::Dense { out } => Layer::Dense {
                outputs: *out as u32,
                weight: tensor(0),
                bias: optional(1),
            },
            LayerSpec::Conv {
                filters,
                groups,
                kernel,
                stride,
                padding,
            } => {
                let window = self.window(*kernel, *stride, *padding)?;
                let (filters, weight, bias) = (*filters as u32, tensor(0), optional(1));
                match *groups {
                    1 => Layer::Conv {
                        filters,
                        window,
                        weight,
                        bias,
                    },
                    groups => Layer::GroupedConv {
                        groups: groups as u32,
                        filters,
                        window,
                        weight,
                        bias,
                    },
                }
            }
            LayerSpec::Depthwise {
                kernel,
                stride,
                padding,
            } => Layer::Depthwise {
                window: self.window(*kernel, *stride, *padding)?,
                weight: tensor(0),
                bias: optional(1),
            },
            LayerSpec::MaxPool { .. } | LayerSpec::AveragePool { .. } => self.pool()?,
            LayerSpec::GlobalAveragePool => Layer::GlobalAveragePool,
            LayerSpec::Flatten => Layer::Flatten,
            LayerSpec::BatchNorm { epsilon, .. } => {
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
                Layer::BatchNorm {
                    statistics,
                    epsilon: *epsilon as f32,
                    gain: optional(0),
                    bias: optional(1),
                }
            }
            LayerSpec::GroupNorm { groups, epsilon } => Layer::GroupNorm {
                groups: *groups as u32,
                epsilon: *epsilon as f32,
                gain: optional(0),
                bias: optional(1),
            },
            LayerSpec::LayerNorm { epsilon } => Layer::GroupNorm {
                groups: 1,
                epsilon: *epsilon as f32,
                gain: optional(0),
                bias: optional(1),
            },
            LayerSpec::Relu => Layer::Relu,
            LayerSpec::Relu6 => Layer::Relu6,
            LayerSpec::LeakyRelu { slope } => Layer::LeakyRelu {
                slope: *slope as f32,
            },
            LayerSpec::Tanh => Layer::Tanh,
            LayerSpec::Sigmoid => Layer::Sigmoid,
            LayerSpec::Softmax => Layer::Softmax,
            LayerSpec::Context { .. } => Layer::Context { vector: tensor(0) },
        })
    }

    /// A pool as the artifact describes it.
    pub fn pool(&self) -> Result<Layer, ExportError> {
        let (pool, kernel, stride, padding) = match self.spec {
            LayerSpec::MaxPool {
                kernel,
                stride,
                padding,
            } => (Pool::Maximum, kernel, stride, padding),
            LayerSpec::AveragePool {
                kernel,
                stride,
                padding,
            } => (Pool::Average, kernel, stride, padding),
            ref other => {
                let message = format!("layers.{} ({}) is no pool", self.index, other.kind());
                return Err(ExportError::Artifact(message));
            }
        };
        Ok(Layer::Pool {
            pool,
            window: self.window(kernel, stride.unwrap_or(kernel), padding)?,
        })
    }

    /// A window as the artifact describes it.
    pub fn window(
        &self,
        kernel: Extent,
        stride: Extent,
        padding: Padding,
    ) -> Result<formats::Window, ExportError> {
        let byte = |size: usize| {
            u8::try_from(size).map_err(|_| ExportError::TooLarge {
                what: format!("a window or stride of {size} in layers.{}", self.index),
                limit: usize::from(u8::MAX),
            })
        };
        let bytes = |extent: Extent| -> Result<[u8; 2], ExportError> {
            let [height, width] = extent.on(&self.input);
            Ok([byte(height)?, byte(width)?])
        };
        Ok(formats::Window {
            size: bytes(kernel)?,
            stride: bytes(stride)?,
            padding: match padding {
                Padding::Same => formats::Padding::Same,
                Padding::Valid => formats::Padding::Valid,
            },
        })
    }
}
