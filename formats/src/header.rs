//! The postcard header of an artifact: what the model is, how it adapts, where
//! it came from.
//!
//! These types are the wire format. Their fields keep their order, their enums
//! only grow at the end, and a field that is added needs a new major version
//! of the format (see `SPEC.md`).

use serde::{Deserialize, Serialize};

/// The part of the header that a board needs. The layers follow it, one
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
    /// Which variant of the method was followed, such as `paper` or `code`.
    pub variant: &'a str,
    /// The source revision of the trainer.
    pub commit: &'a str,
}

/// The shape of one example. Its numbers stand row by row with channels last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Shape {
    /// `features` numbers.
    Vector {
        /// How many numbers.
        features: u32,
    },
    /// `[length, channels]`: a window of samples.
    Sequence {
        /// How many samples.
        length: u32,
        /// Numbers per sample.
        channels: u32,
    },
    /// `[height, width, channels]`
    Image {
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
        /// Numbers per pixel.
        channels: u32,
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

/// A run of numbers in the artifact's tensor section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tensor {
    /// Bytes from the start of the tensor section, a multiple of four.
    pub offset: u32,
    /// How many values.
    pub length: u32,
    /// How a value is stored.
    pub number: Number,
    /// Whether the recipe adapts it.
    pub adapts: bool,
}

/// How a tensor's values are stored, little-endian. A tensor that does not
/// fill its last word is followed by zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Number {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary16: an initialisation that is widened to f32 before it
    /// is computed with.
    F16,
    /// Weights of integer layers.
    I8,
    /// Biases and multipliers of integer layers.
    I32,
}

/// How a policy is rolled out and its actions are weighed, for an artifact that learns
/// from what it does. Optional: it stands behind the layers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// `γ`: what a reward is worth a step earlier, 0 to 1.
    pub discount: f32,
    /// `λ` of generalised advantage estimation, 0 to 1.
    pub lambda: f32,
    /// The most steps of an episode, at least one.
    pub horizon: u32,
    /// Episodes that an inner step learns from, at least one.
    pub episodes: u32,
}

/// Where the weights of the last layer stand before the first step. It stands behind the
/// [`Policy`], from version 2.5 on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum HeadStart {
    /// Where the artifact has them, as those of all other layers.
    #[default]
    Stored,
    /// Where the support examples lie (Proto-MAML, Triantafillou et al. 2020). With `μ_c`
    /// the mean of what the layers below make of the examples of class `c`, the weights
    /// of its output are `2 τ μ_c` and its bias is `−τ ‖μ_c‖²`.
    Prototypes {
        /// `τ`, above zero.
        temperature: f32,
    },
}

/// How to adapt: `θ ← θ − rate · ∇θ loss(support)`, a few times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// What an inner step lowers.
    pub loss: Loss,
    /// How the loss of several examples becomes one number.
    pub reduction: Reduction,
    /// How many steps `adapt` takes where no other number is asked for.
    pub steps: u32,
    /// The most steps the recipe was shown to be safe for.
    pub max_steps: u32,
    /// Learning rates, `[rows, adapting tensors]`, row by row; a step beyond
    /// the last row uses the last row.
    pub rates: Tensor,
    /// The rows of `rates`; at least one.
    pub rate_rows: u32,
    /// The bound `c` on the norm of the whole gradient:
    /// `g ← g · min(1, c / ‖g‖)`.
    pub clip_norm: Option<f32>,
    /// The share `μ` of its velocity that a step keeps: `v ← μ v + g`,
    /// `θ ← θ − rate · v`, from `v = 0`.
    pub momentum: Option<f32>,
}

/// What an inner step lowers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Loss {
    /// `(y − t)²`
    MeanSquaredError,
    /// `−log softmax(y)[class]`
    CrossEntropy,
    /// `½ d²` for `d = y − t` within `delta`, else `delta (|d| − ½ delta)`.
    Huber {
        /// Where the parabola becomes a line, above zero.
        delta: f32,
    },
    /// `−w log π(a)` for a Gaussian policy whose outputs are
    /// `[mean, log σ]`; a target is `[a, w]`, the action and its advantage.
    GaussianPolicy,
    /// `−w log softmax(y)[a]` for a policy that chooses one of the outputs; a
    /// target is `[a, w]`, the choice and its advantage.
    CategoricalPolicy,
}

/// How the loss of several examples becomes one number.
///
/// The two differ by a factor that acts like a learning rate: a rate found
/// under `Sum` is that many times too small under `Mean`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Reduction {
    /// The average over examples, and over the outputs of squared and Huber
    /// errors.
    Mean,
    /// The sum over the same.
    Sum,
}

impl Shape {
    /// Height, width and channels: a sequence has height 1, a vector height
    /// and width 1.
    pub fn dimensions(self) -> [u32; 3] {
        match self {
            Shape::Vector { features } => [1, 1, features],
            Shape::Sequence { length, channels } => [1, length, channels],
            Shape::Image {
                height,
                width,
                channels,
            } => [height, width, channels],
        }
    }

    /// How many numbers one example has, or `None` where that overflows.
    pub fn features(self) -> Option<usize> {
        let [height, width, channels] = self.dimensions();
        let features = height.checked_mul(width)?.checked_mul(channels)?;
        usize::try_from(features).ok()
    }
}

impl Tensor {
    /// Bytes of all values, or `None` where that overflows.
    pub fn bytes(&self) -> Option<usize> {
        (self.length as usize).checked_mul(self.number.size())
    }
}

impl Number {
    /// Bytes of one value.
    pub fn size(self) -> usize {
        match self {
            Number::I8 => 1,
            Number::F16 => 2,
            Number::F32 | Number::I32 => 4,
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
