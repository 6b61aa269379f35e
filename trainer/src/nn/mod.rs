//! Networks whose backward pass is written out.
//!
//! Every layer is a pair of plain functions on tensors with a task axis,
//! `[tasks, examples, features]`: a forward, and the backward that gives the
//! gradients of its input and of its tensors. Both are made of ordinary tensor
//! operations, so the gradient itself can be differentiated: on an autodiff
//! backend the whole adaptation becomes one graph and a single reverse pass
//! gives the exact second-order meta-gradient. On a plain backend the same
//! code adapts without any graph.
//!
//! Parameters are a `Vec<Tensor<B, 3>>` in the order of [`Network::tensors`]:
//! dense `weight [T, in, out]` then `bias [T, 1, out]`, context `z [T, 1, c]`.
//! The leading axis is 1 while all tasks share the tensor and `T` once each
//! task has its own.

mod activation;
mod context;
mod dense;
pub mod init;
mod spec;

use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};

pub use spec::{Adapt, AdaptGroup, LayerSpec, NetworkSpec, TensorInfo};

/// Why a network cannot be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// No layer has parameters.
    #[error("the network has no layer with parameters")]
    NoTensors,
    /// A layer maps to or from zero features.
    #[error("{layer} has no features; sizes must be at least 1")]
    EmptyLayer {
        /// Which layer.
        layer: String,
    },
    /// `adapt` selects no tensor.
    #[error("no tensor adapts; `adapt` must select at least one")]
    NothingAdapts,
    /// `adapt` names a tensor that does not exist.
    #[error("no tensor is called {name:?}; this network has {}", known.join(", "))]
    UnknownTensor {
        /// The name given.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
}

/// A checked chain of layers.
#[derive(Clone, Debug)]
pub struct Network {
    spec: NetworkSpec,
    tensors: Vec<TensorInfo>,
    /// First tensor of each layer, and one past the last at the end.
    first: Vec<usize>,
    output: usize,
}

/// What a forward pass keeps for the backward: the input of every layer and
/// the output of the last, `len = layers + 1`.
#[derive(Clone, Debug)]
pub struct Trace<B: Backend> {
    activations: Vec<Tensor<B, 3>>,
}

/// The gradient of every layer's output, down to the lowest adapting layer.
#[derive(Clone, Debug)]
pub struct Deltas<B: Backend> {
    outputs: Vec<Option<Tensor<B, 3>>>,
}

impl<B: AutodiffBackend> Trace<B> {
    /// The same values without their graph.
    pub fn inner(&self) -> Trace<B::InnerBackend> {
        Trace {
            activations: self.activations.iter().map(|x| x.clone().inner()).collect(),
        }
    }
}

impl<B: AutodiffBackend> Deltas<B> {
    /// The same values without their graph.
    pub fn inner(&self) -> Deltas<B::InnerBackend> {
        let outputs = self
            .outputs
            .iter()
            .map(|dy| dy.as_ref().map(|dy| dy.clone().inner()));
        Deltas {
            outputs: outputs.collect(),
        }
    }
}

impl<B: Backend> Trace<B> {
    /// The network's result, `[T, B, out]`.
    pub fn output(&self) -> &Tensor<B, 3> {
        // A trace is only made by `forward_trace`, which puts the input there.
        &self.activations[self.activations.len() - 1]
    }
}

impl Network {
    /// Checks the chain and marks the tensors that adapt.
    pub fn new(spec: &NetworkSpec, adapt: &Adapt) -> Result<Self, NetworkError> {
        let tensors = spec::tensors(spec, adapt)?;
        let layers = spec.layers.len();
        let first = (0..=layers)
            .map(|layer| tensors.iter().take_while(|info| info.layer < layer).count())
            .collect();
        let output = spec
            .layers
            .iter()
            .fold(spec.input, |width, layer| layer.output(width));
        Ok(Self {
            spec: spec.clone(),
            tensors,
            first,
            output,
        })
    }

