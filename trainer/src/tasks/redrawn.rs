//! The tasks of a distribution, changed after they were drawn.

use std::sync::Arc;

use mamlet_formats::FrontEnd;
use rand_chacha::ChaCha8Rng;

use super::{LabelledBatch, Split, TaskBatch, TaskDistribution, TasksError};
use crate::data::Normalisation;
use crate::nn::Shape;

/// All that a distribution is, but every batch passes through `change`. Targets
/// are what comes out of it, so there is no scale to undo.
pub(crate) struct Redrawn<F> {
    tasks: Arc<dyn TaskDistribution>,
    change: F,
}

impl<F: Fn(TaskBatch) -> TaskBatch> Redrawn<F> {
    /// The tasks of `tasks` after `change`.
    pub(crate) fn new(tasks: Arc<dyn TaskDistribution>, change: F) -> Self {
        Self { tasks, change }
    }
}

impl<F: Fn(TaskBatch) -> TaskBatch + Send + Sync> TaskDistribution for Redrawn<F> {
    fn shape(&self) -> Shape {
        self.tasks.shape()
    }

    fn output(&self) -> usize {
        self.tasks.output()
    }

    fn classes(&self) -> Option<usize> {
        self.tasks.classes()
    }

    fn draw(
        &self,
        split: Split,
        rng: &mut ChaCha8Rng,
        tasks: usize,
        shots: usize,
        queries: usize,
    ) -> TaskBatch {
        (self.change)(self.tasks.draw(split, rng, tasks, shots, queries))
    }

    fn check(&self, split: Split, shots: usize, queries: usize) -> Result<(), TasksError> {
        self.tasks.check(split, shots, queries)
    }

    fn normalisation(&self) -> Option<Arc<Normalisation>> {
        self.tasks.normalisation()
    }

    fn front_end(&self) -> Option<(FrontEnd, Vec<String>)> {
        self.tasks.front_end()
    }

    fn devices(&self, split: Split, rng: &mut ChaCha8Rng, tasks: usize) -> Option<Vec<usize>> {
        self.tasks.devices(split, rng, tasks)
    }

    fn class_count(&self, split: Split) -> Option<usize> {
        self.tasks.class_count(split)
    }

    fn draw_labelled(&self, rng: &mut ChaCha8Rng, count: usize) -> Option<LabelledBatch> {
        self.tasks.draw_labelled(rng, count)
    }
}
