//! Task distributions: where support and query sets come from.

mod config;
mod curves;
mod devices;
mod formula;
mod images;
mod origins;
mod readings;
mod recordings;
mod redrawn;
mod scale;
mod sensors;
mod sinusoid;
mod waveforms;
mod ways;

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData, backend::Backend};
use mamlet_formats::FrontEnd;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::data::{Examples, Normalisation};
use crate::nn::Shape;
use crate::samplers::Set;

pub use config::{TasksConfig, TasksError};
pub use curves::{CurveTasks, Curves, Nominal, Places, Spacing, Variable};
pub use devices::DeviceSplit;
pub use formula::Formulas;
pub use images::{ImageTasks, Images, Omniglot, OmniglotSplit, Rotations};
pub use origins::{Origin, Origins};
pub use readings::{Choice, ReadingTasks, Readings};
pub use recordings::{
    Centre, Derived, Holds, Labels, Recorded, RecordedTask, RecordedTasks, SensorAugment, draft,
};
pub(crate) use redrawn::{Redrawn, with_untaught_output};
pub use scale::{TargetScale, from_elsewhere, in_units};
pub use sensors::{SensorKind, SensorTasks, Sensors};
pub use sinusoid::{Sinusoid, SinusoidInputs, SinusoidTask};
pub use waveforms::Waveforms;

/// Which classes tasks are drawn from. Formulas have no classes to keep apart
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
    /// As written in a config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// A distribution over tasks, each a support set to adapt on and a query set
/// to be judged on.
///
/// Drawing is a pure function of the generator, whose address holds the
/// iteration: a resumed run and every method compared see the same tasks. Task
/// parameters come before examples, and support before query, so that a batch
/// with more shots starts with the same tasks.
pub trait TaskDistribution: Send + Sync {
    /// Shape of one example.
    fn shape(&self) -> Shape;

    /// Features of one example.
    fn input(&self) -> usize {
        self.shape().features()
    }

    /// Values of one target.
    fn output(&self) -> usize;

    /// Classes of a task, N, where targets are one-hot; `None` where they are
    /// values.
    fn classes(&self) -> Option<usize> {
        None
    }

    /// Examples of `shots` shots: as many of each class, where there are
    /// classes.
    fn set_size(&self, shots: usize) -> usize {
        shots * self.classes().unwrap_or(1)
    }

    /// Examples of a support set of `shots` shots, where each may be more than one.
    fn support_size(&self, shots: usize) -> usize {
        self.set_size(shots)
    }

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

    /// Whether the classes of a split have enough examples for tasks of `shots`
    /// support and `queries` query examples of each class.
    ///
    /// # Errors
    /// [`TasksError`] with what there is and what is needed.
    fn check(&self, _split: Split, _shots: usize, _queries: usize) -> Result<(), TasksError> {
        Ok(())
    }

    /// What a network sees of examples that are [`Examples::Measured`].
    fn normalisation(&self) -> Option<Arc<Normalisation>> {
        None
    }

    /// From the targets of [`TaskDistribution::draw`] to what was measured; `None`
    /// where they are the same.
    fn target_scale(&self) -> Option<TargetScale> {
        None
    }

    /// The devices of the tasks that [`TaskDistribution::draw`] gives with the same
    /// generator, by number; `None` where every task is another.
    fn devices(&self, _split: Split, _rng: &mut ChaCha8Rng, _tasks: usize) -> Option<Vec<usize>> {
        None
    }

    /// How a device makes examples of raw samples, and the names of their
    /// channels; `None` where examples do not come from a sensor.
    fn front_end(&self) -> Option<(FrontEnd, Vec<String>)> {
        None
    }

    /// Classes that a split has to draw from, rotations counted; `None` where
    /// classes come from formulas.
    fn class_count(&self, _split: Split) -> Option<usize> {
        None
    }

    /// `count` examples drawn uniformly from all classes of the training split,
    /// to train a plain classifier on; `None` where there is no finite set of
    /// classes.
    fn draw_labelled(&self, _rng: &mut ChaCha8Rng, _count: usize) -> Option<LabelledBatch> {
        None
    }
}

/// Examples of any classes on the host, with the classes' numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledBatch {
    /// Features of one example.
    pub input: usize,
    /// `[count, input]`.
    pub x: Examples,
    /// The class of each, below [`TaskDistribution::class_count`] of
    /// [`Split::Train`].
    pub classes: Vec<usize>,
}

/// A batch of tasks on the host, all arrays row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskBatch {
    /// Number of tasks, `T`.
    pub tasks: usize,
    /// Features of one example.
    pub input: usize,
    /// Values of one target.
    pub output: usize,
    /// Classes of a task, whose examples take turns; `None` where targets are
    /// values.
    pub classes: Option<usize>,
    /// `[T, support examples, input]`.
    pub support_x: Examples,
    /// `[T, support examples, output]`.
    pub support_y: Vec<f32>,
    /// `[T, query examples, input]`.
    pub query_x: Examples,
    /// `[T, query examples, output]`.
    pub query_y: Vec<f32>,
    /// Who and what the query examples are; `None` where formulas made them.
    pub origins: Option<Origins>,
}

