//! Training on tasks of another number of classes than those that are evaluated.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::{
    Description, LabelledBatch, Sizes, Split, TaskBatch, TaskData, TaskDistribution, TaskSizes,
    TasksError,
};

/// Two distributions over the same data that differ in the number of classes of a
/// task: one for the training split, the other for validation and test.
pub(super) struct TrainingWays {
    pub training: Arc<dyn TaskDistribution>,
    pub evaluation: Arc<dyn TaskDistribution>,
}

impl TrainingWays {
    fn of(&self, split: Split) -> &dyn TaskDistribution {
        match split {
            Split::Train => &*self.training,
            Split::Validation | Split::Test => &*self.evaluation,
        }
    }
}

/// Sizes are those of the tasks that are evaluated.
impl TaskSizes for TrainingWays {
    fn sizes(&self) -> Sizes {
        self.evaluation.sizes()
    }
}

impl TaskDistribution for TrainingWays {
    /// The examples are the same, and so is what is true of all of them.
    fn description(&self) -> Description {
        self.training.description()
    }

    fn draw(
        &self,
        split: Split,
        rng: &mut ChaCha8Rng,
        tasks: usize,
        shots: usize,
        queries: usize,
    ) -> TaskBatch {
        self.of(split).draw(split, rng, tasks, shots, queries)
    }

    fn data(&self) -> Option<&dyn TaskData> {
        self.training.data().map(|_| self as &dyn TaskData)
    }
}

impl TaskData for TrainingWays {
    fn check_counts(&self, split: Split, shots: usize, queries: usize) -> Result<(), TasksError> {
        let enough = self.of(split).check(split, shots, queries);
        match split {
            Split::Train => enough.map_err(TasksError::of_training_ways),
            Split::Validation | Split::Test => enough,
        }
    }

    fn task_units(&self, split: Split, rng: &mut ChaCha8Rng, tasks: usize) -> Option<Vec<usize>> {
        self.of(split).units(split, rng, tasks)
    }

    fn count_classes(&self, split: Split) -> Option<usize> {
        self.of(split).class_count(split)
    }

    fn notes_on_data(&self) -> &[String] {
        self.training.notes()
    }

    fn draw_examples(&self, rng: &mut ChaCha8Rng, count: usize) -> Option<LabelledBatch> {
        self.training.draw_labelled(rng, count)
    }
}