    /// The chain this network was built from.
    pub fn spec(&self) -> &NetworkSpec {
        &self.spec
    }

    /// Name, shape and role of every parameter tensor, in the order that
    /// parameters are passed, stored and exported.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// Indices into [`Network::tensors`] of those that adapt.
    pub fn adapting(&self) -> Vec<usize> {
        (0..self.tensors.len())
            .filter(|&index| self.tensors[index].adapts)
            .collect()
    }

    /// Features of one example.
    pub fn input(&self) -> usize {
        self.spec.input
    }

    /// Features of one prediction.
    pub fn output(&self) -> usize {
        self.output
    }

    /// Parameters altogether.
    pub fn parameter_count(&self) -> usize {
        self.tensors.iter().map(TensorInfo::len).sum()
    }

    /// The same network with every tensor adapting, for training without an
    /// inner loop.
    pub fn all_adapting(&self) -> Self {
        let mut network = self.clone();
        for info in &mut network.tensors {
            info.adapts = true;
        }
        network
    }

    /// `y [T, B, out]` for `x [T, B, in]`. Panics if `params` are not those of
    /// this network.
    pub fn forward<B: Backend>(&self, params: &[Tensor<B, 3>], x: Tensor<B, 3>) -> Tensor<B, 3> {
        let mut x = x;
        for (index, layer) in self.spec.layers.iter().enumerate() {
            x = forward(layer, self.of_layer(params, index), x);
        }
        x
    }

    /// Like [`Network::forward`], keeping what [`Network::backward`] needs.
    pub fn forward_trace<B: Backend>(&self, params: &[Tensor<B, 3>], x: Tensor<B, 3>) -> Trace<B> {
        let mut activations = Vec::with_capacity(self.spec.layers.len() + 1);
        activations.push(x);
        for (index, layer) in self.spec.layers.iter().enumerate() {
            let x = activations[index].clone();
            activations.push(forward(layer, self.of_layer(params, index), x));
        }
        Trace { activations }
    }

    /// The gradient of every layer's output, `∂L/∂y_l`, for the gradient `dy
    /// [T, B, out]` of the predictions.
    ///
    /// Stops at the lowest adapting layer, whose input gradient is never
    /// formed: the entries of the layers below it are `None`.
    pub fn deltas<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        trace: &Trace<B>,
        dy: Tensor<B, 3>,
    ) -> Deltas<B> {
        let lowest = self
            .tensors
            .iter()
            .find(|info| info.adapts)
            .map_or(0, |info| info.layer);
        let mut outputs: Vec<Option<Tensor<B, 3>>> = vec![None; self.spec.layers.len()];
        let mut dy = dy;
        for index in (lowest..self.spec.layers.len()).rev() {
            outputs[index] = Some(dy.clone());
            if index > lowest {
                dy = input_gradient(
                    &self.spec.layers[index],
                    self.of_layer(params, index),
                    &trace.activations[index],
                    &trace.activations[index + 1],
                    dy,
                );
            }
        }
        Deltas { outputs }
    }

    /// The gradient of every adapting tensor, `[T, in, out]` or `[T, 1, n]`;
    /// `None` for the tensors that do not adapt.
    pub fn gradients<B: Backend>(
        &self,
        trace: &Trace<B>,
        deltas: &Deltas<B>,
    ) -> Vec<Option<Tensor<B, 3>>> {
        let mut gradients = Vec::with_capacity(self.tensors.len());
        for (index, layer) in self.spec.layers.iter().enumerate() {
            let infos = &self.tensors[self.first[index]..self.first[index + 1]];
            match &deltas.outputs[index] {
                Some(dy) => {
                    gradients.extend(gradients_of(layer, &trace.activations[index], dy, infos));
                }
                None => gradients.extend(infos.iter().map(|_| None)),
            }
        }
        gradients
    }

    /// [`Network::deltas`] and [`Network::gradients`] in one.
    pub fn backward<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        trace: &Trace<B>,
        dy: Tensor<B, 3>,
    ) -> Vec<Option<Tensor<B, 3>>> {
        let deltas = self.deltas(params, trace, dy);
        self.gradients(trace, &deltas)
    }

    /// The slope of the loss along a direction in parameter space,
    /// `Σ_j ⟨∂L/∂θ_j, d_j⟩` summed over tasks, `[1]`, with one direction
    /// `[T, ...]` per tensor or `None` for 0. Every tensor with a direction must
    /// adapt. Panics if all directions are `None`.
    pub fn slope<B: Backend>(
        &self,
        trace: &Trace<B>,
        deltas: &Deltas<B>,
        directions: &[Option<Tensor<B, 3>>],
    ) -> Tensor<B, 1> {
        let mut total: Option<Tensor<B, 1>> = None;
        for (index, layer) in self.spec.layers.iter().enumerate() {
            let Some(dy) = &deltas.outputs[index] else {
                continue;
            };
            let x = &trace.activations[index];
            let directions = &directions[self.first[index]..self.first[index + 1]];
            let term = match (layer, directions) {
                (LayerSpec::Dense { .. }, [weight, bias]) => {
                    dense::slope(x, dy, weight.clone(), bias.clone())
                }
                (LayerSpec::Context { .. }, [Some(z)]) => Some(context::slope(x, dy, z.clone())),
                _ => None,
            };
            total = match (total, term) {
                (Some(total), Some(term)) => Some(total + term),
                (total, term) => total.or(term),
            };
        }
        total.expect("at least one direction")
    }

    fn of_layer<'a, B: Backend>(
        &self,
        params: &'a [Tensor<B, 3>],
        layer: usize,
    ) -> &'a [Tensor<B, 3>] {
        &params[self.first[layer]..self.first[layer + 1]]
    }
}

