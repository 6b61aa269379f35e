//! Losses and accuracies over the inner steps.

use std::ops::Range;

use burn::tensor::{Tensor, backend::Backend};
use mamlet_runtime::kept_steps;
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

    /// What a device has after each number of steps, where all numbers from 0 on are there:
    /// of every task the queries after as many steps as the engine keeps, which takes
    /// steps back that leave the support loss above that before them. Support losses stay
    /// as the steps leave them.
    pub(crate) fn as_kept(&mut self) {
        let tasks = self.support.first().map_or(0, Vec::len);
        for task in 0..tasks {
            let losses: Vec<f32> = self.support.iter().map(|row| row[task]).collect();
            let kept: Vec<usize> = (0..losses.len())
                .map(|step| kept_steps(&losses[..=step], step))
                .collect();
            for rows in std::iter::once(&mut self.query).chain(&mut self.accuracy) {
                let own: Vec<f32> = rows.iter().map(|row| row[task]).collect();
                for (row, &kept) in rows.iter_mut().zip(&kept) {
                    row[task] = own[kept];
                }
            }
        }
    }

    /// Only the rows of the numbers of steps that `wanted` says.
    pub(crate) fn keep(&mut self, wanted: impl Fn(usize) -> bool) {
        let kept: Vec<bool> = self.steps.iter().map(|&step| wanted(step)).collect();
        let rows = [&mut self.support, &mut self.query].into_iter();
        for rows in rows.chain(&mut self.accuracy) {
            let mut kept = kept.iter();
            rows.retain(|_| kept.next() == Some(&true));
        }
        self.steps.retain(|&step| wanted(step));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The first task's second step goes too far, and the first was better than none; the
    /// second task gets worse at once; the third may rise between.
    #[test]
    fn a_device_takes_back_what_leaves_the_support_loss_higher() {
        let mut curves = Curves {
            steps: vec![0, 1, 2],
            support: vec![
                vec![3.0, 1.0, 2.0],
                vec![2.0, 4.0, 1.0],
                vec![5.0, 9.0, 1.5],
            ],
            query: vec![
                vec![10.0, 20.0, 30.0],
                vec![11.0, 21.0, 31.0],
                vec![12.0, 22.0, 32.0],
            ],
            accuracy: Some(vec![
                vec![0.0, 0.1, 0.2],
                vec![0.3, 0.4, 0.5],
                vec![0.6, 0.7, 0.8],
            ]),
        };
        let support = curves.support.clone();
        curves.as_kept();
        assert_eq!(curves.query[0], [10.0, 20.0, 30.0]);
        assert_eq!(curves.query[1], [11.0, 20.0, 31.0]);
        assert_eq!(curves.query[2], [11.0, 20.0, 32.0]);
        assert_eq!(curves.accuracy.as_ref().unwrap()[2], [0.3, 0.1, 0.8]);
        assert_eq!(curves.support, support);
        curves.keep(|step| step != 1);
        assert_eq!(curves.steps, [0, 2]);
        assert_eq!(curves.query, [[10.0, 20.0, 30.0], [11.0, 20.0, 32.0]]);
    }
}
