//! The decision process by enumeration of all that can happen.
//!
//! The policy takes action 1 in state `s` with the probability `π_s = 1/(1 + e^{−z_s})`, so
//! that `∂ log π(a|s)/∂z_s = a − π_s` and `∂² log π(a|s)/∂z_s² = −π_s (1 − π_s)`.

use crate::mdp::{NEXT, REWARDS, START, STEPS};

/// By `z_0`, `z_0` and `z_1`, and `z_1`.
pub type Hessian = [f64; 3];

/// One way that a rollout can go.
pub struct Path {
    pub probability: f64,
    /// States and actions.
    pub steps: Vec<(usize, usize)>,
}

/// What a Hessian is of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kept {
    /// The expected return itself.
    All,
    /// The log-likelihood times the advantage.
    LogLikelihood,
    /// The ratio of each step times the advantage.
    Ratio,
}

/// The probability of an action in a state.
pub fn share(z: [f64; 2], state: usize, action: usize) -> f64 {
    let of_one = 1.0 / (1.0 + (-z[state]).exp());
    [1.0 - of_one, of_one][action]
}

fn to(probability: f64, state: usize) -> f64 {
    [1.0 - probability, probability][state]
}

/// All that can happen.
pub fn paths(z: [f64; 2]) -> Vec<Path> {
    let start = |state| Path {
        probability: to(START, state),
        steps: vec![(state, 0)],
    };
    let mut paths: Vec<Path> = vec![start(0), start(1)];
    for step in 0..STEPS {
        let longer = paths.into_iter().flat_map(|path| {
            let state = path.steps[step].0;
            [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(action, next)| {
                let mut steps = path.steps.clone();
                steps[step].1 = action;
                steps.push((next, 0));
                let moved = to(NEXT[state][action], next);
                Path {
                    probability: path.probability * share(z, state, action) * moved,
                    steps,
                }
            })
        });
        paths = longer.collect();
    }
    for path in &mut paths {
        path.steps.truncate(STEPS);
    }
    paths
}

/// The expected return.
pub fn expected_return(z: [f64; 2]) -> f64 {
    let of_path = |path: &Path| {
        let rewards = path
            .steps
            .iter()
            .map(|&(state, action)| REWARDS[state][action]);
        path.probability * rewards.sum::<f64>()
    };
    paths(z).iter().map(of_path).sum()
}

/// The expected return from step `t` on, of a state.
pub fn values(z: [f64; 2]) -> Vec<[f64; 2]> {
    let mut values = vec![[0.0; 2]; STEPS + 1];
    for t in (0..STEPS).rev() {
        values[t] = [0, 1].map(|state| {
            let of_action = |action: usize| {
                let next = NEXT[state][action];
                let rest = (1.0 - next) * values[t + 1][0] + next * values[t + 1][1];
                share(z, state, action) * (REWARDS[state][action] + rest)
            };
            of_action(0) + of_action(1)
        });
    }
    values
}

/// The expected Hessian of what is kept, with the return from each step on less
/// `baseline(t, s)` as its advantage.
pub fn hessian(z: [f64; 2], kept: Kept, baseline: impl Fn(usize, usize) -> f64) -> Hessian {
    let mut sum = [0.0; 3];
    for path in paths(z) {
        let (mut score, mut curvature) = ([0.0; 2], [0.0; 2]);
        for (t, &(state, action)) in path.steps.iter().enumerate() {
            let of_one = share(z, state, 1);
            let own_score = action as f64 - of_one;
            let own_curvature = -of_one * (1.0 - of_one);
            score[state] += own_score;
            curvature[state] += own_curvature;
            let rest = path.steps[t..].iter();
            let rest = rest.map(|&(state, action)| REWARDS[state][action]);
            let advantage = rest.sum::<f64>() - baseline(t, state);
            let reward = REWARDS[state][action];
            let weight = path.probability;
            match kept {
                // Every step so far has a part in this reward.
                Kept::All => {
                    sum[0] += weight * reward * (score[0] * score[0] + curvature[0]);
                    sum[1] += weight * reward * score[0] * score[1];
                    sum[2] += weight * reward * (score[1] * score[1] + curvature[1]);
                }
                Kept::LogLikelihood => sum[2 * state] += weight * advantage * own_curvature,
                Kept::Ratio => {
                    let own = own_score * own_score + own_curvature;
                    sum[2 * state] += weight * advantage * own;
                }
            }
        }
    }
    sum
}

#[test]
fn the_exact_hessian_equals_differences_of_the_expected_return() {
    let z = [0.3, -0.5];
    let step = 1e-3;
    let at = |x: f64, y: f64| expected_return([z[0] + x * step, z[1] + y * step]);
    let square = step * step;
    let expected = [
        (at(1.0, 0.0) - 2.0 * at(0.0, 0.0) + at(-1.0, 0.0)) / square,
        (at(1.0, 1.0) - at(1.0, -1.0) - at(-1.0, 1.0) + at(-1.0, -1.0)) / (4.0 * square),
        (at(0.0, 1.0) - 2.0 * at(0.0, 0.0) + at(0.0, -1.0)) / square,
    ];
    for (given, expected) in hessian(z, Kept::All, |_, _| 0.0).iter().zip(expected) {
        assert!((given - expected).abs() < 1e-6, "{given} {expected}");
    }
    let probability: f64 = paths(z).iter().map(|path| path.probability).sum();
    assert!((probability - 1.0).abs() < 1e-12);
    let [first, second] = values(z)[0];
    let mean = (1.0 - START) * first + START * second;
    assert!((mean - expected_return(z)).abs() < 1e-12);
}
