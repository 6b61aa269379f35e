//! A point in the plane that drifts, and faults on demand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use mamlet_trainer::environments::{Actions, Environment, Environments, Step};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Where a coordinate ends a rollout: the first by terminating, the second by truncating.
const END: f32 = 0.5;

/// What an environment does wrong.
#[derive(Clone, Copy, Debug)]
pub enum Wrong {
    /// A number of an observation is not one.
    Observation,
    /// An observation has a number too many.
    Size,
    /// A reward is not a number.
    Reward,
}

/// A rollout that goes wrong.
#[derive(Clone, Copy, Debug)]
pub struct Bad {
    /// The first number that its generator draws.
    pub mark: u64,
    /// Steps before the one that goes wrong.
    pub good: usize,
    pub wrong: Wrong,
}

/// The family: a task is a goal.
pub struct Drift {
    horizon: usize,
    /// Whether rollouts end early.
    pub ends: bool,
    pub bad: Mutex<Option<Bad>>,
    /// Steps that were taken in all environments.
    pub taken: Arc<AtomicUsize>,
}

impl Drift {
    pub fn new(horizon: usize) -> Self {
        Self {
            horizon,
            ends: true,
            bad: Mutex::new(None),
            taken: Arc::default(),
        }
    }
}

struct One {
    position: [f32; 2],
    goal: [f32; 2],
    noise: [f32; 2],
    ends: bool,
    bad: Option<Bad>,
    mark: u64,
    at: usize,
    taken: Arc<AtomicUsize>,
}

impl Environments for Drift {
    fn observation(&self) -> usize {
        2
    }

    fn actions(&self) -> Actions {
        Actions::Continuous(2)
    }

    fn horizon(&self) -> usize {
        self.horizon
    }

    fn task_names(&self) -> Vec<String> {
        ["goal x", "goal y"].map(str::to_owned).to_vec()
    }

    fn draw_task(&self, rng: &mut ChaCha8Rng) -> Vec<f32> {
        (0..2).map(|_| rng.random_range(-1.0..1.0)).collect()
    }

    fn create(&self) -> Box<dyn Environment> {
        Box::new(One {
            position: [0.0; 2],
            goal: [0.0; 2],
            noise: [0.0; 2],
            ends: self.ends,
            bad: *self.bad.lock().unwrap(),
            mark: 0,
            at: 0,
            taken: self.taken.clone(),
        })
    }
}

impl Environment for One {
    fn reset(&mut self, task: &[f32], rng: &mut ChaCha8Rng, observation: &mut Vec<f32>) {
        self.mark = rng.random();
        self.at = 0;
        self.position = [0, 1].map(|_| rng.random_range(-0.2..0.2));
        self.noise = [0, 1].map(|_| rng.random_range(-0.1..0.1));
        self.goal = [task[0], task[1]];
        observation.extend(self.position);
    }

    fn step(&mut self, action: &[f32], observation: &mut Vec<f32>) -> Step {
        self.taken.fetch_add(1, Ordering::Relaxed);
        for ((own, action), noise) in self.position.iter_mut().zip(action).zip(self.noise) {
            *own += 0.2 * action.clamp(-2.0, 2.0) + noise;
        }
        observation.extend(self.position);
        let [x, y] = [0, 1].map(|at| self.position[at] - self.goal[at]);
        let mut step = Step {
            terminated: self.ends && self.position[0] > END,
            truncated: self.ends && self.position[1] > END,
            ..Step::of(-(x * x + y * y).sqrt())
        };
        if let Some(bad) = self.bad
            && bad.mark == self.mark
            && bad.good == self.at
        {
            match bad.wrong {
                Wrong::Observation => observation[1] = f32::NAN,
                Wrong::Size => observation.push(0.0),
                Wrong::Reward => step.reward = f32::INFINITY,
            }
        }
        self.at += 1;
        step
    }
}
