//! Training on tasks of another number of classes than those that are judged.

use std::sync::Arc;

use mamlet_formats::FrontEnd;
use rand_chacha::ChaCha8Rng;

use super::{LabelledBatch, Split, TargetScale, TaskBatch, TaskDistribution, TasksError};
use crate::data::Normalisation;
use crate::nn::Shape;

/// Two distributions that differ in the number of classes of a task: one for the
/// training split, the other for all else.
pub(super) struct OtherWays {
    pub train: Arc<dyn TaskDistribution>,
    pub judged: Arc<dyn TaskDistribution>,
}

impl OtherWays {
    fn of(&self, split: Split) -> &dyn TaskDistribution {
        match split {
            Split::Train => &*self.train,
            Split::Validation | Split::Test => &*self.judged,
        }
    }
}

/// What does not depend on the split is that of the tasks that are judged.
impl TaskDistribution for OtherWays {
    fn shape(&self) -> Shape {
        self.judged.shape()
    }

    fn output(&self) -> usize {
        self.judged.output()
    }

    fn classes(&self) -> Option<usize> {
        self.judged.classes()
    }

    fn support_size(&self, shots: usize) -> usize {
        self.judged.support_size(shots)
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

    fn check(&self, split: Split, shots: usize, queries: usize) -> Result<(), TasksError> {
        self.of(split).check(split, shots, queries)
    }

    fn normalisation(&self) -> Option<Arc<Normalisation>> {
        self.train.normalisation()
    }

    fn front_end(&self) -> Option<(FrontEnd, Vec<String>)> {
        self.train.front_end()
    }

    fn target_scale(&self) -> Option<TargetScale> {
        self.train.target_scale()
    }

    fn devices(&self, split: Split, rng: &mut ChaCha8Rng, tasks: usize) -> Option<Vec<usize>> {
        self.of(split).devices(split, rng, tasks)
    }

    fn class_count(&self, split: Split) -> Option<usize> {
        self.of(split).class_count(split)
    }

    fn draw_labelled(&self, rng: &mut ChaCha8Rng, count: usize) -> Option<LabelledBatch> {
        self.train.draw_labelled(rng, count)
    }
}
