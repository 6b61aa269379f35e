//! Losses and accuracies over the inner steps.

use std::ops::Range;

use burn::tensor::{Tensor, backend::Backend};
use rayon::prelude::*;

use super::{Setting, sees_the_batch};
use crate::algorithms::Predictor;
use crate::device::{CACHED, is_host};
use crate::loss::{Loss, Reduction};
use crate::meta::{InnerLoop, RateTable, to_device, to_host};
use crate::nn::Network;
use crate::tasks::TaskBatch;

/// Every task after some numbers of inner steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    /// The numbers of steps, a row of each of the others for each.
    pub steps: Vec<usize>,
    /// Loss on the support set, `[row][task]`.
    pub support: Vec<Vec<f32>>,
    /// Loss on the query set, `[row][task]`.
    pub query: Vec<Vec<f32>>,
    /// The share of the query set that is classified rightly, `[row][task]`,
    /// where tasks have classes.
    pub accuracy: Option<Vec<Vec<f32>>>,
}

impl Curves {
    /// Without tasks yet.
    pub(super) fn new(steps: Vec<usize>, classes: bool) -> Self {
        let rows = vec![Vec::new(); steps.len()];
        Self {
            steps,
            support: rows.clone(),
            query: rows.clone(),
            accuracy: classes.then_some(rows),
        }
    }

    /// All losses times `factor`.
    pub(super) fn scale(&mut self, factor: f32) {
        let losses = self.support.iter_mut().chain(&mut self.query);
        losses.flatten().for_each(|loss| *loss *= factor);
    }

    /// More tasks of the same steps.
    pub(super) fn extend(&mut self, more: Self) {
        let append = |rows: &mut [Vec<f32>], more: Vec<Vec<f32>>| {
            for (row, more) in rows.iter_mut().zip(more) {
                row.extend(more);
            }
        };
        append(&mut self.support, more.support);
        append(&mut self.query, more.query);
        if let (Some(rows), Some(more)) = (&mut self.accuracy, more.accuracy) {
            append(rows, more);
        }
    }
}

/// One way of judging the same adaptation.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// Only the first so many queries of a task, all classes together.
    pub queries: usize,
    /// How they are predicted.
    pub setting: Setting,
    /// After which numbers of steps, in order.
    pub steps: Vec<usize>,
}

/// Tasks adapted at once: enough to fill matrix products, few enough for their
/// weights to stay in the cache.
const CHUNK: usize = 50;

/// Numbers that may be alive at once: what the cache of a core holds, which works on
/// them alone, or 2 GiB on other devices than the host, which small batches leave idle.
pub(super) fn alive<B: Backend>() -> usize {
    if is_host::<B>() { CACHED } else { 1 << 29 }
}

/// What `compute` makes of parts of `tasks` tasks with so many numbers each, in their
/// order. On the host every core works on a part of its own.
pub(super) fn in_parts<B: Backend, R: Send>(
    tasks: usize,
    of_task: usize,
    compute: impl Fn(Range<usize>) -> R + Sync,
) -> Vec<R> {
    let at_once = (alive::<B>() / of_task).clamp(1, CHUNK);
    let starts: Vec<usize> = (0..tasks).step_by(at_once).collect();
    let part = |start| compute(start..(start + at_once).min(tasks));
    if is_host::<B>() {
        starts.into_par_iter().map(part).collect()
    } else {
        starts.into_iter().map(part).collect()
    }
}

