//! Sets that a policy collects by acting.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::tensor::{Tensor, backend::Backend};

use super::{Sampler, Set};
use crate::environments::EnvironmentFault;
use crate::rollouts::{Actors, Address, Experience, Seen, Weighing};
use crate::tasks::DeviceBatch;

/// One task, in which a policy acts with the parameters as they stand when it is asked for
/// a set. Batches of tasks are spread over the cores one by one.
pub struct Acting<'a, B: Backend> {
    /// What acts.
    pub actors: Actors<'a>,
    /// The task, and its number in its batch.
    pub task: (usize, &'a [f32]),
    /// Where its random numbers come from.
    pub address: Address,
    /// Rollouts before an inner step, and after the last.
    pub rollouts: [usize; 2],
    /// How rewards become advantages.
    pub weighing: Weighing,
    /// Is shown what came of it, after so many inner steps.
    pub show: &'a (dyn Fn(usize, &Experience) + Sync),
    /// What came of it so far.
    pub outcome: Mutex<Outcome<B>>,
}

/// What came of acting: the rollouts after 0, 1, ... inner steps, until the environment
/// gave what cannot be learned from.
#[derive(Clone, Debug)]
pub struct Outcome<B: Backend> {
    /// One after another.
    pub seen: Vec<Seen<B>>,
    /// What ended it, if anything did.
    pub fault: Option<EnvironmentFault>,
}

impl<B: Backend> Default for Outcome<B> {
    fn default() -> Self {
        Self {
            seen: Vec::new(),
            fault: None,
        }
    }
}

impl<B: Backend> Acting<'_, B> {
    /// Acts and remembers; after a fault nothing more is done, and the set is empty of
    /// weight.
    fn act(&self, step: usize, theta: &[Tensor<B, 3>], rollouts: usize) -> Set<B> {
        let mut outcome = lock(&self.outcome);
        let device = theta[0].device();
        let acted = match &outcome.fault {
            Some(fault) => Err(fault.clone()),
            None => {
                let whence = (self.address, step);
                self.actors.act(theta, self.task, whence, rollouts)
            }
        };
        match acted {
            Ok(experience) => {
                (self.show)(step, &experience);
                let policy = self.actors.policy();
                let seen = Seen::new(experience, policy, &self.weighing, &device);
                let set = seen.for_surrogate();
                outcome.seen.push(seen);
                set
            }
            Err(fault) => {
                outcome.fault = Some(fault);
                let width = self.actors.environments.observation();
                let targets = self.actors.environments.actions().targets() + 1;
                Set {
                    x: Tensor::zeros([1, 1, width], &device),
                    y: Tensor::zeros([1, 1, targets], &device),
                }
            }
        }
    }

    /// What came of it.
    ///
    /// # Errors
    /// What ended it, if anything did.
    pub fn finish(self) -> Result<Vec<Seen<B>>, EnvironmentFault> {
        let outcome = self.outcome.into_inner();
        let Outcome { seen, fault } = outcome.unwrap_or_else(PoisonError::into_inner);
        fault.map_or(Ok(seen), Err)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<B: Backend> Sampler<B> for Acting<'_, B> {
    fn tasks(&self) -> usize {
        1
    }

    fn examples(&self) -> usize {
        let [before, after] = self.rollouts;
        before.max(after) * self.actors.environments.horizon()
    }

    fn support(&self, step: usize, theta: &[Tensor<B, 3>]) -> Set<B> {
        self.act(step, theta, self.rollouts[0])
    }

    fn query(&self, step: usize, theta: &[Tensor<B, 3>]) -> Set<B> {
        self.act(step, theta, self.rollouts[1])
    }

    fn part(&self, _: Range<usize>) -> Box<dyn Sampler<B> + '_> {
        Box::new(Shared(self))
    }

    fn fixed(&self) -> Option<&DeviceBatch<B>> {
        None
    }
}

/// What one task's rollouts were, to follow a surrogate on them once more: what was seen
/// stays, whatever the parameters are.
pub struct Replayed<'a, B: Backend> {
    /// The support set of each inner step.
    pub support: &'a [Set<B>],
    /// What the result is evaluated on.
    pub query: Set<B>,
}

impl<B: Backend> Sampler<B> for Replayed<'_, B> {
    fn tasks(&self) -> usize {
        1
    }

    fn examples(&self) -> usize {
        self.query.x.dims()[1]
    }

    fn support(&self, step: usize, _: &[Tensor<B, 3>]) -> Set<B> {
        self.support[step].clone()
    }

    fn query(&self, _: usize, _: &[Tensor<B, 3>]) -> Set<B> {
        self.query.clone()
    }

    fn part(&self, _: Range<usize>) -> Box<dyn Sampler<B> + '_> {
        Box::new(Shared(self))
    }

    fn fixed(&self) -> Option<&DeviceBatch<B>> {
        None
    }
}

/// The only part of a batch of one task.
struct Shared<'a, S>(&'a S);

impl<B: Backend, S: Sampler<B>> Sampler<B> for Shared<'_, S> {
    fn tasks(&self) -> usize {
        self.0.tasks()
    }

    fn examples(&self) -> usize {
        self.0.examples()
    }

    fn support(&self, step: usize, theta: &[Tensor<B, 3>]) -> Set<B> {
        self.0.support(step, theta)
    }

    fn query(&self, step: usize, theta: &[Tensor<B, 3>]) -> Set<B> {
        self.0.query(step, theta)
    }

    fn part(&self, range: Range<usize>) -> Box<dyn Sampler<B> + '_> {
        self.0.part(range)
    }

    fn fixed(&self) -> Option<&DeviceBatch<B>> {
        self.0.fixed()
    }
}
