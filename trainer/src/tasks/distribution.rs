//! What tasks are drawn from.

use std::sync::Arc;

use mamlet_formats::FrontEnd;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{DataDigest, LabelledBatch, TargetScale, TaskBatch, TasksError};
use crate::data::{Normalisation, counted};
use crate::environments::Actions;
use crate::nn::Shape;

/// Which classes or units tasks are drawn from. Formulas have none to keep apart
/// and draw the same tasks from every split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// What is trained on.
    Train,
    /// What rates and iterations are chosen on.
    Validation,
    /// What results are reported on.
    Test,
}

impl Split {
    /// All of them; `split as usize` is the index of each.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// As written in a config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// Sizes of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Shape of one example.
    pub shape: Shape,
    /// Values of one target.
    pub outputs: usize,
    /// Classes of a task, N, where targets are one-hot; `None` where they are
    /// values.
    pub classes: Option<usize>,
    /// Examples that each shot of a support set is: two where its mirror image is
    /// one as well, and where a shot is a rollout as many as it may have steps.
    pub views: usize,
}

impl Sizes {
    /// Of tasks of `ways` classes.
    pub fn of_classes(shape: Shape, ways: usize) -> Self {
        Self {
            shape,
            outputs: ways,
            classes: Some(ways),
            views: 1,
        }
    }

    /// Of tasks whose targets are `outputs` values.
    pub fn of_values(shape: Shape, outputs: usize) -> Self {
        Self {
            shape,
            outputs,
            classes: None,
            views: 1,
        }
    }
}

impl Sizes {
    /// Of tasks in which a policy acts for `horizon` steps a rollout, and is shown `inputs`
    /// numbers.
    pub fn of_rollouts(inputs: usize, actions: Actions, horizon: usize) -> Self {
        Self {
            shape: Shape::Vector(inputs),
            outputs: actions.targets(),
            classes: None,
            views: horizon,
        }
    }
}

/// All that has [`Sizes`]: the config of tasks, and what they are drawn from.
pub trait TaskSizes {
    /// Sizes of its tasks.
    fn sizes(&self) -> Sizes;

    /// Shape of one example.
    fn shape(&self) -> Shape {
        self.sizes().shape
    }

    /// Features of one example.
    fn input(&self) -> usize {
        self.sizes().shape.features()
    }

    /// Values of one target.
    fn output(&self) -> usize {
        self.sizes().outputs
    }

    /// Classes of a task, N, where targets are one-hot; `None` where they are
    /// values.
    fn classes(&self) -> Option<usize> {
        self.sizes().classes
    }

    /// Examples that each shot of a support set is.
    fn views(&self) -> usize {
        self.sizes().views
    }

    /// Examples of `shots` shots: as many of each class, where there are classes.
    fn set_size(&self, shots: usize) -> usize {
        shots * self.sizes().classes.unwrap_or(1)
    }

    /// Examples of a support set of `shots` shots.
    fn support_size(&self, shots: usize) -> usize {
        self.set_size(shots) * self.sizes().views
    }
}

/// How the examples of tasks become numbers, and what they are on a board.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// What a network sees of examples that are
    /// [`Examples::Measured`](crate::data::Examples::Measured).
    pub normalisation: Option<Arc<Normalisation>>,
    /// From the targets of [`TaskDistribution::draw`] to what was measured; `None`
    /// where they are the same.
    pub target_scale: Option<TargetScale>,
    /// How a board makes examples of raw samples, and the names of their channels;
    /// `None` where examples do not come from a sensor.
    pub front_end: Option<(FrontEnd, Vec<String>)>,
}

/// A distribution over tasks, each a support set to adapt on and a query set to be
/// evaluated on.
///
/// Drawing is a pure function of the generator, whose address holds the
/// iteration: a resumed run and every method compared see the same tasks. Task
/// parameters come before examples, and support before query, so that a batch
/// with more shots starts with the same tasks.
///
/// Every distribution writes the methods without a body, also one that wraps another,
/// and none of the others, which follow from those.
pub trait TaskDistribution: TaskSizes + Send + Sync {
    /// What is true of all of its examples.
    fn description(&self) -> Description;

    /// Draws `tasks` tasks of `shots` support and `queries` query examples; of
    /// each class, where there are classes, which then take turns.
    fn draw(
        &self,
        split: Split,
        rng: &mut ChaCha8Rng,
        tasks: usize,
        shots: usize,
        queries: usize,
    ) -> TaskBatch;

