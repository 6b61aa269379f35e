//! A decision process with two states, two actions and three steps.

use mamlet_trainer::environments::{Actions, Environment, Environments, Step};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

pub const STEPS: usize = 3;

/// The probability to start in state 1.
pub const START: f64 = 0.4;

/// The probability to be in state 1 next, of a state and an action.
pub const NEXT: [[f64; 2]; 2] = [[0.2, 0.7], [0.6, 0.1]];

/// The reward of an action in a state.
pub const REWARDS: [[f64; 2]; 2] = [[1.0, 0.2], [-0.5, 1.5]];

/// What is observed of a state is one-hot.
pub struct Mdp;

struct State(usize);

impl Environments for Mdp {
    fn observation(&self) -> usize {
        2
    }

    fn actions(&self) -> Actions {
        Actions::Discrete(2)
    }

    fn horizon(&self) -> usize {
        STEPS
    }

    fn task_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn draw_task(&self, _: &mut ChaCha8Rng) -> Vec<f32> {
        Vec::new()
    }

    fn create(&self) -> Box<dyn Environment> {
        Box::new(Walk {
            state: State(0),
            moves: [0.0; STEPS],
            at: 0,
        })
    }
}

struct Walk {
    state: State,
    /// What decides where each step leads to, drawn at the reset.
    moves: [f64; STEPS],
    at: usize,
}

impl State {
    fn observed(&self, observation: &mut Vec<f32>) {
        observation.extend([0, 1].map(|state| f32::from(u8::from(state == self.0))));
    }
}

impl Environment for Walk {
    fn reset(&mut self, _: &[f32], rng: &mut ChaCha8Rng, observation: &mut Vec<f32>) {
        self.state = State(usize::from(rng.random::<f64>() < START));
        self.moves = [0; STEPS].map(|_| rng.random());
        self.at = 0;
        self.state.observed(observation);
    }

    fn step(&mut self, action: &[f32], observation: &mut Vec<f32>) -> Step {
        let action = usize::from(action[0] > 0.5);
        let reward = REWARDS[self.state.0][action];
        self.state = State(usize::from(
            self.moves[self.at] < NEXT[self.state.0][action],
        ));
        self.at += 1;
        self.state.observed(observation);
        Step::of(reward as f32)
    }
}
