//! The tasks of a distribution, changed after they were drawn.

use std::sync::Arc;

use mamlet_formats::FrontEnd;
use rand_chacha::ChaCha8Rng;

use super::{LabelledBatch, Split, TargetScale, TaskBatch, TaskDistribution, TasksError};
use crate::data::Normalisation;
use crate::nn::Shape;

/// All that a distribution is, but every batch passes through `change`, and is in
/// whatever scales that leaves.
pub(crate) struct Redrawn<F> {
    tasks: Arc<dyn TaskDistribution>,
    change: F,
    outputs: usize,
    normalisation: Option<Arc<Normalisation>>,
    scale: Option<TargetScale>,
}

impl<F: Fn(TaskBatch) -> TaskBatch> Redrawn<F> {
    /// The tasks of `tasks` after `change`, which leaves inputs in their scale and
    /// targets in none.
    pub(crate) fn new(tasks: Arc<dyn TaskDistribution>, change: F) -> Self {
        Self {
            outputs: tasks.output(),
            normalisation: tasks.normalisation(),
            scale: None,
            tasks,
            change,
        }
    }

    /// Where `change` leaves targets of so many values.
    pub(super) fn with_outputs(self, outputs: usize) -> Self {
        Self { outputs, ..self }
    }

    /// Where `change` leaves inputs and targets in the scales of `own`.
    pub(super) fn in_scales_of(self, own: &dyn TaskDistribution) -> Self {
        Self {
            normalisation: own.normalisation(),
            scale: own.target_scale(),
            ..self
        }
    }
}

/// The tasks for networks with one output more than there are classes, which no
/// example belongs to.
pub(crate) fn with_untaught_output(tasks: Arc<dyn TaskDistribution>) -> Arc<dyn TaskDistribution> {
    let outputs = tasks.output() + 1;
    Arc::new(Redrawn::new(tasks, TaskBatch::with_untaught_output).with_outputs(outputs))
}

impl<F: Fn(TaskBatch) -> TaskBatch + Send + Sync> TaskDistribution for Redrawn<F> {
    fn shape(&self) -> Shape {
        self.tasks.shape()
    }

    fn output(&self) -> usize {
        self.outputs
    }

    fn classes(&self) -> Option<usize> {
        self.tasks.classes()
    }

    fn support_size(&self, shots: usize) -> usize {
        self.tasks.support_size(shots)
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
        self.normalisation.clone()
    }

    fn target_scale(&self) -> Option<TargetScale> {
        self.scale.clone()
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
