//! Networks whose backward pass is written out.
//!
//! Every layer is a file of plain functions on tensors with a task axis, `[tasks,
//! examples, features]`: a forward, the backward that gives the gradients of its input and
//! of its tensors, and how both move along a direction of the parameters
//! ([`Network::gradient_tangents`]), so that exact second derivatives need no graph. All is
//! made of ordinary tensor operations. On an autodiff backend the whole adaptation becomes
//! one graph, which the tests hold the rest against. Where numbers are in the host's memory
//! and there is no graph, `host` has the layers that take most of the time once more, in
//! fewer passes.
//!
//! Parameters are a `Vec<Tensor<B, 3>>` in the order of [`Network::tensors`]:
//! a matrix such as a dense `weight [T, in, out]`, a vector such as its `bias
//! [T, 1, out]`. The leading axis is 1 while all tasks share the tensor and `T`
//! once each task has its own.
//!
//! An example is `[height, width, channels]` flattened, see [`Shape`]; see the
//! layers' own files for their equations.

mod adapt;
pub mod head;
mod host;
pub mod init;
mod layer;
mod layers;
mod patches;
mod rows;
mod shape;
mod spec;
mod split;
mod statistics;
mod tangent;

use burn::tensor::{Tensor, backend::Backend};

pub use adapt::{Adapt, AdaptGroup, Fill, TensorInfo};
pub use head::HeadStart;
use layer::Layer;
pub use layers::*;
use layers::{Operation, OutputGradient, Pass};
pub use shape::{Extent, Padding, Shape};
pub use spec::NetworkSpec;
pub use statistics::{BatchStatistics, LayerStatistics, Moments};

/// Why a network cannot be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// No layer has parameters.
    #[error("the network has no layer with parameters")]
    NoTensors,
    /// A layer gives no features.
    #[error("{layer} has no features; its sizes must be at least 1")]
    EmptyLayer {
        /// Which layer.
        layer: String,
    },
    /// A layer cannot take what the one before it gives.
    #[error("{layer} cannot take {shape}: {remedy}")]
    Shape {
        /// Which layer.
        layer: String,
        /// What it is given.
        shape: Shape,
        /// Why not, and what to change.
        remedy: String,
    },
    /// Stored statistics are not those of the network.
    #[error("the stored statistics of batch norms do not fit the network: {what}")]
    Statistics {
        /// What is wrong with them.
        what: String,
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
    layers: Vec<Layer>,
    tensors: Vec<TensorInfo>,
    /// First tensor of each layer, and one past the last at the end.
    first: Vec<usize>,
    output: Shape,
    statistics: Vec<LayerStatistics>,
}

/// What a forward pass keeps for the backward: the input of every layer and
/// the output of the last, `len = layers + 1`, and what layers keep besides.
#[derive(Clone, Debug)]
pub struct Trace<B: Backend> {
    activations: Vec<Tensor<B, 3>>,
    kept: Vec<Vec<Tensor<B, 3>>>,
}

/// The gradient of every layer's output, down to the lowest adapting layer.
#[derive(Clone, Debug)]
pub struct OutputGradients<B: Backend> {
    of_layer: Vec<Option<OutputGradient<B>>>,
}

impl<B: Backend> Trace<B> {
    /// The input of layer `index`, or the network's result where it is the
    /// number of layers. Panics beyond that.
    pub fn activation(&self, index: usize) -> &Tensor<B, 3> {
        &self.activations[index]
    }

    /// The network's result, `[T, B, out]`.
    pub fn output(&self) -> &Tensor<B, 3> {
        // A trace is only made by `forward_trace`, which puts the input there.
        &self.activations[self.activations.len() - 1]
    }

    fn pass(&self, layer: usize) -> Pass<'_, B> {
        Pass {
            x: &self.activations[layer],
            y: &self.activations[layer + 1],
            kept: &self.kept[layer],
        }
    }
}

