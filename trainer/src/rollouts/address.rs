//! Where the random numbers of a rollout come from.

use rand_chacha::ChaCha8Rng;

use crate::random::{Stream, generator};

/// The address of a batch of tasks in which a policy acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Seed of the run, or of an evaluation.
    pub seed: u64,
    /// What is done: training, validation or test.
    pub stream: Stream,
    /// Number of the batch: the iteration, where it is one of training.
    pub batch: u64,
}

/// The largest numbers that an address can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit;

impl Limit {
    /// Batches, which are iterations.
    pub const BATCHES: u64 = 1 << 23;
    /// Inner steps.
    pub const STEPS: usize = 1 << 7;
    /// Tasks of a batch.
    pub const TASKS: usize = 1 << 12;
    /// Rollouts of a task.
    pub const ROLLOUTS: usize = 1 << 12;
}

impl Address {
    /// The generator of the batch's tasks, one behind the other.
    pub fn of_tasks(&self) -> ChaCha8Rng {
        generator(self.seed, self.stream, self.batch)
    }

    /// The generator of one rollout after `step` inner steps. Numbers beyond
    /// [`Limit`] share generators.
    pub fn of_rollout(&self, step: usize, task: usize, rollout: usize) -> ChaCha8Rng {
        let mut index = self.batch % Limit::BATCHES;
        for (number, limit) in [
            (step, Limit::STEPS),
            (task, Limit::TASKS),
            (rollout, Limit::ROLLOUTS),
        ] {
            index = index * limit as u64 + (number % limit) as u64;
        }
        let stream = match self.stream {
            Stream::Validation => Stream::ValidationRollouts,
            Stream::Test => Stream::TestRollouts,
            _ => Stream::Rollouts,
        };
        generator(self.seed, stream, index)
    }
}
