//! Losses over the inner steps.

use burn::tensor::{Tensor, backend::Backend};

use crate::loss::{Loss, Reduction};
use crate::meta::{InnerLoop, Order, RateTable, to_device, to_host};
use crate::nn::Network;
use crate::tasks::TaskBatch;

/// Losses of every task after 0, 1, ... inner steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    /// On the support set, `[step][task]`.
    pub support: Vec<Vec<f32>>,
    /// On the query set, `[step][task]`.
    pub query: Vec<Vec<f32>>,
}

/// Tasks adapted at once: enough to fill matrix products, few enough for their
/// weights to stay in the cache.
const CHUNK: usize = 50;

/// Adapts `params` (one row-major vector per tensor) to every task of `batch`
/// and measures the mean loss after each of `steps` steps. Without autodiff
/// there is no graph, so memory does not grow with the number of steps.
pub fn curves<B: Backend>(
    network: &Network,
    loss: Loss,
    params: &[Vec<f32>],
    rates: &RateTable,
    batch: &TaskBatch,
    steps: usize,
    device: &B::Device,
) -> Curves {
    let params = to_device::<B>(network, params, device);
    let rates = rates.fixed();
    let inner = InnerLoop {
        network,
        loss,
        order: Order::First,
    };
    let measure = Loss {
        reduction: Reduction::Mean,
        ..loss
    };
    let mut curves = Curves {
        support: vec![Vec::new(); steps + 1],
        query: vec![Vec::new(); steps + 1],
    };
    let mut start = 0;
    while start < batch.tasks {
        let end = (start + CHUNK).min(batch.tasks);
        let part = batch.tasks(start..end).to_device::<B>(device);
        let losses = |step, theta: &[Tensor<B, 3>], x: &Tensor<B, 3>, y: &Tensor<B, 3>| {
            let prediction = network.at_step(step).forward(theta, x.clone());
            to_host(measure.value(prediction, y.clone()))
        };
        let support = (&part.support_x, &part.support_y);
        inner.adapt(params.clone(), &rates, support, steps, |step, theta| {
            curves.support[step].extend(losses(step, theta, &part.support_x, &part.support_y));
            curves.query[step].extend(losses(step, theta, &part.query_x, &part.query_y));
        });
        start = end;
    }
    curves
}
