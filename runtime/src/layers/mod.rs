//! The layers: one file each, with forward, backward and what they read.
//!
//! To add a layer, copy `context.rs`, name it in [`Layer`] and in
//! [`mamlet_formats::Layer`], and make it in `model/build`. What a layer tells
//! about itself ([`Operation`]) is all that the engine and the memory plan
//! need to know.

mod activation;
mod context;
#[cfg(feature = "convolution")]
mod conv;
mod dense;
#[cfg(feature = "convolution")]
mod depthwise;
mod descent;
#[cfg(feature = "integer")]
mod integer;
#[cfg(feature = "normalisation")]
mod norm;
#[cfg(feature = "convolution")]
mod pool;
mod softmax;

use core::ops::Range;

use crate::fault::Checked;
use crate::param::Param;
pub(crate) use activation::Activation;
pub(crate) use context::Context;
#[cfg(feature = "convolution")]
pub(crate) use conv::Conv;
pub(crate) use dense::Dense;
#[cfg(feature = "convolution")]
pub(crate) use depthwise::Depthwise;
pub(crate) use descent::{Base, Descent, Rates};
#[cfg(feature = "integer")]
pub(crate) use integer::{
    Dequantize, IntegerConv, IntegerDense, IntegerDepthwise, IntegerGlobalAverage, IntegerPool,
    Integers, NUMBERS, Quantize, packed,
};
#[cfg(feature = "normalisation")]
pub(crate) use norm::{Norm, Over};
#[cfg(feature = "convolution")]
pub(crate) use pool::{GlobalAverage, Kind, Pool};
pub(crate) use softmax::Softmax;

/// A layer of any kind.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layer {
    Dense(Dense),
    Activation(Activation),
    Softmax(Softmax),
    Context(Context),
    #[cfg(feature = "convolution")]
    Conv(Conv),
    #[cfg(feature = "convolution")]
    Depthwise(Depthwise),
    #[cfg(feature = "convolution")]
    Pool(Pool),
    #[cfg(feature = "convolution")]
    GlobalAverage(GlobalAverage),
    #[cfg(feature = "normalisation")]
    Norm(Norm),
    #[cfg(feature = "integer")]
    Quantize(Quantize),
    #[cfg(feature = "integer")]
    Dequantize(Dequantize),
    #[cfg(feature = "integer")]
    IntegerDense(IntegerDense),
    #[cfg(feature = "integer")]
    IntegerConv(IntegerConv),
    #[cfg(feature = "integer")]
    IntegerDepthwise(IntegerDepthwise),
    #[cfg(feature = "integer")]
    IntegerPool(IntegerPool),
    #[cfg(feature = "integer")]
    IntegerGlobalAverage(IntegerGlobalAverage),
}

impl Layer {
    /// What it does.
    pub fn operation(&self) -> &dyn Operation {
        match self {
            Layer::Dense(layer) => layer,
            Layer::Activation(layer) => layer,
            Layer::Softmax(layer) => layer,
            Layer::Context(layer) => layer,
            #[cfg(feature = "convolution")]
            Layer::Conv(layer) => layer,
            #[cfg(feature = "convolution")]
            Layer::Depthwise(layer) => layer,
            #[cfg(feature = "convolution")]
            Layer::Pool(layer) => layer,
            #[cfg(feature = "convolution")]
            Layer::GlobalAverage(layer) => layer,
            #[cfg(feature = "normalisation")]
            Layer::Norm(layer) => layer,
            #[cfg(feature = "integer")]
            Layer::Quantize(layer) => layer,
            #[cfg(feature = "integer")]
            Layer::Dequantize(layer) => layer,
            #[cfg(feature = "integer")]
            Layer::IntegerDense(layer) => layer,
            #[cfg(feature = "integer")]
            Layer::IntegerConv(layer) => layer,
            #[cfg(feature = "integer")]
            Layer::IntegerDepthwise(layer) => layer,
            #[cfg(feature = "integer")]
            Layer::IntegerPool(layer) => layer,
            #[cfg(feature = "integer")]
            Layer::IntegerGlobalAverage(layer) => layer,
        }
    }

