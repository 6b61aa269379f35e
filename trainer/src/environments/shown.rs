//! Environments whose observations tell the task: those of the oracle.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Actions, Environment, Environments, Plane, Step};

/// What a policy is shown of its environment, the key `tasks.inputs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownTask {
    /// The observation alone.
    #[default]
    Observation,
    /// The observation, then the numbers of the task: what an oracle is shown, which need
    /// not adapt.
    ObservationAndTask,
}

impl ShownTask {
    /// Numbers that the policy is shown.
    pub fn width(self, observation: usize, task: usize) -> usize {
        match self {
            Self::Observation => observation,
            Self::ObservationAndTask => observation + task,
        }
    }

    /// `environments`, as the policy is shown them.
    pub fn of(self, environments: impl Environments + 'static) -> Box<dyn Environments> {
        match self {
            Self::Observation => Box::new(environments),
            Self::ObservationAndTask => Box::new(WithTask(environments)),
        }
    }
}

/// Environments whose observations end with the numbers of the task.
struct WithTask<E>(E);

/// One of them.
struct OneWithTask {
    environment: Box<dyn Environment>,
    task: Vec<f32>,
}

impl<E: Environments> Environments for WithTask<E> {
    fn observation(&self) -> usize {
        self.0.observation() + self.0.task_names().len()
    }

    fn actions(&self) -> Actions {
        self.0.actions()
    }

    fn horizon(&self) -> usize {
        self.0.horizon()
    }

    fn task_names(&self) -> Vec<String> {
        self.0.task_names()
    }

    fn draw_task(&self, rng: &mut ChaCha8Rng) -> Vec<f32> {
        self.0.draw_task(rng)
    }

    fn create(&self) -> Box<dyn Environment> {
        Box::new(OneWithTask {
            environment: self.0.create(),
            task: Vec::new(),
        })
    }

    fn plane(&self) -> Option<Plane> {
        self.0.plane()
    }
}

impl Environment for OneWithTask {
    fn reset(&mut self, task: &[f32], rng: &mut ChaCha8Rng, observation: &mut Vec<f32>) {
        self.task = task.to_vec();
        self.environment.reset(task, rng, observation);
        observation.extend(task);
    }

    fn step(&mut self, action: &[f32], observation: &mut Vec<f32>) -> Step {
        let step = self.environment.step(action, observation);
        observation.extend(&self.task);
        step
    }
}
