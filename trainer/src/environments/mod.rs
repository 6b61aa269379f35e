//! Environments: what a policy acts in.
//!
//! ```text
//! [tasks] of a config ──► TaskFamily: what is known before anything acts
//!                           │ source()
//!                           ▼
//!                         Environments: sizes, draws a task, makes an environment
//!                           │ create()
//!                           ▼
//!                         Environment: reset to a task, step by step
//! ```
//!
//! A task is a vector of numbers, such as the coordinates of a goal or the friction of a
//! motor: all in which one task of a family differs from another. An environment is one
//! file here; `docs/adding.md` says how to add one. How policies act in them is in
//! [`crate::rollouts`].

mod ant;
mod fault;
mod half_cheetah;
mod mujoco;
mod navigation;
mod plants;
mod servo;
mod shown;

use rand_chacha::ChaCha8Rng;

pub use ant::Ant;
pub use fault::EnvironmentFault;
pub(crate) use fault::{observation_fault, reward_fault};
pub use half_cheetah::HalfCheetah;
pub use mujoco::{Goal, Locomotion, MujocoError, Robot, RobotSizes, State};
pub use navigation::Navigation;
pub use servo::ServoTasks;
pub use shown::ShownTask;

/// What can be done in an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actions {
    /// A vector of so many numbers. An environment clips what it cannot do.
    Continuous(usize),
    /// One of so many choices, given to an environment as its number.
    Discrete(usize),
}

impl Actions {
    /// Numbers of one action as an environment is given it.
    pub fn width(self) -> usize {
        match self {
            Self::Continuous(width) => width,
            Self::Discrete(_) => 1,
        }
    }

    /// Outputs of a policy: a mean and a logarithm of a standard deviation for each number,
    /// or a logit for each choice.
    pub fn outputs(self) -> usize {
        match self {
            Self::Continuous(width) => 2 * width,
            Self::Discrete(choices) => choices,
        }
    }

    /// Numbers of a target of the policy's loss: an action, one-hot where it is a choice,
    /// and a weight.
    pub fn targets(self) -> usize {
        match self {
            Self::Continuous(width) => width + 1,
            Self::Discrete(choices) => choices + 1,
        }
    }
}

/// What one step in an environment gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Reward of the step.
    pub reward: f32,
    /// Whether this is an end of the task itself, after which nothing more can be gained.
    pub terminated: bool,
    /// Whether the rollout is cut off here although the task would go on. What would have
    /// come is then estimated by the value of the last observation.
    pub truncated: bool,
}

impl Step {
    /// A step after which the rollout goes on.
    pub fn of(reward: f32) -> Self {
        Self {
            reward,
            terminated: false,
            truncated: false,
        }
    }
}

/// One environment, at one place of one rollout.
///
/// What happens must be a function of the task, of the generator and of the actions. An
/// observation is written into a vector that is empty: its length and every number are
/// checked, and a wrong one ends the run with a checkpoint.
pub trait Environment: Send {
    /// The start of a rollout of `task`, as [`Environments::draw_task`] gave it.
    fn reset(&mut self, task: &[f32], rng: &mut ChaCha8Rng, observation: &mut Vec<f32>);

    /// One step. `action` holds [`Actions::width`] numbers.
    fn step(&mut self, action: &[f32], observation: &mut Vec<f32>) -> Step;
}

/// A family of environments that differ by their task.
pub trait Environments: Send + Sync {
    /// Numbers of one observation.
    fn observation(&self) -> usize;

    /// What can be done.
    fn actions(&self) -> Actions;

    /// The most steps of a rollout. One that has not ended ends there.
    fn horizon(&self) -> usize;

    /// The names of the numbers of a task, with their units.
    fn task_names(&self) -> Vec<String>;

    /// Draws a task, as many numbers as it has names. It must be a function of the
    /// generator alone: runs are then resumed, and methods compared, on the same tasks.
    fn draw_task(&self, rng: &mut ChaCha8Rng) -> Vec<f32>;

    /// An environment. Each holds one rollout at a time.
    fn create(&self) -> Box<dyn Environment>;

    /// Where a rollout may be drawn as a path in the plane: which numbers of the
    /// observation are its coordinates, and which of the task those of its goal.
    fn plane(&self) -> Option<Plane> {
        None
    }
}

/// Where the path of a rollout lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plane {
    /// Indices of the coordinates in an observation.
    pub position: [usize; 2],
    /// Indices of the goal's coordinates in a task.
    pub goal: [usize; 2],
}

#[cfg(test)]
mod tests;
