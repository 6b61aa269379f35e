//! Batches of tasks: on the host as they are drawn, on a device as tensors.

use burn::tensor::{Tensor, TensorData, backend::Backend};

use super::Origins;
use crate::data::Examples;
use crate::samplers::Set;

/// Examples of any classes on the host, with the classes' numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledBatch {
    /// Features of one example.
    pub input: usize,
    /// `[count, input]`.
    pub x: Examples,
    /// The class of each, below
    /// [`TaskDistribution::class_count`](super::TaskDistribution::class_count) of
    /// [`Split::Train`](super::Split::Train).
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

    /// The unit of every task, where each is of one, as [`Origins::units`].
    pub fn units(&self) -> Option<Vec<u32>> {
        self.origins.as_ref()?.units(self.query_examples())
    }

    /// The same tasks with at most the first `count` support examples of each.
    pub fn first_support_examples(&self, count: usize) -> Self {
        let of_task = self.support_examples();
        let count = count.min(of_task);
        let targets = (self.support_y.chunks_exact(of_task * self.output))
            .flat_map(|task| &task[..count * self.output]);
        Self {
            support_y: targets.copied().collect(),
            support_x: (self.support_x).first_of_every(count, of_task, self.input),
            ..self.clone()
        }
    }

    /// The same tasks with at most the first `count` query examples of each.
    pub fn first_query_examples(&self, count: usize) -> Self {
        let of_task = self.query_examples();
        let count = count.min(of_task);
        let targets = (self.query_y.chunks_exact(of_task * self.output))
            .flat_map(|task| &task[..count * self.output]);
        Self {
            query_y: targets.copied().collect(),
            query_x: (self.query_x).first_of_every(count, of_task, self.input),
            origins: self.origins.as_ref().map(|origins| Origins {
                queries: (origins.queries.chunks_exact(of_task))
                    .flat_map(|task| &task[..count])
                    .copied()
                    .collect(),
                ..origins.clone()
            }),
            ..self.clone()
        }
    }

    /// The same tasks with one output more, which is 0 in every target: no example
    /// belongs to it, so a network can give it to what is none of the classes.
    pub(crate) fn with_rejection_output(self) -> Self {
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
