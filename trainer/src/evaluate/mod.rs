//! How well a model adapts: the loss on query examples after each inner step,
//! for every method on the same tasks.

mod statistics;

use burn::tensor::backend::Backend;

use crate::loss::{Loss, Reduction};
use crate::meta::{InnerLoop, Order, RateTable, to_device, to_host};
use crate::nn::Network;
use crate::tasks::TaskBatch;

pub use statistics::Interval;

/// Losses of every task after 0, 1, ... inner steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    /// On the support set, `[step][task]`.
    pub support: Vec<Vec<f32>>,
    /// On the query set, `[step][task]`.
    pub query: Vec<Vec<f32>>,
}

/// Tasks adapted at once; more only costs memory.
const CHUNK: usize = 100;

/// Adapts `params` (one row-major vector per tensor) to every task of `batch`
/// and measures the mean loss after each of `steps` steps.
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
        let support = (&part.support_x, &part.support_y);
        inner.adapt(params.clone(), &rates, support, steps, |step, theta| {
            let mut record = |curve: &mut Vec<Vec<f32>>,
                              x: &burn::tensor::Tensor<B, 3>,
                              y: &burn::tensor::Tensor<B, 3>| {
                let prediction = network.forward(theta, x.clone());
                curve[step].extend(to_host(measure.value(prediction, y.clone())));
            };
            record(&mut curves.support, &part.support_x, &part.support_y);
            record(&mut curves.query, &part.query_x, &part.query_y);
        });
        start = end;
    }
    curves
}