/// Adapts `params` (one row-major vector per tensor) to every task of `batch`
/// and measures the mean losses and accuracy after each of `steps` steps, the
/// queries of a task in one batch and `predictor` making predictions of the results of
/// the network. Without autodiff there is no graph, so memory
/// does not grow with the number of steps.
pub fn curves<B: Backend>(
    (inner, predictor): (&InnerLoop<'_>, Predictor),
    params: &[Vec<f32>],
    rates: &RateTable,
    batch: &TaskBatch,
    steps: usize,
    device: &B::Device,
) -> Curves {
    let view = View {
        queries: batch.query_examples(),
        setting: Setting::Transductive,
        steps: (0..=steps).collect(),
    };
    views::<B>((inner, predictor), params, rates, batch, &[view], device).swap_remove(0)
}

/// [`curves`] for several views of the same adaptation, which goes as far as
/// the one with the most steps.
pub(super) fn views<B: Backend>(
    (inner, predictor): (&InnerLoop<'_>, Predictor),
    params: &[Vec<f32>],
    rates: &RateTable,
    batch: &TaskBatch,
    views: &[View],
    device: &B::Device,
) -> Vec<Curves> {
    let network = inner.network;
    let params = to_device::<B>(network, params, device);
    let rates = rates.on(device);
    // What does not adapt is computed once. But a query that is predicted apart needs all of
    // a network that has norms of the batch below and above: its batch holds the support set.
    let queries = views.iter().map(|view| view.queries).max().unwrap_or(0);
    let together = views
        .iter()
        .all(|view| view.setting == Setting::Transductive);
    let halves = network
        .halves()
        .filter(|(body, above)| together || !(sees_the_batch(body) && sees_the_batch(above)));
    let (body, network) = match &halves {
        Some((body, head)) => (Some(body), head),
        None => (None, network),
    };
    let lower = body.map_or(0, |body| body.tensors().len());
    let (lower, params) = params.split_at(lower);
    let inner = InnerLoop { network, ..*inner };
    let measure = Loss {
        reduction: Reduction::Mean,
        ..inner.loss
    };
    let steps = views.iter().flat_map(|view| &view.steps).copied().max();
    let steps = steps.unwrap_or(0);
    let new = || {
        views
            .iter()
            .map(|view| Curves::new(view.steps.clone(), batch.classes.is_some()))
    };
    let examples = batch.support_examples().max(queries);
    let whole = body.map_or(0, Network::activation_count) + network.activation_count();
    let of_task = 4 * network.parameter_count() + examples * whole;
    let parts = in_parts::<B, _>(batch.tasks, of_task, |tasks| {
        let mut all: Vec<Curves> = new().collect();
        let mut part = batch.tasks(tasks).to_device::<B>(device);
        part.query_x = part.query_x.narrow(1, 0, queries);
        part.query_y = part.query_y.narrow(1, 0, queries);
        let before = part.support_x.clone();
        if let Some(body) = body {
            part.support_x = body.forward(lower, before.clone());
            if !sees_the_batch(body) {
                part.query_x = body.forward(lower, part.query_x);
            }
        }
        // The queries of every view, as the layers that adapt are given them.
        let of_views: Vec<_> = views
            .iter()
            .map(|view| {
                let [x, y] = [&part.query_x, &part.query_y]
                    .map(|queries| queries.clone().narrow(1, 0, view.queries));
                let x = match body.filter(|body| sees_the_batch(body)) {
                    Some(body) => {
                        let support = (&before, &part.support_y);
                        Predictor::Outputs.queries(view.setting, body, lower, support, x)
                    }
                    None => x,
                };
                (x, y)
            })
            .collect();
        let losses = |prediction: Tensor<B, 3>, y: &Tensor<B, 3>| {
            to_host(measure.value(prediction, y.clone()))
        };
        let support = (&part.support_x, &part.support_y);
        inner.adapt(params.to_vec(), &rates, &part, steps, |step, theta| {
            let network = &network.at_step(step);
            let mut of_support: Option<Vec<f32>> = None;
            for ((view, (x, y)), curves) in views.iter().zip(&of_views).zip(&mut all) {
                let Ok(row) = view.steps.binary_search(&step) else {
                    continue;
                };
                let of_support = of_support.get_or_insert_with(|| {
                    losses(predictor.support(network, theta, support), &part.support_y)
                });
                curves.support[row].extend_from_slice(of_support);
                let x = x.clone();
                let prediction = predictor.queries(view.setting, network, theta, support, x);
                if let Some(rows) = &mut curves.accuracy {
                    let right = accuracy(prediction.clone(), y.clone());
                    rows[row].extend(to_host(right));
                }
                curves.query[row].extend(losses(prediction, y));
            }
        });
        all
    });
    let mut all: Vec<Curves> = new().collect();
    for part in parts {
        for (curves, more) in all.iter_mut().zip(part) {
            curves.extend(more);
        }
    }
    all
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
