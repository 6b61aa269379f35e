//! The table of a robot in a config.

use std::marker::PhantomData;
use std::path::PathBuf;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Robot;
use crate::environments::{Actions, ShownTask};
use crate::fault::{Fault, horizon};
use crate::tasks::{
    Contents, EvaluationDefaults, ExportDefaults, Facts, Keys, Sizes, TaskFamily, TaskSizes,
    TaskSource, TasksError, uniform,
};

/// A robot that is to move. The defaults are those of the paper's code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, bound = "")]
pub struct Locomotion<R: Robot> {
    /// How it is to move, in which tasks differ.
    pub goal: Goal,
    /// The most steps of a rollout.
    pub horizon: usize,
    /// An XML file with another model of the robot, from the working folder; the paper's
    /// is built in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<PathBuf>,
    /// What the policy is shown.
    pub inputs: ShownTask,
    #[serde(skip)]
    robot: PhantomData<R>,
}

/// How a robot is to move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Forward or backward, as fast as it can.
    #[default]
    Direction,
    /// At a velocity, which is drawn uniformly.
    Velocity,
}

impl Goal {
    /// What a step at `velocity` gains: `target · velocity`, where the target is 1 or −1, or
    /// `−|velocity − target|`.
    pub fn gain(self, target: f64, velocity: f64) -> f64 {
        match self {
            Self::Direction => target * velocity,
            Self::Velocity => -(velocity - target).abs(),
        }
    }

    /// The name of the number of a task, with its unit.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direction => "direction",
            Self::Velocity => "velocity (m/s)",
        }
    }

    /// Draws that number: either direction, or one of `velocities`.
    pub fn draw(self, velocities: [f64; 2], rng: &mut ChaCha8Rng) -> f32 {
        match self {
            Self::Direction if rng.random() => 1.0,
            Self::Direction => -1.0,
            Self::Velocity => uniform(rng, velocities),
        }
    }
}

impl<R: Robot> Locomotion<R> {
    fn actions() -> Actions {
        Actions::Continuous(R::SIZES.motors)
    }
}

impl<R: Robot> Default for Locomotion<R> {
    fn default() -> Self {
        Self {
            goal: Goal::Direction,
            horizon: 200,
            model: None,
            inputs: ShownTask::Observation,
            robot: PhantomData,
        }
    }
}

impl<R: Robot> TaskSizes for Locomotion<R> {
    fn sizes(&self) -> Sizes {
        let width = self.inputs.width(R::OBSERVATION, 1);
        Sizes::of_rollouts(width, Self::actions(), self.horizon)
    }
}

impl<R: Robot> TaskFamily for Locomotion<R> {
    fn check(&self) -> Result<(), Fault> {
        horizon(self.horizon)
    }

    fn facts(&self) -> Facts {
        Facts {
            finite_classes: false,
            target_scale: false,
            shows_task: Some(self.inputs == ShownTask::ObservationAndTask),
            actions: Some(Self::actions()),
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

    #[cfg(feature = "mujoco")]
    fn source(&self) -> Result<TaskSource, TasksError> {
        let runners = super::runner::Runners::<R>::open(self)?;
        Ok(TaskSource::Acting(self.inputs.of(runners).into()))
    }

    #[cfg(not(feature = "mujoco"))]
    fn source(&self) -> Result<TaskSource, TasksError> {
        Err(super::MujocoError::NotBuilt { robot: R::NAME }.into())
    }

    fn contents(&self) -> Result<Option<Contents>, TasksError> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::environments::{Ant, HalfCheetah};
    use crate::nn::Shape;
    use crate::tasks::TasksConfig;

    fn read(text: &str) -> Result<TasksConfig, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn robots_are_known_to_configs() {
        let text = "distribution = \"half_cheetah\"\ngoal = \"velocity\"\nhorizon = 100\n";
        let tasks = read(text).unwrap();
        assert_eq!(tasks.facts().actions, Some(Actions::Continuous(6)));
        assert_eq!(tasks.sizes().shape, Shape::Vector(20));
        let written = toml::to_string(&tasks).unwrap();
        assert_eq!(read(&written).unwrap(), tasks);
        let ant = read("distribution = \"ant\"\ninputs = \"observation_and_task\"\n").unwrap();
        assert_eq!(ant.sizes().shape, Shape::Vector(126));
        for wrong in ["goal = \"sideways\"", "horizont = 3", "robot = 1"] {
            assert!(read(&format!("distribution = \"ant\"\n{wrong}\n")).is_err());
        }
        for horizon in [0, 100_001] {
            let text = format!("distribution = \"ant\"\nhorizon = {horizon}\n");
            assert_eq!(
                read(&text).unwrap().check().unwrap_err().key,
                "tasks.horizon"
            );
        }
    }

    #[test]
    fn goals_are_both_directions_or_all_velocities() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut draw = |goal: Goal, range| -> Vec<f32> {
            (0..400).map(|_| goal.draw(range, &mut rng)).collect()
        };
        let ways = draw(Goal::Direction, Ant::VELOCITIES);
        let forward = ways.iter().filter(|&&way| way == 1.0).count();
        assert!(ways.iter().all(|way| way.abs() == 1.0) && (160..240).contains(&forward));
        for (range, last) in [(HalfCheetah::VELOCITIES, 2.0), (Ant::VELOCITIES, 3.0)] {
            let speeds = draw(Goal::Velocity, range);
            let largest = speeds.iter().copied().fold(0.0, f32::max);
            assert!(speeds.iter().all(|speed| (0.0..last).contains(speed)));
            assert!(largest > 0.95 * last);
        }
    }

    #[cfg(not(feature = "mujoco"))]
    #[test]
    fn without_mujoco_it_is_said_how_to_get_it() {
        let tasks = read("distribution = \"half_cheetah\"\n").unwrap();
        let said = tasks.source().err().unwrap().to_string();
        assert!(
            said.contains("half-cheetah") && said.contains("cargo xtask mujoco"),
            "{said}"
        );
    }
}
