//! What a layer says about itself, before any tensor exists.

use mamlet_formats as formats;
use mamlet_formats::Integers;

use super::super::adapt::Fill;
use super::super::shape::{Extent, Padding, Shape};
use super::{LayerSpec, Operation, Statistics};

/// What the rest of the trainer asks a layer. Nothing here has a default: a layer says all
/// of it.
pub(crate) trait Facts {
    /// Its part in a network.
    fn role(&self) -> Role;

    /// The shape of the result for examples of shape `input`.
    ///
    /// # Errors
    /// What to change, where the layer cannot take that shape.
    fn output(&self, input: Shape) -> Result<Shape, String>;

    /// Its tensors in the order of the artifact, for examples of a shape that
    /// [`Facts::output`] accepts.
    fn tensors(&self, input: Shape) -> Vec<LayerTensor>;

    /// The layer that does to `count` networks side by side what this one does to each of
    /// them. `apart` says whether the networks have channels of their own already, instead
    /// of the same ones.
    ///
    /// # Errors
    /// What to change, where there is no such layer.
    fn joined(&self, count: usize, apart: bool) -> Result<LayerSpec, &'static str>;

    /// What it is in an artifact.
    ///
    /// # Errors
    /// What does not fit into one.
    fn artifact(&self, stored: &Stored<'_>) -> Result<formats::Layer, String>;

    /// How it computes where the values before it are integers.
    fn on_integers(&self) -> OnIntegers<'_>;
}

/// What a layer with keys says about their values.
pub(crate) trait Keys {
    /// The first key with a value that no layer can have.
    fn fault(&self) -> Option<KeyFault>;

    /// The keys that say how wide it is.
    fn widths(&mut self) -> Widths<'_>;
}

/// From a layer of a config to one that computes.
pub(in crate::nn) trait Build {
    /// The one that computes.
    type Layer: Operation;

    /// Makes it for examples of shape `input`.
    ///
    /// # Errors
    /// What to change, where the layer cannot take that shape.
    fn build(&self, input: Shape) -> Result<Self::Layer, String>;
}

/// The part that a layer has in a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It weighs its inputs.
    Weights,
    /// It normalises, so that it changes little where it is put in. A norm over the batch
    /// says where its statistics come from; others depend on one example alone.
    Norm {
        /// Of the batch.
        of_batch: Option<Statistics>,
    },
    /// It adds inputs that are learned.
    Context,
    /// It has no tensors.
    Fixed,
}

/// A tensor of a layer: name, shape and how it starts.
pub(crate) type LayerTensor = (&'static str, Vec<usize>, Fill);

/// `weight [rows, columns]`, of which each input has a part in `fan_out` outputs.
pub(super) fn weight(rows: usize, columns: usize, fan_out: usize) -> LayerTensor {
    let fill = Fill::Random {
        fan_in: rows,
        fan_out,
    };
    ("weight", vec![rows, columns], fill)
}

/// `bias [length]`.
pub(super) fn bias(length: usize) -> LayerTensor {
    ("bias", vec![length], Fill::Constant(0.0))
}

/// A key with an unusable value.
pub(crate) struct KeyFault {
    pub key: &'static str,
    pub expected: &'static str,
    pub given: f64,
}

/// The keys of a layer that say how wide it is.
#[derive(Default)]
pub(crate) struct Widths<'a> {
    /// Features or channels of the result, where they are the layer's choice.
    pub outputs: Option<&'a mut usize>,
    /// Groups of channels. They divide the channels of the input, and the outputs.
    pub groups: Option<&'a mut usize>,
}

/// What an artifact holds of a layer.
pub(crate) struct Stored<'a> {
    /// Shape of what goes in.
    pub input: Shape,
    /// In the order of [`Facts::tensors`].
    pub tensors: &'a [formats::Tensor],
    /// Of a norm over the batch.
    pub statistics: formats::Statistics,
}

/// A window over examples of shape `input` as an artifact describes it.
pub(super) fn window(
    input: Shape,
    [kernel, stride]: [Extent; 2],
    padding: Padding,
) -> Result<formats::Window, String> {
    let byte = |size: usize| {
        u8::try_from(size).map_err(|_| {
            format!(
                "a window or stride of {size} is too large for an artifact; the largest is {}",
                u8::MAX
            )
        })
    };
    let bytes = |extent: Extent| -> Result<[u8; 2], String> {
        let [height, width] = extent.on(&input);
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

/// How a layer computes where the values before it are integers.
pub(crate) enum OnIntegers<'a> {
    /// It stays in f32.
    Float,
    /// It takes integers as they are, and gives integers with the same meaning.
    Same,
    /// It has a layer on integers of its own.
    Products(&'a dyn Products),
    /// It can become part of the products before it: outputs from 0 up to `high`.
    Clamp {
        /// The largest output.
        high: Option<f32>,
    },
    /// It can become part of the products before it where it has one row of stored
    /// statistics.
    Scale {
        /// Added to the variance.
        epsilon: f32,
    },
}

/// Sums of products with weights `[length, outputs]`.
pub(crate) trait Products {
    /// How many sums an example of shape `input` has at every place.
    fn outputs(&self, input: Shape) -> usize;

    /// How the weights lie in an artifact.
    fn packing(&self) -> Packing;

    /// The layer on integers.
    ///
    /// # Errors
    /// What does not fit into an artifact.
    fn artifact(&self, input: Shape, integers: Integers) -> Result<formats::Layer, String>;
}

/// How weights on integers lie in an artifact: see [`Integers::weight`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Four products together, for two outputs, in so many groups of outputs.
    Groups(usize),
    /// `[length, outputs]`, as they lie in f32.
    Plain,
}
