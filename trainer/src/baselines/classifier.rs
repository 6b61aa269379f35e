//! Pretraining a plain classifier: one softmax over all classes of the training
//! split, whose head is replaced by an empty one for the classes of a task. Fine
//! tuning then changes all weights, or the head alone.

use burn::tensor::{Tensor, TensorData, backend::AutodiffBackend, backend::Backend};

use super::prototypical::over_tasks;
use crate::config::Config;
use crate::loss::{Loss, LossKind, Reduction};
use crate::meta::MetaGradient;
use crate::nn::{Adapt, AdaptGroup, Network, NetworkError, NetworkSpec};
use crate::tasks::LabelledBatch;

/// Cross-entropy, the mean over the examples.
const LOSS: Loss = Loss {
    kind: LossKind::CrossEntropy,
    reduction: Reduction::Mean,
};

/// The network of `config` with a head of `classes` classes, all of it training.
///
/// # Errors
/// [`NetworkError`] where it cannot be built.
pub fn network(config: &Config, classes: usize) -> Result<Network, NetworkError> {
    Ok(config.network_of_outputs(classes)?.all_adapting())
}

/// The network of `config` without its head.
///
/// # Errors
/// [`NetworkError`] where nothing is left to train.
pub fn body(config: &Config) -> Result<Network, NetworkError> {
    let mut layers = config.model.layers.clone();
    layers.pop();
    let input = config.tasks.shape();
    let spec = NetworkSpec { input, layers };
    Network::new(&spec, &Adapt::Group(AdaptGroup::All))
}

/// Examples of an iteration: as many as the query sets of its tasks together.
pub fn batch_size(config: &Config) -> usize {
    config.meta.tasks * config.tasks.set_size(config.meta.queries)
}

/// Examples `[1, B, in]` and one-hot classes `[1, B, classes]`.
pub fn to_device<B: Backend>(
    batch: LabelledBatch,
    classes: usize,
    device: &B::Device,
) -> (Tensor<B, 3>, Tensor<B, 3>) {
    let count = batch.classes.len();
    let mut y = vec![0.0f32; count * classes];
    for (row, &class) in y.chunks_exact_mut(classes).zip(&batch.classes) {
        row[class] = 1.0;
    }
    let y = Tensor::from_data(TensorData::new(y, [1, count, classes]), device);
    (inputs(batch, device), y)
}

/// Examples `[1, B, in]`.
pub fn inputs<B: Backend>(batch: LabelledBatch, device: &B::Device) -> Tensor<B, 3> {
    let shape = [1, batch.classes.len(), batch.input];
    let rows: Tensor<B, 2> = batch.x.to_device(batch.input, device);
    rows.reshape(shape)
}

/// The gradient of the cross-entropy of a batch, for a network all of whose
/// tensors train.
pub fn gradient<B: AutodiffBackend>(
    network: &Network,
    params: &[Tensor<B::InnerBackend, 3>],
    (x, y): (Tensor<B::InnerBackend, 3>, Tensor<B::InnerBackend, 3>),
) -> MetaGradient<B> {
    let trace = network.forward_trace(params, x);
    let dy = LOSS.gradient(trace.output().clone(), y.clone());
    let gradients = network.backward(params, &trace, dy);
    MetaGradient {
        loss: LOSS.value(trace.output().clone(), y),
        params: over_tasks(params, gradients, 1),
        rates: Vec::new(),
    }
}
