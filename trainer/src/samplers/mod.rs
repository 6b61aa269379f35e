//! Samplers: where the examples of every inner step come from.
//!
//! A [`Sampler`] stands for one batch of tasks and is asked for a set of examples *with
//! the parameters as they stand*. Supervised tasks draw their sets beforehand and give
//! the same support set for every inner step ([`DeviceBatch`]). Tasks in which a policy
//! acts collect theirs by acting with the parameters they are given ([`Acting`]); what was
//! seen is then followed once more, or several times, as it is ([`Replayed`]).
//!
//! A sampler is a function of its address (seed, iteration, inner step) and of the
//! parameters: asked twice for the same, it gives the same.

mod acting;
mod meta_batch;
mod supervised;

use std::ops::Range;

use burn::tensor::{Tensor, backend::Backend};

use crate::tasks::DeviceBatch;

pub use acting::{Acting, Outcome, Replayed};
pub use meta_batch::{Labelled, MetaBatch};

/// Examples of every task of a batch.
#[derive(Clone, Debug)]
pub struct Set<B: Backend> {
    /// What the network is given, `[T, examples, input]`.
    pub x: Tensor<B, 3>,
    /// What the loss compares with, `[T, examples, target]`.
    pub y: Tensor<B, 3>,
}

impl<B: Backend> Set<B> {
    /// The set in `count` batches of equal size, which must divide the number of its
    /// examples.
    pub fn batches(&self, count: usize) -> Vec<Self> {
        let [x, y] = [&self.x, &self.y].map(|tensor| tensor.clone().chunk(count, 1));
        x.into_iter().zip(y).map(|(x, y)| Self { x, y }).collect()
    }

    /// The examples of this set, then those of `other`.
    pub fn followed_by(self, other: Self) -> Self {
        Self {
            x: Tensor::cat(vec![self.x, other.x], 1),
            y: Tensor::cat(vec![self.y, other.y], 1),
        }
    }
}

/// A batch of `T` tasks that gives sets of examples.
///
/// `theta` holds a tensor for each of the network's, `[T, ...]`, or `[1, ...]` where all
/// tasks share it.
pub trait Sampler<B: Backend>: Sync {
    /// Number of tasks, `T`.
    fn tasks(&self) -> usize;

    /// Examples of a task's largest set, by which memory is planned.
    fn examples(&self) -> usize;

    /// What inner step `step` (from 0) learns from, at the parameters before it.
    fn support(&self, step: usize, theta: &[Tensor<B, 3>]) -> Set<B>;

    /// What the parameters after `step` inner steps are evaluated on.
    fn query(&self, step: usize, theta: &[Tensor<B, 3>]) -> Set<B>;

    /// The tasks `range` of this batch.
    fn part(&self, range: Range<usize>) -> Box<dyn Sampler<B> + '_>;

    /// The sets, where they depend neither on the step nor on the parameters: what does
    /// not adapt is then computed once.
    fn fixed(&self) -> Option<&DeviceBatch<B>>;
}