    /// [`Operation::fits`]. The model asks this on a host alone, where artifacts
    /// are made and verified: the answer is the same on a board, whose flash is
    /// small.
    pub fn fits(&self, inputs: usize, outputs: usize) -> bool {
        match self {
            Layer::Dense(layer) => layer.fits(inputs, outputs),
            Layer::Activation(layer) => layer.fits(inputs, outputs),
            Layer::Softmax(layer) => layer.fits(inputs, outputs),
            Layer::Context(layer) => layer.fits(inputs, outputs),
            #[cfg(feature = "convolution")]
            Layer::Conv(layer) => layer.fits(inputs, outputs),
            #[cfg(feature = "convolution")]
            Layer::Depthwise(layer) => layer.fits(inputs, outputs),
            #[cfg(feature = "convolution")]
            Layer::Pool(layer) => layer.fits(inputs, outputs),
            #[cfg(feature = "convolution")]
            Layer::GlobalAverage(layer) => layer.fits(inputs, outputs),
            #[cfg(feature = "normalisation")]
            Layer::Norm(layer) => layer.fits(inputs, outputs),
            #[cfg(feature = "integer")]
            Layer::Quantize(layer) => layer.fits(inputs, outputs),
            #[cfg(feature = "integer")]
            Layer::Dequantize(layer) => layer.fits(inputs, outputs),
            #[cfg(feature = "integer")]
            Layer::IntegerDense(layer) => layer.fits(inputs, outputs),
            #[cfg(feature = "integer")]
            Layer::IntegerConv(layer) => layer.fits(inputs, outputs),
            #[cfg(feature = "integer")]
            Layer::IntegerDepthwise(layer) => layer.fits(inputs, outputs),
            #[cfg(feature = "integer")]
            Layer::IntegerPool(layer) => layer.fits(inputs, outputs),
            #[cfg(feature = "integer")]
            Layer::IntegerGlobalAverage(layer) => layer.fits(inputs, outputs),
        }
    }

    /// Its tensors that can adapt.
    pub fn params(&self) -> impl Iterator<Item = Param> + use<> {
        self.operation().params().into_iter().flatten()
    }

    /// Whether it takes or returns integers.
    pub fn is_integer(&self) -> bool {
        match self {
            #[cfg(feature = "integer")]
            Layer::Quantize(_)
            | Layer::Dequantize(_)
            | Layer::IntegerDense(_)
            | Layer::IntegerConv(_)
            | Layer::IntegerDepthwise(_)
            | Layer::IntegerPool(_)
            | Layer::IntegerGlobalAverage(_) => true,
            Layer::Dense(_) | Layer::Activation(_) | Layer::Softmax(_) | Layer::Context(_) => false,
            #[cfg(feature = "convolution")]
            Layer::Conv(_) | Layer::Depthwise(_) | Layer::Pool(_) | Layer::GlobalAverage(_) => {
                false
            }
            #[cfg(feature = "normalisation")]
            Layer::Norm(_) => false,
        }
    }

    /// Whether any of its tensors adapts.
    pub fn adapts(&self) -> bool {
        self.params().any(|param| param.adapts())
    }
}

/// What a layer does, and what the plan must know of it.
pub(crate) trait Operation {
    /// Its tensors that can adapt, in the order of the artifact.
    fn params(&self) -> [Option<Param>; 2] {
        [None; 2]
    }

    /// Whether the forward pass overwrites its input: it then finds `y`
    /// holding the input and `x` empty.
    fn overwrites(&self) -> bool {
        false
    }

    /// Whether an example's output depends on the other examples.
    fn mixes_examples(&self) -> bool {
        false
    }

    /// Whether the output depends on how many inner steps were taken.
    fn depends_on_step(&self) -> bool {
        false
    }

    /// Whether the gradient by the input overwrites the gradient by the output.
    fn gradient_in_place(&self) -> bool {
        false
    }

    /// Whether the backward pass needs the input of the forward pass.
    fn reads_input(&self) -> bool {
        false
    }

    /// Whether the backward pass needs the output of the forward pass.
    fn reads_output(&self) -> bool {
        false
    }