impl Network {
    /// Checks the chain and marks the tensors that adapt.
    pub fn new(spec: &NetworkSpec, adapt: &Adapt) -> Result<Self, NetworkError> {
        if spec.input.features() == 0 {
            return Err(NetworkError::EmptyLayer {
                layer: "input".into(),
            });
        }
        let mut layers = Vec::with_capacity(spec.layers.len());
        let mut shape = spec.input;
        for (index, layer) in spec.layers.iter().enumerate() {
            let layer = Layer::new(layer, index, shape)?;
            shape = layer.output;
            layers.push(layer);
        }
        let tensors = adapt::tensors(&layers, adapt)?;
        let first = (0..=layers.len())
            .map(|layer| tensors.iter().take_while(|info| info.layer < layer).count())
            .collect();
        Ok(Self {
            spec: spec.clone(),
            layers,
            tensors,
            first,
            output: shape,
            statistics: Vec::new(),
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
        self.spec.input.features()
    }

    /// Features of one prediction.
    pub fn output(&self) -> usize {
        self.output.features()
    }

    /// Numbers that all layers together give for one example.
    pub fn activation_count(&self) -> usize {
        self.layers
            .iter()
            .map(|layer| layer.output.features())
            .sum()
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
        for (index, layer) in self.layers.iter().enumerate() {
            (x, _) = layer.operation.forward(self.of_layer(params, index), x);
        }
        x
    }

    /// Like [`Network::forward`], keeping what [`Network::backward`] needs.
    pub fn forward_trace<B: Backend>(&self, params: &[Tensor<B, 3>], x: Tensor<B, 3>) -> Trace<B> {
        let mut activations = Vec::with_capacity(self.layers.len() + 1);
        let mut all_kept = Vec::with_capacity(self.layers.len());
        activations.push(x);
        for (index, layer) in self.layers.iter().enumerate() {
            let x = activations[index].clone();
            let (y, kept) = layer.operation.forward(self.of_layer(params, index), x);
            activations.push(y);
            all_kept.push(kept);
        }
        Trace {
            activations,
            kept: all_kept,
        }
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
    ) -> OutputGradients<B> {
        let lowest = self
            .tensors
            .iter()
            .find(|info| info.adapts)
            .map_or(0, |info| info.layer);
        let mut of_layer: Vec<Option<OutputGradient<B>>> = vec![None; self.layers.len()];
        let mut dy = Some(dy);
        for index in (lowest..self.layers.len()).rev() {
            let (layer, pass) = (&self.layers[index].operation, trace.pass(index));
            // Every turn but the last leaves one.
            let dy_of_layer = dy.take().expect("a gradient");
            let gradient = OutputGradient {
                sums: layer.sums(pass.kept, &dy_of_layer),
                dy: dy_of_layer,
            };
            if index > lowest {
                dy = Some(layer.input_gradient(self.of_layer(params, index), &pass, &gradient));
            }
            of_layer[index] = Some(gradient);
        }
        OutputGradients { of_layer }
    }

    /// The gradient of every adapting tensor, `[T, in, out]` or `[T, 1, n]`;
    /// `None` for the tensors that do not adapt.
    pub fn gradients<B: Backend>(
        &self,
        trace: &Trace<B>,
        deltas: &OutputGradients<B>,
    ) -> Vec<Option<Tensor<B, 3>>> {
        let mut gradients = Vec::with_capacity(self.tensors.len());
        for (index, layer) in self.layers.iter().enumerate() {
            let infos = &self.tensors[self.first[index]..self.first[index + 1]];
            match &deltas.of_layer[index] {
                Some(gradient) => {
                    let adapts: Vec<bool> = infos.iter().map(|info| info.adapts).collect();
                    let layer = &layer.operation;
                    gradients.extend(layer.gradients(&trace.pass(index), gradient, &adapts));
                }
                None => gradients.extend(infos.iter().map(|_| None)),
            }
        }
        gradients
    }

    /// `∂L/∂x` for the input of the network. Panics unless a tensor of the first
    /// layer adapts.
    pub fn input_gradient<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        trace: &Trace<B>,
        deltas: &OutputGradients<B>,
    ) -> Tensor<B, 3> {
        let gradient = deltas.of_layer[0].as_ref().expect("the first layer adapts");
        let params = self.of_layer(params, 0);
        let layer = &self.layers[0].operation;
        layer.input_gradient(params, &trace.pass(0), gradient)
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

    fn of_layer<'a, B: Backend>(
        &self,
        params: &'a [Tensor<B, 3>],
        layer: usize,
    ) -> &'a [Tensor<B, 3>] {
        &params[self.first[layer]..self.first[layer + 1]]
    }
}

#[cfg(test)]
pub(crate) mod tests;
