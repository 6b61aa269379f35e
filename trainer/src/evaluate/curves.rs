//! Losses and accuracies over the inner steps.

use burn::tensor::{Tensor, backend::Backend};

use crate::loss::{Loss, Reduction};
use crate::meta::{InnerLoop, RateTable, to_device, to_host};
use crate::tasks::TaskBatch;

/// Every task after 0, 1, ... inner steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    /// Loss on the support set, `[step][task]`.
    pub support: Vec<Vec<f32>>,
    /// Loss on the query set, `[step][task]`.
    pub query: Vec<Vec<f32>>,
    /// The share of the query set that is classified rightly, `[step][task]`,
    /// where tasks have classes.
    pub accuracy: Option<Vec<Vec<f32>>>,
}

/// Tasks adapted at once: enough to fill matrix products, few enough for their
/// weights to stay in the cache.
const CHUNK: usize = 50;

/// Adapts `params` (one row-major vector per tensor) to every task of `batch`
/// and measures the mean losses and accuracy after each of `steps` steps. Without autodiff
/// there is no graph, so memory does not grow with the number of steps.
pub fn curves<B: Backend>(
    inner: &InnerLoop<'_>,
    params: &[Vec<f32>],
    rates: &RateTable,
    batch: &TaskBatch,
    steps: usize,
    device: &B::Device,
) -> Curves {
    let network = inner.network;
    let params = to_device::<B>(network, params, device);
    let rates = rates.fixed();
    let measure = Loss {
        reduction: Reduction::Mean,
        ..inner.loss
    };
    let rows = vec![Vec::new(); steps + 1];
    let mut curves = Curves {
        support: rows.clone(),
        query: rows.clone(),
        accuracy: batch.classes.map(|_| rows),
    };
    let mut start = 0;
    while start < batch.tasks {
        let end = (start + CHUNK).min(batch.tasks);
        let part = batch.tasks(start..end).to_device::<B>(device);
        let losses = |prediction: Tensor<B, 3>, y: &Tensor<B, 3>| {
            to_host(measure.value(prediction, y.clone()))
        };
        let support = (&part.support_x, &part.support_y);
        inner.adapt(params.clone(), &rates, support, steps, |step, theta| {
            let prediction = network.at_step(step).forward(theta, part.support_x.clone());
            curves.support[step].extend(losses(prediction, &part.support_y));
            let prediction = network.at_step(step).forward(theta, part.query_x.clone());
            if let Some(rows) = &mut curves.accuracy {
                let right = accuracy(prediction.clone(), part.query_y.clone());
                rows[step].extend(to_host(right));
            }
            curves.query[step].extend(losses(prediction, &part.query_y));
        });
        start = end;
    }
    curves
}

/// The share of each task's examples whose largest output is that of its class,
/// `[T]`, for predictions and one-hot targets `[T, B, classes]`.
pub fn accuracy<B: Backend>(prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
    let [tasks, examples, _] = prediction.dims();
    let right = prediction.argmax(2).equal(target.argmax(2)).float();
    right
        .reshape([tasks, examples])
        .mean_dim(1)
        .reshape([tasks])
}
