//! 2D navigation, section 5.3 of the paper: a point moves to a goal that it does not see.
//!
//! ```text
//! position ← position + clip(action, ±0.1)         starts at (0, 0)
//! reward    = −‖position − goal‖ or −‖position − goal‖²
//! ```
//!
//! Observed is the position. A rollout terminates where both coordinates are within
//! 0.01 of the goal. The paper's text has the squared distance, its code the distance.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Actions, Environment, Environments, Plane, ShownTask, Step};
use crate::fault::{Fault, bounds, horizon};
use crate::tasks::{
    Contents, EvaluationDefaults, ExportDefaults, Facts, Keys, Sizes, TaskFamily, TaskSizes,
    TaskSource, TasksError, uniform,
};

/// A point that is to find a goal. The defaults are those of the paper's code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Navigation {
    /// Bounds of both coordinates of the goal.
    pub goal: [f64; 2],
    /// What is paid for each step.
    pub reward: DistanceReward,
    /// The most steps of a rollout.
    pub horizon: usize,
    /// What the policy is shown.
    pub inputs: ShownTask,
}

/// What a step costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DistanceReward {
    /// The distance to the goal.
    #[default]
    Distance,
    /// Its square.
    SquaredDistance,
}

/// A velocity.
const ACTIONS: Actions = Actions::Continuous(2);

/// The largest change of a coordinate in a step.
const SPEED: f32 = 0.1;

/// How near both coordinates are at the goal.
const NEAR: f32 = 0.01;

impl Default for Navigation {
    fn default() -> Self {
        Self {
            goal: [-0.5, 0.5],
            reward: DistanceReward::Distance,
            horizon: 100,
            inputs: ShownTask::Observation,
        }
    }
}

impl TaskSizes for Navigation {
    fn sizes(&self) -> Sizes {
        Sizes::of_rollouts(self.inputs.width(2, 2), ACTIONS, self.horizon)
    }
}

impl TaskFamily for Navigation {
    fn check(&self) -> Result<(), Fault> {
        bounds("tasks.goal", self.goal)?;
        horizon(self.horizon)
    }

    fn facts(&self) -> Facts {
        Facts {
            finite_classes: false,
            target_scale: false,
            shows_task: Some(self.inputs == ShownTask::ObservationAndTask),
            actions: Some(ACTIONS),
            evaluation: EvaluationDefaults::ROLLOUTS,
            export: ExportDefaults::ROLLOUTS,
        }
    }

    fn keys(&mut self) -> Keys<'_> {
        Keys {
            ways: None,
            path: None,
            unit_split: None,
        }
    }

    fn keep_evaluation_keys(&mut self) {
        self.inputs = ShownTask::Observation;
    }

    fn source(&self) -> Result<TaskSource, TasksError> {
        Ok(TaskSource::Acting(Arc::from(self.inputs.of(self.clone()))))
    }

    fn contents(&self) -> Result<Option<Contents>, TasksError> {
        Ok(None)
    }
}

impl Environments for Navigation {
    fn observation(&self) -> usize {
        2
    }

    fn actions(&self) -> Actions {
        ACTIONS
    }

    fn horizon(&self) -> usize {
        self.horizon
    }

    fn task_names(&self) -> Vec<String> {
        ["goal x", "goal y"].map(str::to_owned).to_vec()
    }

    fn draw_task(&self, rng: &mut ChaCha8Rng) -> Vec<f32> {
        (0..2).map(|_| uniform(rng, self.goal)).collect()
    }

    fn create(&self) -> Box<dyn Environment> {
        Box::new(Point {
            reward: self.reward,
            position: [0.0; 2],
            goal: [0.0; 2],
        })
    }

    fn plane(&self) -> Option<Plane> {
        Some(Plane {
            position: [0, 1],
            goal: [0, 1],
        })
    }
}

/// The point of one rollout.
struct Point {
    reward: DistanceReward,
    position: [f32; 2],
    goal: [f32; 2],
}

impl Environment for Point {
    fn reset(&mut self, task: &[f32], _: &mut ChaCha8Rng, observation: &mut Vec<f32>) {
        self.position = [0.0; 2];
        self.goal = [task[0], task[1]];
        observation.extend(self.position);
    }

    fn step(&mut self, action: &[f32], observation: &mut Vec<f32>) -> Step {
        for (coordinate, velocity) in self.position.iter_mut().zip(action) {
            *coordinate += velocity.clamp(-SPEED, SPEED);
        }
        observation.extend(self.position);
        let [x, y] = [0, 1].map(|at| self.position[at] - self.goal[at]);
        let squared = x * x + y * y;
        let cost = match self.reward {
            DistanceReward::Distance => squared.sqrt(),
            DistanceReward::SquaredDistance => squared,
        };
        Step {
            terminated: x.abs() < NEAR && y.abs() < NEAR,
            ..Step::of(-cost)
        }
    }
}
