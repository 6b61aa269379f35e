//! The tasks of a distribution, changed after they were drawn.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::{Description, Sizes, Split, TaskBatch, TaskData, TaskDistribution, TaskSizes};

/// A distribution whose every batch passes through a function, which may leave
/// targets of another size and both inputs and targets in other scales.
pub(crate) struct MappedTasks<F> {
    tasks: Arc<dyn TaskDistribution>,
    change: F,
    sizes: Sizes,
    description: Description,
}

impl<F: Fn(TaskBatch) -> TaskBatch> MappedTasks<F> {
    /// The tasks of `tasks` after `change`, which leaves inputs in their scale and
    /// targets in none.
    pub(crate) fn new(tasks: Arc<dyn TaskDistribution>, change: F) -> Self {
        Self {
            sizes: tasks.sizes(),
            description: Description {
                target_scale: None,
                ..tasks.description()
            },
            tasks,
            change,
        }
    }

    /// Where `change` leaves targets of so many values.
    fn with_outputs(mut self, outputs: usize) -> Self {
        self.sizes.outputs = outputs;
        self
    }

    /// Where `change` leaves inputs and targets in the scales of `own`.
    pub(super) fn in_scales_of(mut self, own: &dyn TaskDistribution) -> Self {
        self.description.normalisation = own.normalisation();
        self.description.target_scale = own.target_scale();
        self
    }
}

/// The tasks for networks with one output more than there are classes: see
/// [`TaskBatch::with_rejection_output`].
pub(crate) fn with_rejection_output(tasks: Arc<dyn TaskDistribution>) -> Arc<dyn TaskDistribution> {
    let outputs = tasks.output() + 1;
    Arc::new(MappedTasks::new(tasks, TaskBatch::with_rejection_output).with_outputs(outputs))
}

impl<F> TaskSizes for MappedTasks<F> {
    fn sizes(&self) -> Sizes {
        self.sizes
    }
}

impl<F: Fn(TaskBatch) -> TaskBatch + Send + Sync> TaskDistribution for MappedTasks<F> {
    fn description(&self) -> Description {
        self.description.clone()
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

    fn data(&self) -> Option<&dyn TaskData> {
        self.tasks.data()
    }
}
