//! The postcard header of an artifact: what the model is, how it adapts, where
//! it came from.
//!
//! These types are the wire format. Their fields keep their order, their enums
//! only grow at the end, and a field that is added needs a new major version
//! of the format (see `SPEC.md`).

use serde::{Deserialize, Serialize};

/// The part of the header that a device needs. The layers follow it, one
/// postcard value each (see [`Artifact::layers`](crate::Artifact::layers)), and
/// then the [`Description`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The shape of one example.
    pub input: Shape,
    /// How raw inputs are brought to the scale the model was trained on.
    pub normalisation: Option<Normalisation>,
    /// How to adapt.
    pub recipe: Recipe,
    /// How many layers follow.
    pub layers: u32,
}

/// The part of the header that is for people. It is decoded on request, so
/// that firmware which never asks does not carry the code to decode it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description<'a> {
    /// The model's name, chosen by whoever trained it.
    pub name: &'a str,
    /// Names of the outputs or classes, separated by line feeds; empty where
    /// they have none: see [`output_names`](Self::output_names).
    pub outputs: &'a str,
    /// The seed of the training run.
    pub seed: u64,
    /// Digest of the resolved configuration.
    pub config_digest: u64,
    /// The protocol followed, such as `paper` or `code`.
    pub protocol: &'a str,
    /// The source revision of the trainer.
    pub commit: &'a str,
}

/// The shape of one example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Shape {
    /// `features` numbers.
    Vector {
        /// How many numbers.
        features: u32,
    },
}

/// Normalisation of inputs, per feature: `(x − mean) · scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Normalisation {
    /// `[features]`
    pub mean: Tensor,
    /// `[features]`, usually one over the standard deviation.
    pub scale: Tensor,
}

/// A run of f32 values in the artifact's tensor section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tensor {
    /// Bytes from the start of the tensor section, a multiple of four.
    pub offset: u32,
    /// How many values.
    pub length: u32,
    /// Whether the recipe adapts it.
    pub adapts: bool,
}

/// One layer of the chain. The size of its input is the size of the output of
/// the layer before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Layer {
    /// `y = x W + b`
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
}

/// How to adapt: `θ ← θ − rate · ∇θ loss(support)`, a few times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// What an inner step lowers.
    pub loss: Loss,
    /// How the loss of several examples becomes one number.
    pub reduction: Reduction,
    /// How many steps `adapt` takes unless told otherwise.
    pub steps: u32,
    /// The most steps the recipe was shown to be safe for.
    pub max_steps: u32,
    /// Learning rates, `[rows, adapting tensors]`, row by row; a step beyond
    /// the last row uses the last row.
    pub rates: Tensor,
    /// The rows of `rates`; at least one.
    pub rate_rows: u32,
}

/// What an inner step lowers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Loss {
    /// `(y − t)²`
    MeanSquaredError,
    /// `−log softmax(y)[class]`
    CrossEntropy,
}

/// How the loss of several examples becomes one number.
///
/// The two differ by a factor that acts like a learning rate: a rate found
/// under `Sum` is that many times too small under `Mean`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Reduction {
    /// The average over examples, and over the outputs of squared errors.
    Mean,
    /// The sum over the same.
    Sum,
}

impl Shape {
    /// How many numbers one example has, or `None` where that overflows.
    pub fn features(self) -> Option<usize> {
        match self {
            Shape::Vector { features } => usize::try_from(features).ok(),
        }
    }
}

impl<'a> Description<'a> {
    /// The names of outputs or classes, in order; none where it has no names.
    pub fn output_names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let names = (!self.outputs.is_empty()).then(|| self.outputs.split('\n'));
        // An empty name among others is a name: classes keep their numbers.
        names.into_iter().flatten()
    }
}

impl Layer {
    /// The layer's tensors, in the order in which rates and adapted weights
    /// list them.
    pub fn tensors(&self) -> impl Iterator<Item = Tensor> + use<> {
        let tensors = match *self {
            Layer::Dense { weight, bias, .. } => [Some(weight), bias],
            Layer::Context { vector } => [Some(vector), None],
            Layer::Relu | Layer::LeakyRelu { .. } | Layer::Tanh | Layer::Sigmoid => [None, None],
        };
        tensors.into_iter().flatten()
    }
}
