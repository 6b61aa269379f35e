//! Robots as environments.

use std::marker::PhantomData;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::simulation::{Simulation, Simulator};
use super::{Goal, Locomotion, MujocoError, Robot};
use crate::environments::{Actions, Environment, Environments, Step};

/// A family of tasks of one robot.
pub(super) struct Runners<R> {
    goal: Goal,
    horizon: usize,
    simulator: Arc<Simulator>,
    robot: PhantomData<R>,
}

/// One robot, in one rollout.
pub(super) struct Runner<R> {
    goal: Goal,
    /// What the task asks for.
    pub target: f64,
    /// Of one step, clipped.
    actions: Vec<f64>,
    pub simulation: Simulation,
    robot: PhantomData<R>,
}

impl<R: Robot> Runners<R> {
    /// Reads the model of a table.
    ///
    /// # Errors
    /// As [`Simulator::open`].
    pub fn open(table: &Locomotion<R>) -> Result<Self, MujocoError> {
        Ok(Self {
            goal: table.goal,
            horizon: table.horizon,
            simulator: Simulator::open::<R>(table.model.as_deref())?,
            robot: PhantomData,
        })
    }
}

impl<R: Robot> Environments for Runners<R> {
    fn observation(&self) -> usize {
        R::OBSERVATION
    }

    fn actions(&self) -> Actions {
        Actions::Continuous(R::SIZES.motors)
    }

    fn horizon(&self) -> usize {
        self.horizon
    }

    fn task_names(&self) -> Vec<String> {
        vec![self.goal.name().into()]
    }

    fn draw_task(&self, rng: &mut ChaCha8Rng) -> Vec<f32> {
        vec![self.goal.draw(R::VELOCITIES, rng)]
    }

    fn create(&self) -> Box<dyn Environment> {
        Box::new(Runner::<R>::new(self.goal, &self.simulator))
    }
}

impl<R> Runner<R> {
    /// A robot, which must be reset.
    pub fn new(goal: Goal, simulator: &Arc<Simulator>) -> Self {
        Self {
            goal,
            target: 0.0,
            actions: Vec::new(),
            simulation: simulator.simulate(),
            robot: PhantomData,
        }
    }
}

impl<R: Robot> Environment for Runner<R> {
    fn reset(&mut self, task: &[f32], rng: &mut ChaCha8Rng, observation: &mut Vec<f32>) {
        self.target = f64::from(task[0]);
        self.simulation.start(rng);
        R::observe(&self.simulation.state(), observation);
    }

    fn step(&mut self, action: &[f32], observation: &mut Vec<f32>) -> Step {
        self.actions.clear();
        let clipped = action.iter().map(|&a| f64::from(a).clamp(-1.0, 1.0));
        self.actions.extend(clipped);
        // What is no number is for the reward to tell.
        let moves = !self.actions.iter().any(|action| action.is_nan());
        let is_stable = !moves || self.simulation.step(&self.actions);
        let state = self.simulation.state();
        R::observe(&state, observation);
        Step {
            terminated: !is_stable || R::has_fallen(&state),
            ..Step::of(R::reward(self.goal, self.target, &self.actions, &state) as f32)
        }
    }
}
