//! The ant of the paper: a robot of four legs, which is to walk.
//!
//! ```text
//! reward = gain − 0.005 Σ a² − 0.0005 Σ clip(f, ±1)² + 0.05
//! gain: ±v, or 1 − |v − goal|, goal in U[0, 3] m/s
//! ```
//!
//! `v` is the velocity of its centre of mass along x, `a` the eight actions, clipped to ±1, and `f`
//! the torques and forces of contacts on all bodies. It observes 125 numbers: its positions
//! (15), its velocities (14), `clip(f, ±1)` (84), the rotation matrix of its torso (9) and its
//! centre of mass (3). It has fallen where the height of its torso is below 0.2 m, or above 1 m. A
//! step takes 0.02 s, by Runge-Kutta.
//!
//! From `ant_env_rand.py` and `ant_env_rand_direc.py` of cbfinn/maml_rl. The MuJoCo of the paper
//! computed contact forces with every step; since version 2.0 it does so when asked, and
//! is asked here.

use super::mujoco::{Goal, Robot, RobotSizes, State, append};

/// The ant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ant;

/// Heights of a torso that stands, m.
const STANDS: std::ops::RangeInclusive<f64> = 0.2..=1.0;

/// Torques and forces as they are felt.
fn felt(state: &State<'_>) -> impl Iterator<Item = f64> {
    let all = state.forces.as_flattened();
    all.iter().map(|force| force.clamp(-1.0, 1.0))
}

impl Robot for Ant {
    const NAME: &'static str = "the ant";
    const MODEL: &'static str = include_str!("../../models/mujoco/ant.xml");
    const SIZES: RobotSizes = RobotSizes {
        positions: 15,
        velocities: 14,
        bodies: 14,
        motors: 8,
    };
    const OBSERVATION: usize = 125;
    const VELOCITIES: [f64; 2] = [0.0, 3.0];
    const FORCES: bool = true;

    fn observe(state: &State<'_>, observation: &mut Vec<f32>) {
        append(observation, state.positions);
        append(observation, state.velocities);
        observation.extend(felt(state).map(|force| force as f32));
        append(observation, state.orientation);
        append(observation, state.centre);
    }

    fn reward(goal: Goal, target: f64, action: &[f64], state: &State<'_>) -> f64 {
        // It pays to stay alive where the gain would be negative otherwise.
        let alive = match goal {
            Goal::Direction => 0.05,
            Goal::Velocity => 1.05,
        };
        let effort: f64 = action.iter().map(|a| a * a).sum();
        let contact: f64 = felt(state).map(|force| force * force).sum();
        goal.gain(target, state.velocity[0]) - 0.005 * effort - 0.0005 * contact + alive
    }

    fn has_fallen(state: &State<'_>) -> bool {
        !STANDS.contains(&state.positions[2])
    }
}
