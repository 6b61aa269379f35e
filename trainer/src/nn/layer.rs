//! One layer of a network, ready to compute: which equations it follows, and
//! what has to be kept between its forward and its backward.

use burn::tensor::{Tensor, backend::Backend};

use super::conv::{self, Conv};
use super::norm::{Norm, Normed, Sums};
use super::patches::Patches;
use super::pool::MaxPool;
use super::spec::LayerSpec;
use super::statistics::Moments;
use super::{NetworkError, Shape, activation, context, dense, depthwise, pool};

/// A layer with the shapes of what goes in and comes out.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub spec: LayerSpec,
    pub input: Shape,
    pub output: Shape,
    pub kind: Kind,
}

/// Layers by their equations.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Dense,
    Conv(Conv),
    Depthwise(Patches),
    MaxPool(MaxPool),
    AveragePool(Patches),
    GlobalAveragePool,
    Norm(Norm),
    Context,
    Flatten,
    Relu,
    Relu6,
    LeakyRelu(f64),
    Tanh,
    Sigmoid,
    Softmax,
}

/// What a forward pass keeps beside input and result.
#[derive(Clone, Debug)]
pub(super) enum Kept<B: Backend> {
    Nothing,
    Patches(Tensor<B, 3>),
    Winners(Tensor<B, 3>),
    Normed(Normed<B>),
}

/// The gradient of a layer's result, and what all gradients of the layer are
/// made of.
#[derive(Clone, Debug)]
pub(super) struct Delta<B: Backend> {
    pub dy: Tensor<B, 3>,
    pub sums: Option<Sums<B>>,
}

impl Layer {
    /// The layer `layers.<index>` on examples of shape `input`, and the shape
    /// of its result.
    pub fn new(
        spec: &LayerSpec,
        index: usize,
        input: Shape,
    ) -> Result<(Self, Shape), NetworkError> {
        let name = || format!("layers.{index} ({})", spec.kind());
        let refuse = |remedy| NetworkError::Shape {
            layer: name(),
            shape: input,
            remedy,
        };
        let output = spec.output(input).map_err(refuse)?;
        let window = spec.window(input).map_err(refuse)?;
        if output.features() == 0 {
            return Err(NetworkError::EmptyLayer { layer: name() });
        }
        let patches = window.map(|window| Patches::new(window, input.channels()));
        let kind = match (spec, patches) {
            (LayerSpec::Conv { groups, .. }, Some(patches)) => {
                Kind::Conv(Conv::new(patches, *groups))
            }
            (LayerSpec::Depthwise { .. }, Some(patches)) => Kind::Depthwise(patches),
            (LayerSpec::MaxPool { .. }, Some(patches)) => Kind::MaxPool(MaxPool::new(patches)),
            (_, Some(patches)) => Kind::AveragePool(patches),
            (LayerSpec::BatchNorm { epsilon, .. }, None) => {
                Kind::Norm(Norm::batch(input, *epsilon))
            }
            (LayerSpec::GroupNorm { groups, epsilon }, None) => {
                Kind::Norm(Norm::groups(input, *groups, *epsilon))
            }
            (LayerSpec::LayerNorm { epsilon }, None) => {
                Kind::Norm(Norm::groups(input, 1, *epsilon))
            }
            (LayerSpec::Dense { .. }, None) => Kind::Dense,
            (LayerSpec::Context { .. }, None) => Kind::Context,
            (LayerSpec::GlobalAveragePool, None) => Kind::GlobalAveragePool,
            (LayerSpec::LeakyRelu { slope }, None) => Kind::LeakyRelu(*slope),
            (LayerSpec::Relu, None) => Kind::Relu,
            (LayerSpec::Relu6, None) => Kind::Relu6,
            (LayerSpec::Tanh, None) => Kind::Tanh,
            (LayerSpec::Sigmoid, None) => Kind::Sigmoid,
            (LayerSpec::Softmax, None) => Kind::Softmax,
            // `flatten`, and nothing else: the rest has a window.
            (_, None) => Kind::Flatten,
        };
        let layer = Self {
            spec: spec.clone(),
            input,
            output,
            kind,
        };
        Ok((layer, output))
    }

    /// Gives a norm stored statistics, a row for each inner step.
    pub fn store(&mut self, rows: &[Moments]) {
        if let Kind::Norm(norm) = &mut self.kind {
            norm.store(rows);
        }
    }

    /// Makes a norm use the stored statistics of inner step `step`.
    pub fn at_step(&mut self, step: usize) {
        if let Kind::Norm(norm) = &mut self.kind {
            norm.at_step(step);
        }
    }

    /// Mean and variance of a norm's input `x`; `None` for other layers.
    pub fn moments<B: Backend>(&self, x: Tensor<B, 3>) -> Option<[Tensor<B, 3>; 2]> {
        match &self.kind {
            Kind::Norm(norm) => Some(norm.moments(x)),
            _ => None,
        }
    }