    /// Numbers (f32) of memory that the forward pass needs for itself.
    fn scratch(&self) -> usize {
        0
    }

    /// Bytes of its tensors that a forward pass reads.
    fn weight_bytes(&self) -> usize {
        let params = self.params().into_iter().flatten();
        params.map(|param| param.bytes()).sum()
    }

    /// Multiply-accumulates per example.
    fn macs(&self) -> Macs {
        Macs::default()
    }

    /// Whether it makes `outputs` numbers of `inputs`, per example and as they lie
    /// in memory: see [`Layer::fits`].
    fn fits(&self, inputs: usize, outputs: usize) -> bool
    where
        Self: Sized;

    /// `y = f(x)`
    ///
    /// # Errors
    /// [`Internal`](crate::fault::Internal) where a tensor or a buffer is too short; what is in `y` is no
    /// result then.
    fn forward(&self, pass: Forward<'_>) -> Checked;

    /// Gradient by the input, then a step down the gradient by the weights.
    ///
    /// # Errors
    /// As [`forward`](Self::forward): the step is no step then.
    fn backward(&self, pass: Backward<'_>, step: &mut Descent<'_>) -> Checked;
}

/// Multiply-accumulates of a layer per example.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Macs {
    pub forward: u64,
    /// Gradient by the input.
    pub input: u64,
    /// Gradient by the adapting weights.
    pub weights: u64,
}

/// What a layer's forward pass reads and writes, for all examples.
// Some of it is for layers of one feature alone.
#[cfg_attr(
    not(all(feature = "normalisation", feature = "integer")),
    allow(dead_code)
)]
pub(crate) struct Forward<'w> {
    /// The artifact's tensors.
    pub words: &'w [f32],
    /// The adapted weights; empty while the initialisation is in use.
    pub adapted: &'w [f32],
    /// `[examples, inputs]`; empty where [`Operation::overwrites`].
    pub x: &'w [f32],
    /// `[examples, outputs]`, to be written.
    pub y: &'w mut [f32],
    /// [`Operation::scratch`] numbers.
    pub scratch: &'w mut [f32],
    pub examples: usize,
    /// Numbers per example.
    pub inputs: usize,
    pub outputs: usize,
    /// How many inner steps made the weights.
    pub step: usize,
}

/// What a layer's backward pass reads and writes, for all support examples.
// Some of it is for layers of one feature alone.
#[cfg_attr(
    not(all(feature = "normalisation", feature = "integer")),
    allow(dead_code)
)]
pub(crate) struct Backward<'w> {
    /// The artifact's tensors.
    pub words: &'w [f32],
    /// Input of the forward pass, `[examples, inputs]`; empty unless
    /// [`Operation::reads_input`].
    pub x: &'w [f32],
    /// Output of the forward pass, `[examples, outputs]`; empty unless
    /// [`Operation::reads_output`].
    pub y: &'w [f32],
    /// Gradient of the loss by the output, `[examples, outputs]`. May be
    /// overwritten; must be, with the gradient by the input, where
    /// [`Operation::gradient_in_place`].
    pub dy: &'w mut [f32],
    /// Gradient by the input, `[examples, inputs]`, to be written; empty
    /// where nothing below adapts.
    pub dx: &'w mut [f32],
    pub examples: usize,
    /// Numbers per example.
    pub inputs: usize,
    pub outputs: usize,
    /// How many inner steps made the weights.
    pub step: usize,
}

/// The part of a table of rows of `width` that begins with `row`.
#[cfg(feature = "convolution")]
pub(crate) fn row(table: &[f32], row: usize, width: usize) -> &[f32] {
    part(table, row * width..(row + 1) * width)
}

/// A part of a table. Nothing where it does not reach: the kernels report an
/// operand of another length.
pub(crate) fn part(table: &[f32], range: Range<usize>) -> &[f32] {
    table.get(range).unwrap_or(&[])
}

/// [`row`], to be written.
#[cfg(feature = "convolution")]
pub(crate) fn row_mut(table: &mut [f32], row: usize, width: usize) -> &mut [f32] {
    let range = row * width..(row + 1) * width;
    table.get_mut(range).unwrap_or(&mut [])
}
