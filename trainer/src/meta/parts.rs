//! The meta-gradient of a large batch, a few tasks at a time.
//!
//! Tasks do not see each other before their gradients are summed, so a part of
//! the batch has a meta-gradient of its own and the batch's is their mean,
//! weighted by the number of tasks. On a CPU this is where the cores are used:
//! a part's tensors stay in the cache of the core that works on it. The parts do
//! not depend on the number of cores and are summed in their order, so neither
//! does the result.

use burn::tensor::{Tensor, backend::AutodiffBackend};
use rayon::prelude::*;

use super::{Maml, MetaGradient, Rate};
use crate::device::{CACHED, is_host};
use crate::tasks::DeviceBatch;

impl Maml {
    /// How many tasks of `batch` to work on at once: as many as fit a core's
    /// cache on the host, and all of them on any other device.
    pub fn tasks_at_once<B: AutodiffBackend>(&self, batch: &DeviceBatch<B::InnerBackend>) -> usize {
        let [tasks, support, _] = batch.support_x.dims();
        let examples = support.max(batch.query_x.dims()[1]);
        if is_host::<B>() {
            let network = self.network();
            let numbers = examples * network.activation_count() + network.parameter_count();
            (CACHED / numbers).max(1)
        } else {
            tasks
        }
    }

    /// [`Maml::gradient`] from parts of at most `at_once` tasks.
    pub fn gradient_in_parts<B: AutodiffBackend>(
        &self,
        params: &[Tensor<B::InnerBackend, 3>],
        rates: &[Vec<Rate<B::InnerBackend>>],
        weights: &[f32],
        batch: &DeviceBatch<B::InnerBackend>,
        at_once: usize,
    ) -> MetaGradient<B> {
        in_parts(batch, at_once, |part| {
            self.gradient::<B>(params, rates, weights, part)
        })
    }
}

/// The mean of a meta-gradient over parts of at most `at_once` tasks.
pub(crate) fn in_parts<B: AutodiffBackend>(
    batch: &DeviceBatch<B::InnerBackend>,
    at_once: usize,
    gradient: impl Fn(&DeviceBatch<B::InnerBackend>) -> MetaGradient<B> + Sync,
) -> MetaGradient<B> {
    let tasks = batch.support_x.dims()[0];
    if tasks <= at_once {
        return gradient(batch);
    }
    let starts: Vec<usize> = (0..tasks).step_by(at_once.max(1)).collect();
    let parts: Vec<MetaGradient<B>> = starts
        .into_par_iter()
        .map(|start| {
            let range = start..(start + at_once).min(tasks);
            let share = range.len() as f32 / tasks as f32;
            gradient(&batch.tasks(range)).scaled(share)
        })
        .collect();
    parts
        .into_iter()
        .reduce(MetaGradient::add)
        // A batch has at least one task.
        .expect("a part")
}

impl<B: AutodiffBackend> MetaGradient<B> {
    fn scaled(self, factor: f32) -> Self {
        Self {
            loss: self.loss.mul_scalar(factor),
            params: each(self.params, |x| x.mul_scalar(factor)),
            rates: each(self.rates, |x| x.mul_scalar(factor)),
        }
    }

    fn add(self, other: Self) -> Self {
        Self {
            loss: self.loss + other.loss,
            params: pairs(self.params, other.params, |a, b| a + b),
            rates: pairs(self.rates, other.rates, |a, b| a + b),
        }
    }
}

fn each<T>(items: Vec<T>, map: impl Fn(T) -> T) -> Vec<T> {
    items.into_iter().map(map).collect()
}

fn pairs<T>(a: Vec<T>, b: Vec<T>, map: impl Fn(T, T) -> T) -> Vec<T> {
    a.into_iter().zip(b).map(|(a, b)| map(a, b)).collect()
}