    /// `y [T, B, out]` for `x [T, B, in]`, and what the backward needs.
    pub fn forward<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        x: Tensor<B, 3>,
    ) -> (Tensor<B, 3>, Kept<B>) {
        let channels = self.input.channels();
        let y = match &self.kind {
            Kind::Conv(conv) => {
                let (y, p) = conv.forward(params, x);
                return (y, Kept::Patches(p));
            }
            Kind::Depthwise(patches) => {
                let (y, p) = depthwise::forward(patches, params, x);
                return (y, Kept::Patches(p));
            }
            Kind::MaxPool(pool) => {
                let (y, winners) = pool.forward(x);
                return (y, Kept::Winners(winners));
            }
            Kind::Norm(norm) => {
                let (y, normed) = norm.forward(params, x);
                return (y, Kept::Normed(normed));
            }
            Kind::Dense => dense::forward(params, x),
            Kind::AveragePool(patches) => pool::average(patches, x),
            Kind::GlobalAveragePool => pool::global_average(channels, x),
            Kind::Context => context::forward(params, x),
            Kind::Flatten => x,
            Kind::Relu => activation::relu(x),
            Kind::Relu6 => activation::relu6(x),
            Kind::LeakyRelu(slope) => activation::leaky_relu(x, *slope),
            Kind::Tanh => activation::tanh(x),
            Kind::Sigmoid => activation::sigmoid(x),
            Kind::Softmax => activation::softmax(channels, x),
        };
        (y, Kept::Nothing)
    }

    /// Prepares the gradients for the gradient `dy` of the result.
    pub fn delta<B: Backend>(&self, kept: &Kept<B>, dy: Tensor<B, 3>) -> Delta<B> {
        let sums = match (&self.kind, kept) {
            (Kind::Norm(norm), Kept::Normed(normed)) => Some(norm.sums(normed, &dy)),
            _ => None,
        };
        Delta { dy, sums }
    }

    /// `dx` from input `x`, result `y` and what was kept of them.
    pub fn input_gradient<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        (x, y): (&Tensor<B, 3>, &Tensor<B, 3>),
        kept: &Kept<B>,
        delta: &Delta<B>,
    ) -> Tensor<B, 3> {
        let dy = delta.dy.clone();
        let channels = self.input.channels();
        match (&self.kind, kept, &delta.sums) {
            (Kind::Norm(norm), Kept::Normed(normed), Some(sums)) => {
                norm.input_gradient(params, normed, sums, dy)
            }
            (Kind::MaxPool(pool), Kept::Winners(winners), _) => pool.input_gradient(winners, dy),
            (Kind::Conv(conv), ..) => conv.input_gradient(&params[0], dy),
            (Kind::Depthwise(patches), ..) => depthwise::input_gradient(patches, &params[0], dy),
            (Kind::AveragePool(patches), ..) => pool::average_backward(patches, dy),
            (Kind::GlobalAveragePool, ..) => {
                pool::global_average_backward(self.input.positions(), dy)
            }
            (Kind::Dense, ..) => dense::input_gradient(&params[0], dy),
            (Kind::Context, ..) => context::input_gradient(x, dy),
            (Kind::Relu, ..) => activation::relu_backward(y, dy),
            (Kind::Relu6, ..) => activation::relu6_backward(y, dy),
            (Kind::LeakyRelu(slope), ..) => activation::leaky_relu_backward(y, dy, *slope),
            (Kind::Tanh, ..) => activation::tanh_backward(y, dy),
            (Kind::Sigmoid, ..) => activation::sigmoid_backward(y, dy),
            (Kind::Softmax, ..) => activation::softmax_backward(channels, y, dy),
            // Norms and max pools always keep what the first two lines take.
            (Kind::Flatten | Kind::Norm(_) | Kind::MaxPool(_), ..) => dy,
        }
    }

    /// The gradient of each tensor, `[T, ...]`, `None` for those that do not
    /// adapt.
    pub fn gradients<B: Backend>(
        &self,
        x: &Tensor<B, 3>,
        kept: &Kept<B>,
        delta: &Delta<B>,
        adapts: &[bool],
    ) -> Vec<Option<Tensor<B, 3>>> {
        let dy = &delta.dy;
        match (&self.kind, kept, &delta.sums) {
            (Kind::Dense, ..) => vec![
                adapts[0].then(|| dense::weight_gradient(x, dy)),
                adapts[1].then(|| dense::bias_gradient(dy)),
            ],
            (Kind::Conv(conv), Kept::Patches(p), _) => conv.gradients(p, dy, adapts),
            (Kind::Depthwise(patches), Kept::Patches(p), _) => vec![
                adapts[0].then(|| depthwise::weight_gradient(patches, p, dy)),
                adapts[1].then(|| dense::bias_gradient(&conv::by_place(patches, dy.clone()))),
            ],
            (Kind::Norm(norm), Kept::Normed(normed), Some(sums)) => {
                let tasks = dy.dims()[0];
                vec![
                    adapts[0].then(|| norm.gain_gradient(normed, sums, tasks)),
                    adapts[1].then(|| norm.bias_gradient(sums, tasks)),
                ]
            }
            (Kind::Context, ..) => vec![adapts[0].then(|| context::vector_gradient(x, dy))],
            _ => Vec::new(),
        }
    }
}
