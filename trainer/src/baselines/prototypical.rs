//! Prototypical networks (Snell, Swersky & Zemel 2017): a class is the mean of
//! its examples' embeddings, and a query belongs to the nearest.
//!
//! With the embedding `f`, `S_k` the support examples of class `k` and `x` a
//! query,
//!
//! ```text
//! c_k      = 1/|S_k| Σ_{i ∈ S_k} f(x_i)
//! logit_k  = −‖f(x) − c_k‖²
//! ```
//!
//! The cross-entropy of the logits trains `f`; nothing adapts. Support and query
//! set are embedded in one batch.

use burn::tensor::{Tensor, backend::AutodiffBackend, backend::Backend};

use crate::loss::Loss;
use crate::meta::{Maml, MetaGradient, in_parts};
use crate::nn::Network;
use crate::tasks::DeviceBatch;

/// `−‖z − c_k‖²` for every query and class, `[T, Q, N]`, from embedded support
/// examples `[T, S, d]` with one-hot classes `[T, S, N]`, and embedded queries
/// `[T, Q, d]`.
pub fn logits<B: Backend>(
    support: Tensor<B, 3>,
    classes: Tensor<B, 3>,
    queries: Tensor<B, 3>,
) -> Tensor<B, 3> {
    let prototypes = prototypes(support, classes);
    let squares = |x: &Tensor<B, 3>| (x.clone() * x.clone()).sum_dim(2);
    let of_queries = squares(&queries);
    let of_prototypes = squares(&prototypes).swap_dims(1, 2);
    let products = queries.matmul(prototypes.swap_dims(1, 2));
    // −‖z‖² + 2⟨z, c⟩ − ‖c‖².
    products.mul_scalar(2.0) - of_queries - of_prototypes
}

/// The mean embedding of every class, `[T, N, d]`.
fn prototypes<B: Backend>(support: Tensor<B, 3>, classes: Tensor<B, 3>) -> Tensor<B, 3> {
    let counts = classes.clone().sum_dim(1).swap_dims(1, 2);
    classes.swap_dims(1, 2).matmul(support) / counts
}

/// [`gradient`] from parts of the batch that fit a core's cache.
pub fn gradient_in_parts<B: AutodiffBackend>(
    maml: &Maml,
    loss: Loss,
    params: &[Tensor<B::InnerBackend, 3>],
    batch: &DeviceBatch<B::InnerBackend>,
) -> MetaGradient<B> {
    in_parts(batch, maml.tasks_at_once::<B>(batch), |part| {
        gradient::<B>(maml.network(), loss, params, part)
    })
}

/// The gradient of the mean query loss over the tasks of `batch` for an
/// embedding all of whose tensors adapt: one pass back through the logits, then
/// the network's own.
pub fn gradient<B: AutodiffBackend>(
    network: &Network,
    loss: Loss,
    params: &[Tensor<B::InnerBackend, 3>],
    batch: &DeviceBatch<B::InnerBackend>,
) -> MetaGradient<B> {
    let [tasks, examples, _] = batch.support_x.dims();
    let queries = batch.query_x.dims()[1];
    let x = Tensor::cat(vec![batch.support_x.clone(), batch.query_x.clone()], 1);
    let trace = network.forward_trace(params, x);
    let embedded = Tensor::<B, 3>::from_inner(trace.output().clone()).require_grad();
    let classes = |y: &Tensor<B::InnerBackend, 3>| Tensor::<B, 3>::from_inner(y.clone());
    let logits = logits(
        embedded.clone().narrow(1, 0, examples),
        classes(&batch.support_y),
        embedded.clone().narrow(1, examples, queries),
    );
    let loss = loss.value(logits, classes(&batch.query_y)).mean();
    let gradients = loss.backward();
    let dz = embedded
        .grad(&gradients)
        // Queries have a part in every loss.
        .unwrap_or_else(|| trace.output().zeros_like());
    let of_tasks = network.backward(params, &trace, dz);
    MetaGradient {
        loss: loss.inner(),
        params: over_tasks(params, of_tasks, tasks),
        rates: Vec::new(),
    }
}

/// Gradients of all tasks, `[T, ...]`, as one, `[1, ...]`; 0 where there is none.
pub(super) fn over_tasks<B: Backend>(
    params: &[Tensor<B, 3>],
    of_tasks: Vec<Option<Tensor<B, 3>>>,
    tasks: usize,
) -> Vec<Tensor<B, 3>> {
    let pairs = params.iter().zip(of_tasks);
    let sum = |(param, gradient): (&Tensor<B, 3>, Option<Tensor<B, 3>>)| match gradient {
        None => param.zeros_like(),
        Some(gradient) if tasks == 1 => gradient,
        Some(gradient) => gradient.sum_dim(0),
    };
    pairs.map(sum).collect()
}