fn forward<B: Backend>(
    layer: &LayerSpec,
    params: &[Tensor<B, 3>],
    x: Tensor<B, 3>,
) -> Tensor<B, 3> {
    match layer {
        LayerSpec::Dense { .. } => dense::forward(params, x),
        LayerSpec::Context { .. } => context::forward(params, x),
        LayerSpec::Relu => activation::relu(x),
        LayerSpec::LeakyRelu { slope } => activation::leaky_relu(x, *slope),
        LayerSpec::Tanh => activation::tanh(x),
        LayerSpec::Sigmoid => activation::sigmoid(x),
    }
}

fn input_gradient<B: Backend>(
    layer: &LayerSpec,
    params: &[Tensor<B, 3>],
    x: &Tensor<B, 3>,
    y: &Tensor<B, 3>,
    dy: Tensor<B, 3>,
) -> Tensor<B, 3> {
    match layer {
        LayerSpec::Dense { .. } => dense::input_gradient(params, dy),
        LayerSpec::Context { .. } => context::input_gradient(x, dy),
        LayerSpec::Relu => activation::relu_backward(y, dy),
        LayerSpec::LeakyRelu { slope } => activation::leaky_relu_backward(y, dy, *slope),
        LayerSpec::Tanh => activation::tanh_backward(y, dy),
        LayerSpec::Sigmoid => activation::sigmoid_backward(y, dy),
    }
}

fn gradients_of<B: Backend>(
    layer: &LayerSpec,
    x: &Tensor<B, 3>,
    dy: &Tensor<B, 3>,
    infos: &[TensorInfo],
) -> Vec<Option<Tensor<B, 3>>> {
    match layer {
        LayerSpec::Dense { .. } => vec![
            infos[0].adapts.then(|| dense::weight_gradient(x, dy)),
            infos[1].adapts.then(|| dense::bias_gradient(dy)),
        ],
        LayerSpec::Context { .. } => {
            vec![infos[0].adapts.then(|| context::vector_gradient(x, dy))]
        }
        LayerSpec::Relu | LayerSpec::LeakyRelu { .. } | LayerSpec::Tanh | LayerSpec::Sigmoid => {
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests;
