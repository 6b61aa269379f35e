//! The layers: one file each, with forward, backward and what backward reads.
//!
//! To add a layer, copy `context.rs`, add its variant here and to
//! [`mamlet_formats::Layer`], and let the compiler name the places to fill in.
//! What a layer tells about itself ([`Layer::elementwise`],
//! [`Layer::backward_reads_input`], [`Layer::backward_reads_output`]) is all
//! the memory plan needs to know.

mod activation;
mod context;
mod dense;

pub(crate) use activation::Activation;
pub(crate) use context::Context;
pub(crate) use dense::Dense;

use mamlet_formats::Tensor;

use crate::kernels::copy;
use crate::model::{ModelError, Param};

/// A layer of any kind.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layer {
    Dense(Dense),
    Activation(Activation),
    Context(Context),
}

/// What a layer's forward pass reads and writes, for all examples.
pub(crate) struct Forward<'w> {
    /// The artifact's tensors.
    pub words: &'w [f32],
    /// The adapted weights; empty while the initialisation is in use.
    pub adapted: &'w [f32],
    /// `[examples, inputs]`
    pub x: &'w [f32],
    /// `[examples, outputs]`, to be written.
    pub y: &'w mut [f32],
    pub inputs: usize,
    pub outputs: usize,
}

/// What a layer's backward pass reads and writes, for all support examples.
pub(crate) struct Backward<'w> {
    /// Input of the forward pass, `[examples, inputs]`; empty unless
    /// [`Layer::backward_reads_input`].
    pub x: &'w [f32],
    /// Output of the forward pass, `[examples, outputs]`; empty unless
    /// [`Layer::backward_reads_output`].
    pub y: &'w [f32],
    /// Gradient of the loss by the output, `[examples, outputs]`. May be
    /// overwritten; must be, with the gradient by the input, where
    /// [`Layer::gradient_in_place`].
    pub dy: &'w mut [f32],
    /// Gradient by the input, `[examples, inputs]`, to be written; empty
    /// where nothing below adapts.
    pub dx: &'w mut [f32],
    pub inputs: usize,
    pub outputs: usize,
}

/// One gradient step on the adapting weights.
pub(crate) struct Descent<'w> {
    /// The artifact's tensors.
    pub words: &'w [f32],
    /// The adapted weights.
    pub adapted: &'w mut [f32],
    /// What the step starts from.
    pub base: Base,
    /// A rate per adapting tensor.
    pub rates: Rates<'w>,
}

/// What a gradient step starts from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// The weights in flash: they are read in place and only what changes is
    /// written to RAM.
    Initialisation,
    /// The adapted weights in RAM, in place.
    Adapted,
    /// Zero: with a rate of −1 what is written is the gradient itself.
    Zero,
}

/// The learning rates of a step.
#[derive(Clone, Copy)]
pub(crate) enum Rates<'w> {
    /// One per adapting tensor.
    PerTensor(&'w [f32]),
    /// The same for all.
    Uniform(f32),
}

impl Descent<'_> {
    /// The `length` values of `param` before the step.
    pub fn read(&self, param: &Param, length: usize) -> &[f32] {
        match self.base {
            Base::Adapted => param.read(length, self.words, self.adapted),
            Base::Initialisation | Base::Zero => param.read(length, self.words, &[]),
        }
    }

    /// The `length` values of `param` to subtract from, and the rate to do it
    /// with; `None` where it does not adapt. Call it once a tensor, after the
    /// last [`read`](Self::read) of it.
    #[inline(never)]
    pub fn begin(&mut self, param: &Param, length: usize) -> Option<(&mut [f32], f32)> {
        let column = usize::from(param.column?);
        let rate = match self.rates {
            Rates::Uniform(rate) => rate,
            Rates::PerTensor(rates) => *rates.get(column)?,
        };
        let values = param.write(length, self.adapted)?;
        match self.base {
            Base::Adapted => {}
            Base::Zero => values.fill(0.0),
            Base::Initialisation => copy(values, param.read(length, self.words, &[])),
        }
        Some((values, rate))
    }
}