impl TaskBatch {
    /// Support examples of a task, all classes together.
    pub fn support_examples(&self) -> usize {
        self.support_x.count(self.input) / self.tasks
    }

    /// Query examples of a task, all classes together.
    pub fn query_examples(&self) -> usize {
        self.query_x.count(self.input) / self.tasks
    }

    /// The same tasks with at most the first `kept` support examples of each.
    pub fn first_support_examples(&self, kept: usize) -> Self {
        let of_task = self.support_examples();
        let kept = kept.min(of_task);
        let targets = (self.support_y.chunks_exact(of_task * self.output))
            .flat_map(|task| &task[..kept * self.output]);
        Self {
            support_y: targets.copied().collect(),
            support_x: (self.support_x).first_of_every(kept, of_task, self.input),
            ..self.clone()
        }
    }

    /// The same tasks for networks with one output more than there are classes,
    /// which no example belongs to.
    pub(crate) fn with_untaught_output(self) -> Self {
        let widened = |targets: &[f32]| -> Vec<f32> {
            let rows = targets.chunks_exact(self.output);
            rows.flat_map(|row| row.iter().copied().chain([0.0]))
                .collect()
        };
        Self {
            support_y: widened(&self.support_y),
            query_y: widened(&self.query_y),
            output: self.output + 1,
            ..self
        }
    }

    /// The tasks `range` of this batch.
    pub fn tasks(&self, range: std::ops::Range<usize>) -> Self {
        let part = |data: &[f32]| {
            let width = data.len() / self.tasks;
            data[range.start * width..range.end * width].to_vec()
        };
        let inputs = |data: &Examples| {
            let of_task = data.count(self.input) / self.tasks;
            data.range(range.start * of_task..range.end * of_task, self.input)
        };
        Self {
            tasks: range.len(),
            support_x: inputs(&self.support_x),
            support_y: part(&self.support_y),
            query_x: inputs(&self.query_x),
            query_y: part(&self.query_y),
            origins: self.origins.as_ref().map(|origins| {
                let of_task = self.query_examples();
                origins.range(range.start * of_task..range.end * of_task)
            }),
            ..*self
        }
    }

    /// Moves the batch to a device.
    pub fn to_device<B: Backend>(self, device: &B::Device) -> DeviceBatch<B> {
        let (shots, queries) = (self.support_examples(), self.query_examples());
        let targets = |data: Vec<f32>, examples: usize| {
            let shape = [self.tasks, examples, self.output];
            Tensor::from_data(TensorData::new(data, shape), device)
        };
        let inputs = |data: Examples, examples: usize| {
            let rows: Tensor<B, 2> = data.to_device(self.input, device);
            rows.reshape([self.tasks, examples, self.input])
        };
        DeviceBatch {
            support_x: inputs(self.support_x, shots),
            support_y: targets(self.support_y, shots),
            query_x: inputs(self.query_x, queries),
            query_y: targets(self.query_y, queries),
        }
    }
}

/// A batch of tasks as tensors `[T, examples, features]`.
#[derive(Clone, Debug)]
pub struct DeviceBatch<B: Backend> {
    /// `[T, support examples, input]`.
    pub support_x: Tensor<B, 3>,
    /// `[T, support examples, output]`.
    pub support_y: Tensor<B, 3>,
    /// `[T, query examples, input]`.
    pub query_x: Tensor<B, 3>,
    /// `[T, query examples, output]`.
    pub query_y: Tensor<B, 3>,
}

impl<B: Backend> DeviceBatch<B> {
    /// The tasks `range` of this batch.
    pub fn tasks(&self, range: std::ops::Range<usize>) -> Self {
        let part = |x: &Tensor<B, 3>| x.clone().slice([range.clone()]);
        Self {
            support_x: part(&self.support_x),
            support_y: part(&self.support_y),
            query_x: part(&self.query_x),
            query_y: part(&self.query_y),
        }
    }

    /// What an adaptation learns from.
    pub fn support_set(&self) -> Set<B> {
        Set {
            x: self.support_x.clone(),
            y: self.support_y.clone(),
        }
    }

    /// What its result is evaluated on.
    pub fn query_set(&self) -> Set<B> {
        Set {
            x: self.query_x.clone(),
            y: self.query_y.clone(),
        }
    }
}

/// A rate in thousandths of a hertz.
fn millihertz(hertz: f64) -> u32 {
    (hertz * 1000.0).round().clamp(1.0, f64::from(u32::MAX)) as u32
}

/// A number in `[low, high)`; `low` if they are equal.
fn uniform(rng: &mut ChaCha8Rng, [low, high]: [f64; 2]) -> f32 {
    let (low, high) = (low as f32, high as f32);
    low + (high - low) * rng.random::<f32>()
}
