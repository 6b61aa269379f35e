//! The half-cheetah of the paper: a planar robot of two legs, which is to run.
//!
//! ```text
//! reward = gain − 0.05 Σ a²        gain: ±v, or −|v − goal|, goal in U[0, 2] m/s
//! ```
//!
//! `v` is the velocity of its centre of mass along x, `a` the six actions, clipped to ±1. It
//! observes 20 numbers: its positions but for x (8), its velocities (9) and its centre of mass
//! (3). It never falls. A step takes 0.01 s.
//!
//! From `half_cheetah_env_rand.py` and `half_cheetah_env_rand_direc.py` of cbfinn/maml_rl.

use super::mujoco::{Goal, Robot, RobotSizes, State, append};

/// The half-cheetah.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HalfCheetah;

impl Robot for HalfCheetah {
    const NAME: &'static str = "the half-cheetah";
    const MODEL: &'static str = include_str!("../../models/mujoco/half_cheetah.xml");
    const SIZES: RobotSizes = RobotSizes {
        positions: 9,
        velocities: 9,
        bodies: 8,
        motors: 6,
    };
    const OBSERVATION: usize = 20;
    const VELOCITIES: [f64; 2] = [0.0, 2.0];
    const FORCES: bool = false;

    fn observe(state: &State<'_>, observation: &mut Vec<f32>) {
        append(observation, &state.positions[1..]);
        append(observation, state.velocities);
        append(observation, state.centre);
    }

    fn reward(goal: Goal, target: f64, action: &[f64], state: &State<'_>) -> f64 {
        let effort: f64 = action.iter().map(|a| a * a).sum();
        goal.gain(target, state.velocity[0]) - 0.05 * effort
    }

    fn has_fallen(_: &State<'_>) -> bool {
        false
    }
}
