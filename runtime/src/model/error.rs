//! Why an artifact is no model.

use core::fmt;

use super::MAX_STEPS;
use crate::fault;

/// Why an artifact is no model that can run here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelError {
    /// The artifact's tensors do not lie at a multiple of four bytes, so they
    /// cannot be read in place.
    Unaligned,
    /// The model has more layers than this type holds.
    TooManyLayers {
        /// Layers of the artifact.
        needed: usize,
        /// The type's `LAYERS`.
        capacity: usize,
    },
    /// The artifact has no layer, a layer without inputs or outputs, or a
    /// tensor without numbers that adapts.
    Empty,
    /// A layer of a kind this runtime does not know.
    UnknownLayer {
        /// Which layer, from 0.
        layer: usize,
    },
    /// A tensor has another length than its layer asks for.
    TensorLength {
        /// Which layer, from 0.
        layer: usize,
        /// Numbers the layer needs.
        needed: usize,
        /// Numbers the tensor has.
        given: usize,
    },
    /// A tensor is stored as a kind of number that its layer cannot take, or
    /// adapts where it must not.
    Number {
        /// Which layer, from 0.
        layer: usize,
    },
    /// A tensor holds a NaN or an infinity.
    NotFinite {
        /// Which layer, from 0.
        layer: usize,
    },
    /// A window that no output has, or a stride of zero.
    Window {
        /// Which layer, from 0.
        layer: usize,
    },
    /// Groups of a convolution that do not divide its channels and its filters.
    Groups {
        /// Which layer, from 0.
        layer: usize,
    },
    /// Groups that do not divide the channels, no row of statistics, or an
    /// epsilon that is not a number from zero on.
    Norm {
        /// Which layer, from 0.
        layer: usize,
    },
    /// Integers where the layer takes f32 or the other way round, a scale that
    /// is not above zero, a multiplier below zero, a shift that is not 0 to 31,
    /// or integers above a layer that adapts.
    Integer {
        /// Which layer, from 0.
        layer: usize,
    },
    /// A leaky ReLU's slope is not in `[0, 1]`.
    Slope {
        /// Which layer, from 0.
        layer: usize,
    },
    /// Normalisation that does not have one finite value per input.
    Normalisation,
    /// The recipe cannot run: no steps, more than [`MAX_STEPS`], more by
    /// default than it allows, no finite rate for each adapting tensor, a
    /// momentum outside of `[0, 1)` or a clipping norm that is not above zero.
    Recipe,
    /// A loss this runtime does not know, or one that the outputs do not fit.
    Loss,
    /// A head that starts at prototypes, of a model that does not end with a dense layer
    /// whose weights and biases adapt under cross-entropy, or has an output that is never
    /// taught; or a start that this runtime does not know.
    Head,
    /// A front end whose examples are no inputs of the model.
    FrontEnd {
        /// Values of a sample.
        channels: u32,
        /// Samples of an example.
        length: u32,
    },
    /// A threshold for predictions of a model that predicts no classes.
    Rejection,
    /// A size that does not fit the address space, or more integers in a mean
    /// than 32 bits can sum.
    TooLarge,
    /// A bug of this library: it counts the numbers of a layer in two ways.
    Internal {
        /// Which layer, from 0.
        layer: usize,
    },
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unaligned => write!(
                f,
                "the artifact must lie at a multiple of 4 bytes: embed it with include_aligned!"
            ),
            Self::TooManyLayers { needed, capacity } => write!(
                f,
                "{needed} layers, this Model holds {capacity}: use Model::<{needed}>"
            ),
            Self::Empty => write!(f, "no layers, or a layer without inputs or outputs"),
            Self::UnknownLayer { layer } => write!(
                f,
                "layer {layer} is of a kind this runtime does not have: enable its cargo \
                 feature, or update the runtime"
            ),
            Self::TensorLength {
                layer,
                needed,
                given,
            } => write!(
                f,
                "layer {layer} needs a tensor of {needed} numbers, the artifact has {given}"
            ),
            Self::Number { layer } => write!(
                f,
                "layer {layer} has a tensor stored as numbers it cannot take: f32, f16 where it \
                 adapts, integers in integer layers"
            ),
            Self::NotFinite { layer } => write!(f, "layer {layer} has a weight that is not finite"),
            Self::Window { layer } => write!(
                f,
                "layer {layer}: the window does not fit its input, or steps by nothing"
            ),
            Self::Groups { layer } => write!(
                f,
                "layer {layer}: groups must divide the channels and the filters"
            ),
            Self::Norm { layer } => write!(
                f,
                "layer {layer}: groups must divide the channels, statistics have a row and \
                 epsilon be at least zero"
            ),
            Self::Integer { layer } => write!(
                f,
                "layer {layer}: integers begin with `quantize`, end with `dequantize`, and both \
                 stand below everything that adapts; scales are above 0, multipliers not below \
                 it, shifts 0 to 31"
            ),
            Self::Slope { layer } => write!(f, "layer {layer}: the slope is not in [0, 1]"),
            Self::Normalisation => {
                write!(f, "normalisation does not have one finite value per input")
            }
            Self::Recipe => write!(
                f,
                "the recipe cannot run: it needs 1 to {MAX_STEPS} steps, a finite rate for each \
                 adapting tensor, a momentum in [0, 1) and a clipping norm above 0"
            ),
            Self::Loss => write!(f, "the loss does not fit the outputs"),
            Self::Head => write!(
                f,
                "a head that starts at prototypes must be a dense layer, the last, whose weights \
                 and biases adapt under cross-entropy, without an output that is never taught"
            ),
            Self::FrontEnd { channels, length } => write!(
                f,
                "the front end makes examples of {length} samples of {channels} channels, which \
                 are no inputs of the model"
            ),
            Self::Rejection => write!(
                f,
                "a threshold for predictions needs classes: a model trained with cross-entropy"
            ),
            Self::TooLarge => write!(f, "a size does not fit this machine's address space"),
            Self::Internal { layer } => write!(f, "layer {layer}: {}", fault::MESSAGE),
        }
    }
}

impl core::error::Error for ModelError {}
