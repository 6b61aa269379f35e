//! Losses and accuracies over the inner steps.

use std::ops::Range;

use burn::tensor::{Tensor, backend::Backend};
use rayon::prelude::*;

use super::views::{View, views};
use super::{Predictor, Setting};
use crate::device::{CACHED, is_host};
use crate::meta::{InnerLoop, RateTable};
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
    pub(crate) fn new(steps: Vec<usize>, classes: bool) -> Self {
        let rows = vec![Vec::new(); steps.len()];
        Self {
            steps,
            support: rows.clone(),
            query: rows.clone(),
            accuracy: classes.then_some(rows),
        }
    }

    /// All losses times `factor`.
    pub(crate) fn scale(&mut self, factor: f32) {
        let losses = self.support.iter_mut().chain(&mut self.query);
        losses.flatten().for_each(|loss| *loss *= factor);
    }

    /// More tasks of the same steps.
    pub(crate) fn extend(&mut self, more: Self) {
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

/// Tasks adapted at once: enough to fill matrix products, few enough for their
/// weights to stay in the cache.
const CHUNK: usize = 50;

/// Numbers that may be alive at once: what the cache of a core holds, which works on
/// them alone, or 2 GiB on other devices than the host, which small batches leave idle.
pub(super) fn numbers_at_once<B: Backend>() -> usize {
    if is_host::<B>() { CACHED } else { 1 << 29 }
}

/// What `compute` makes of parts of `tasks` tasks with so many numbers each, in their
/// order. On the host every core works on a part of its own.
pub(crate) fn in_parts<B: Backend, R: Send>(
    tasks: usize,
    of_task: usize,
    compute: impl Fn(Range<usize>) -> R + Sync,
) -> Vec<R> {
    let at_once = (numbers_at_once::<B>() / of_task).clamp(1, CHUNK);
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
/// queries of a task in a setting and `predictor` making predictions of the results of
/// the network. Without autodiff there is no graph, so memory
/// does not grow with the number of steps.
pub fn curves<B: Backend>(
    (inner, predictor): (&InnerLoop<'_>, Predictor),
    params: &[Vec<f32>],
    rates: &RateTable,
    batch: &TaskBatch,
    (setting, steps): (Setting, usize),
    device: &B::Device,
) -> Curves {
    let view = View {
        queries: batch.query_examples(),
        setting,
        steps: (0..=steps).collect(),
    };
    views::<B>((inner, predictor), params, rates, batch, &[view], device).swap_remove(0)
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