/// Makes a layer of its description and says how many outputs it has. `param`
/// checks a tensor's length and finds its place.
pub(crate) fn build(
    layer: mamlet_formats::Layer,
    index: usize,
    inputs: usize,
    param: &mut dyn FnMut(Tensor, Option<usize>) -> Result<Param, ModelError>,
) -> Result<(Layer, usize), ModelError> {
    use mamlet_formats::Layer as Described;
    let activation = |activation| Ok((Layer::Activation(activation), inputs));
    match layer {
        Described::Dense {
            outputs,
            weight,
            bias,
        } => {
            let outputs = outputs as usize;
            let weight = param(weight, inputs.checked_mul(outputs))?;
            let bias = bias.map(|bias| param(bias, Some(outputs))).transpose()?;
            Ok((Layer::Dense(Dense { weight, bias }), outputs))
        }
        Described::Context { vector } => {
            let length = vector.length as usize;
            let outputs = inputs.checked_add(length).ok_or(ModelError::TooLarge)?;
            let vector = param(vector, Some(length))?;
            Ok((Layer::Context(Context { vector }), outputs))
        }
        Described::Relu => activation(Activation::Relu),
        Described::LeakyRelu { slope } if (0.0..=1.0).contains(&slope) => {
            activation(Activation::LeakyRelu { slope })
        }
        Described::LeakyRelu { .. } => Err(ModelError::Slope { layer: index }),
        Described::Tanh => activation(Activation::Tanh),
        Described::Sigmoid => activation(Activation::Sigmoid),
        _ => Err(ModelError::UnknownLayer { layer: index }),
    }
}

impl Layer {
    /// Whether output `i` depends on input `i` alone, so that the forward pass
    /// may overwrite its input.
    pub fn elementwise(&self) -> bool {
        matches!(self, Layer::Activation(_))
    }

    /// Whether the gradient by the input overwrites the gradient by the output.
    pub fn gradient_in_place(&self) -> bool {
        self.elementwise()
    }

    /// Whether the backward pass needs the input of the forward pass.
    pub fn backward_reads_input(&self) -> bool {
        match self {
            Layer::Dense(dense) => dense.weight.adapts(),
            Layer::Activation(_) | Layer::Context(_) => false,
        }
    }

    /// Whether the backward pass needs the output of the forward pass.
    pub fn backward_reads_output(&self) -> bool {
        matches!(self, Layer::Activation(_))
    }

    /// Whether any of its tensors adapts.
    pub fn adapts(&self) -> bool {
        match self {
            Layer::Dense(dense) => {
                dense.weight.adapts() || dense.bias.is_some_and(|bias| bias.adapts())
            }
            Layer::Activation(_) => false,
            Layer::Context(context) => context.vector.adapts(),
        }
    }

    /// Multiply-accumulates per example: forward, gradient by the input,
    /// gradient by the adapting weights.
    pub fn cost(&self, inputs: u32, outputs: u32) -> (u64, u64, u64) {
        match self {
            Layer::Dense(dense) => dense.cost(inputs, outputs),
            Layer::Activation(_) | Layer::Context(_) => (0, 0, 0),
        }
    }

    /// `y = f(x)`
    pub fn forward(&self, pass: Forward<'_>) {
        match self {
            Layer::Dense(dense) => dense.forward(pass),
            Layer::Activation(activation) => {
                copy(pass.y, pass.x);
                activation.forward(pass.y);
            }
            Layer::Context(context) => context.forward(pass),
        }
    }

    /// `x ← f(x)`, for elementwise layers.
    pub fn forward_in_place(&self, x: &mut [f32]) {
        if let Layer::Activation(activation) = self {
            activation.forward(x);
        }
    }

    /// Gradient by the input, then a step down the gradient by the weights.
    pub fn backward(&self, pass: Backward<'_>, step: &mut Descent<'_>) {
        match self {
            Layer::Dense(dense) => dense.backward(pass, step),
            Layer::Activation(activation) => activation.backward(pass),
            Layer::Context(context) => context.backward(pass, step),
        }
    }
}