    /// The data that tasks are drawn from; `None` where they come from formulas, which
    /// give any number of examples.
    fn data(&self) -> Option<&dyn TaskData>;

    /// [`Description::normalisation`].
    fn normalisation(&self) -> Option<Arc<Normalisation>> {
        self.description().normalisation
    }

    /// [`Description::target_scale`].
    fn target_scale(&self) -> Option<TargetScale> {
        self.description().target_scale
    }

    /// [`Description::front_end`].
    fn front_end(&self) -> Option<(FrontEnd, Vec<String>)> {
        self.description().front_end
    }

    /// [`TaskData::check_counts`], which formulas always pass.
    ///
    /// # Errors
    /// As there.
    fn check(&self, split: Split, shots: usize, queries: usize) -> Result<(), TasksError> {
        match self.data() {
            Some(data) => data.check_counts(split, shots, queries),
            None => Ok(()),
        }
    }

    /// [`TaskData::digest_examples`], where there is data.
    fn digest(&self) -> Option<DataDigest> {
        Some(self.data()?.digest_examples())
    }

    /// [`TaskData::count_units`], where there is data.
    fn unit_count(&self, split: Split) -> Option<usize> {
        self.data()?.count_units(split)
    }

    /// [`TaskData::count_classes`], where there is data.
    fn class_count(&self, split: Split) -> Option<usize> {
        self.data()?.count_classes(split)
    }

    /// [`TaskData::notes_on_data`], where there is data.
    fn notes(&self) -> &[String] {
        self.data().map_or(&[], TaskData::notes_on_data)
    }

    /// [`TaskData::draw_examples`], where there is data.
    fn draw_labelled(&self, rng: &mut ChaCha8Rng, count: usize) -> Option<LabelledBatch> {
        self.data()?.draw_examples(rng, count)
    }
}

/// The data that tasks are drawn from.
pub trait TaskData {
    /// What a run must find again when it goes on: a digest of all examples, as they are
    /// before they are changed at random.
    fn digest_examples(&self) -> DataDigest;

    /// Whether a split has enough examples for tasks of `shots` support and
    /// `queries` query examples, of each class where there are classes.
    ///
    /// # Errors
    /// [`TasksError`] with what there is and what is needed.
    fn check_counts(&self, split: Split, shots: usize, queries: usize) -> Result<(), TasksError>;

    /// Units, such as people or instruments, that a split has tasks of; `None` where tasks
    /// are not of one unit each.
    fn count_units(&self, split: Split) -> Option<usize>;

    /// Classes that a split has to draw from, rotations counted; `None` where targets
    /// are values.
    fn count_classes(&self, split: Split) -> Option<usize>;

    /// What is to be known about the data beside its numbers, such as what was left out:
    /// sentences.
    fn notes_on_data(&self) -> &[String] {
        &[]
    }

    /// `count` examples drawn uniformly from all classes of the training split, to
    /// train a plain classifier on; `None` where targets are values.
    fn draw_examples(&self, rng: &mut ChaCha8Rng, count: usize) -> Option<LabelledBatch>;
}

/// The classes that tasks of one split draw from.
pub(super) struct ClassCounts {
    /// The most that a task can have.
    pub classes: usize,
    /// Name and examples of the class with the fewest.
    pub fewest: Option<(String, usize)>,
    /// What an example is called.
    pub example: &'static str,
}

impl ClassCounts {
    /// Whether they are enough for tasks of `ways` classes.
    ///
    /// # Errors
    /// As [`TaskData::check_counts`].
    pub fn check(
        &self,
        split: Split,
        ways: usize,
        [shots, queries]: [usize; 2],
    ) -> Result<(), TasksError> {
        if self.classes < ways {
            return Err(TasksError::too_few(
                format!("the {} split", split.name()),
                counted(self.classes, "class"),
                format!("a task needs tasks.ways = {ways}"),
            ));
        }
        let needed = shots + queries;
        match &self.fewest {
            Some((class, count)) if *count < needed => Err(TasksError::too_few(
                format!("class {class} of the {} split", split.name()),
                counted(*count, self.example),
                format!(
                    "{needed} are needed, {shots} for the support and {queries} for the query set"
                ),
            )),
            _ => Ok(()),
        }
    }
}
