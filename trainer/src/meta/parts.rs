//! The meta-gradient of a large batch, a few tasks at a time.
//!
//! Tasks do not see each other before their gradients are summed, so a part of
//! the batch has a meta-gradient of its own and the batch's is their mean,
//! weighted by the number of tasks. On a CPU this is where the cores are used:
//! a part's tensors stay in the cache of the core that works on it. The parts do
//! not depend on the number of cores and are summed in their order, so neither
//! does the result.

use burn::tensor::backend::Backend;
use rayon::prelude::*;

use super::MetaGradient;
use crate::device::{CACHED, is_host};
use crate::nn::Network;
use crate::samplers::Sampler;

/// How many tasks of `sampler` to work on at once: as many as fit a core's
/// cache on the host, and all of them on any other device.
pub fn tasks_at_once<B: Backend>(network: &Network, sampler: &dyn Sampler<B>) -> usize {
    if is_host::<B>() {
        let numbers = sampler.examples() * network.activation_count() + network.parameter_count();
        (CACHED / numbers).max(1)
    } else {
        sampler.tasks()
    }
}

/// The mean of a meta-gradient over parts of at most `at_once` tasks.
pub fn in_parts<B: Backend>(
    sampler: &dyn Sampler<B>,
    at_once: usize,
    gradient: impl Fn(&dyn Sampler<B>) -> MetaGradient<B> + Sync,
) -> MetaGradient<B> {
    let tasks = sampler.tasks();
    if tasks <= at_once {
        return gradient(sampler);
    }
    let starts: Vec<usize> = (0..tasks).step_by(at_once.max(1)).collect();
    let parts: Vec<MetaGradient<B>> = starts
        .into_par_iter()
        .map(|start| {
            let range = start..(start + at_once).min(tasks);
            let share = range.len() as f32 / tasks as f32;
            gradient(&*sampler.part(range)).scaled(share)
        })
        .collect();
    parts
        .into_iter()
        .reduce(MetaGradient::add)
        // A batch has at least one task.
        .expect("a part")
}

impl<B: Backend> MetaGradient<B> {
    /// It times a number.
    pub(crate) fn scaled(self, factor: f32) -> Self {
        Self {
            loss: self.loss.mul_scalar(factor),
            params: each(self.params, |x| x.mul_scalar(factor)),
            rates: each(self.rates, |x| x.mul_scalar(factor)),
        }
    }

    /// The sum of both.
    pub(crate) fn add(self, other: Self) -> Self {
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
