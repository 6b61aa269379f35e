//! The tasks of one iteration.

use burn::tensor::{Tensor, TensorData, backend::Backend};
use rand::RngExt;

use super::Sampler;
use crate::config::Config;
use crate::random::{Stream, generator};
use crate::tasks::{Split, TaskDistribution};

/// A meta-batch of training tasks, a function of the seed, a stream and an index. It is
/// drawn when an algorithm asks for it.
#[derive(Clone, Copy)]
pub struct MetaBatch<'a, B: Backend> {
    /// The experiment.
    pub config: &'a Config,
    /// Where the tasks come from.
    pub tasks: &'a dyn TaskDistribution,
    /// Which random numbers it is drawn with.
    pub stream: Stream,
    /// Its number: the iteration, where it is one of training.
    pub index: u64,
    /// Support examples per task, or per class.
    pub shots: usize,
    /// Where its tensors live.
    pub device: &'a B::Device,
}

/// Examples of any classes.
#[derive(Clone, Debug)]
pub struct Labelled<B: Backend> {
    /// `[1, B, in]`.
    pub x: Tensor<B, 3>,
    /// The class of each.
    pub classes: Vec<usize>,
}

impl<'a, B: Backend> MetaBatch<'a, B> {
    /// That of a training iteration, from 0.
    pub fn of_iteration(
        config: &'a Config,
        tasks: &'a dyn TaskDistribution,
        iteration: u64,
        device: &'a B::Device,
    ) -> Self {
        let shots = match config.meta.shots.choices() {
            [shots] => *shots,
            choices => {
                let mut rng = generator(config.seed, Stream::Schedule, iteration);
                choices[rng.random_range(0..choices.len())]
            }
        };
        Self {
            config,
            tasks,
            stream: Stream::Train,
            index: iteration,
            shots,
            device,
        }
    }

    /// Its tasks.
    pub fn sampler(&self) -> Box<dyn Sampler<B>> {
        let meta = &self.config.meta;
        let mut rng = generator(self.config.seed, self.stream, self.index);
        let batch = self
            .tasks
            .draw(Split::Train, &mut rng, meta.tasks, self.shots, meta.queries);
        Box::new(batch.to_device::<B>(self.device))
    }

    /// `count` examples of any training classes in place of tasks; `None` where classes
    /// are not of a finite set.
    pub fn labelled(&self, count: usize) -> Option<Labelled<B>> {
        let mut rng = generator(self.config.seed, self.stream, self.index);
        let batch = self.tasks.draw_labelled(&mut rng, count)?;
        let shape = [1, batch.classes.len(), batch.input];
        let rows: Tensor<B, 2> = batch.x.to_device(batch.input, self.device);
        Some(Labelled {
            x: rows.reshape(shape),
            classes: batch.classes,
        })
    }
}

impl<B: Backend> Labelled<B> {
    /// The classes as targets of a cross-entropy, one-hot, `[1, B, classes]`.
    pub fn one_hot(&self, classes: usize) -> Tensor<B, 3> {
        let count = self.classes.len();
        let mut y = vec![0.0f32; count * classes];
        for (row, &class) in y.chunks_exact_mut(classes).zip(&self.classes) {
            row[class] = 1.0;
        }
        let data = TensorData::new(y, [1, count, classes]);
        Tensor::from_data(data, &self.x.device())
    }
}
