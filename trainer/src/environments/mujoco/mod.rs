//! Robots that MuJoCo simulates: what the families of [`Robot`]s have in common.
//!
//! ```text
//! Locomotion<R>, the table ──► Simulator: the model, once     (feature `mujoco`)
//!                                │ create()
//!                                ▼
//!                              Simulation: one state, stepped
//!                                │ State: what can be read of it
//!                                ▼
//!                              R: observation, reward, end
//! ```
//!
//! A robot starts at its initial state with noise of standard deviation 0.01 in every
//! position and 0.1 in every velocity. Actions are in units of what the motors can do: −1 and 1
//! are the ends of a motor's range, and what is beyond is clipped. One step is one step of
//! the model. A rollout terminates where the robot has fallen, and where the simulation
//! becomes unstable. An action that is not a number moves nothing, and its reward is not a
//! number. All of it is as in the code of the paper (cbfinn/maml_rl, `rllab/envs/mujoco` and
//! `normalized_env.py`).
//!
//! Without the feature the families are known to configs, and opening one says how to build
//! with it.

mod error;
mod family;
#[cfg(feature = "mujoco")]
mod runner;
#[cfg(feature = "mujoco")]
mod simulation;
#[cfg(all(test, feature = "mujoco"))]
mod tests;

use std::fmt::Debug;

pub use error::MujocoError;
pub use family::{Goal, Locomotion};

/// A robot: what it observes, and what it is paid for.
pub trait Robot: Clone + Debug + Default + PartialEq + Send + Sync + 'static {
    /// Its name in a config, in words.
    const NAME: &'static str;
    /// Its model, as XML.
    const MODEL: &'static str;
    /// The body whose velocity counts, with all that hangs from it.
    const TORSO: &'static str = "torso";
    /// Positions, velocities, bodies with the world, and motors of its model.
    const SIZES: RobotSizes;
    /// Numbers of an observation.
    const OBSERVATION: usize;
    /// Velocities that are goals, m/s.
    const VELOCITIES: [f64; 2];
    /// Whether it feels contact forces, which take time to compute.
    const FORCES: bool;

    /// Writes [`Robot::OBSERVATION`] numbers.
    fn observe(state: &State<'_>, observation: &mut Vec<f32>);

    /// The reward of a step that led to `state`. `action` is clipped to ±1, and `target`
    /// is what the task asks for.
    fn reward(goal: Goal, target: f64, action: &[f64], state: &State<'_>) -> f64;

    /// Whether it has fallen, which ends a rollout.
    fn has_fallen(state: &State<'_>) -> bool;
}

/// How large the state of a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RobotSizes {
    /// Numbers of its positions.
    pub positions: usize,
    /// Numbers of its velocities.
    pub velocities: usize,
    /// Bodies, the world included.
    pub bodies: usize,
    /// Motors.
    pub motors: usize,
}

/// What can be read of a simulation, in metres, radians, seconds and newtons.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    /// Generalised positions.
    pub positions: &'a [f64],
    /// Generalised velocities.
    pub velocities: &'a [f64],
    /// Torque and force of contacts on each body, the world first; zeros unless
    /// [`Robot::FORCES`].
    pub forces: &'a [[f64; 6]],
    /// Orientation of the torso, a rotation matrix by rows.
    pub orientation: &'a [f64; 9],
    /// Centre of mass of the robot.
    pub centre: &'a [f64; 3],
    /// Velocity of the centre of mass.
    pub velocity: &'a [f64; 3],
}

/// Appends `numbers` to an observation.
pub(super) fn append<'a>(observation: &mut Vec<f32>, numbers: impl IntoIterator<Item = &'a f64>) {
    observation.extend(numbers.into_iter().map(|&number| number as f32));
}
