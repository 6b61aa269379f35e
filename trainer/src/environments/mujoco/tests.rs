//! Robots beside MuJoCo's own Python package, and what is worked out by hand.

use std::path::PathBuf;
use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use serde_json::Value;

use super::runner::Runner;
use super::simulation::{Simulator, check_version};
use super::*;
use crate::environments::{Ant, Environment, Environments, HalfCheetah, Step};
use crate::tasks::{TaskFamily, TaskSource};

/// What `tests/mujoco/golden.py` wrote of a robot.
#[derive(Deserialize)]
struct Golden {
    positions: Vec<f64>,
    velocities: Vec<f64>,
    targets: [f64; 2],
    actions: Vec<Vec<f32>>,
    rewards: Vec<[f64; 2]>,
    observations: std::collections::BTreeMap<usize, Vec<f64>>,
}

fn golden(robot: &str) -> Golden {
    let text = include_str!("../../../tests/mujoco/golden.json");
    let all: Value = serde_json::from_str(text).unwrap();
    assert_eq!(all["mujoco"], error::VERSION);
    Golden::deserialize(&all[robot]).unwrap()
}

/// Differences of other processors grow with every step.
fn assert_near(given: &[f32], expected: &[f64], what: &str) {
    assert_eq!(given.len(), expected.len(), "{what}");
    for (at, (&given, &expected)) in given.iter().zip(expected).enumerate() {
        let near = (f64::from(given) - expected).abs() < 1e-5 * (1.0 + expected.abs());
        assert!(near, "{what}, {at}: {given}, not {expected}");
    }
}

fn follow<R: Robot>(name: &str) {
    let golden = golden(name);
    let simulator = Simulator::open::<R>(None).unwrap();
    for (at, goal) in [Goal::Direction, Goal::Velocity].into_iter().enumerate() {
        let mut runner = Runner::<R>::new(goal, &simulator);
        let mut observation = Vec::new();
        runner.target = golden.targets[at];
        runner
            .simulation
            .place(&golden.positions, &golden.velocities);
        R::observe(&runner.simulation.state(), &mut observation);
        assert_near(&observation, &golden.observations[&0], name);
        for (step, action) in golden.actions.iter().enumerate() {
            observation.clear();
            let Step { reward, .. } = runner.step(action, &mut observation);
            let what = format!("{name}, {goal:?}, step {}", step + 1);
            assert_near(&[reward], &[golden.rewards[step][at]], &what);
            if let Some(expected) = golden.observations.get(&(step + 1)) {
                assert_near(&observation, expected, &what);
            }
        }
    }
}

#[test]
fn robots_move_as_in_the_code_of_the_paper() {
    follow::<HalfCheetah>("half_cheetah");
    follow::<Ant>("ant");
}

#[test]
fn rewards_are_what_they_are_by_hand() {
    let mut forces = [[0.0; 6]; 14];
    forces[3] = [0.5, -30.0, 0.0, 0.0, 2.0, 0.0];
    let state = State {
        positions: &[0.0, 0.0, 0.5],
        velocities: &[],
        forces: &forces,
        orientation: &[0.0; 9],
        centre: &[0.0; 3],
        velocity: &[1.25, 9.0, 9.0],
    };
    let near = |given: f64, expected: f64| assert!((given - expected).abs() < 1e-12, "{given}");
    let action = [1.0, -0.5, 0.0, 0.0, 0.0, 0.0];
    near(
        HalfCheetah::reward(Goal::Direction, -1.0, &action, &state),
        -1.25 - 0.0625,
    );
    near(
        HalfCheetah::reward(Goal::Velocity, 2.0, &action, &state),
        -0.75 - 0.0625,
    );
    // 0.25 + 1 + 1 of contacts.
    let costs = 0.005 * 1.25 + 0.0005 * 2.25;
    near(
        Ant::reward(Goal::Direction, 1.0, &action, &state),
        1.25 - costs + 0.05,
    );
    near(
        Ant::reward(Goal::Velocity, 3.0, &action, &state),
        -1.75 - costs + 1.05,
    );
}

/// A rollout of 40 steps with actions of its own.
fn rollout(environments: &dyn Environments, seed: u64) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let task = environments.draw_task(&mut rng);
    let mut environment = environments.create();
    let mut seen = Vec::new();
    environment.reset(&task, &mut rng, &mut seen);
    for step in 0..40 {
        let motors = environments.actions().width();
        let angle = |motor: usize| (seed as f32 + 0.3 * step as f32 + motor as f32).sin();
        let action: Vec<f32> = (0..motors).map(angle).collect();
        let Step { reward, .. } = environment.step(&action, &mut seen);
        seen.push(reward);
    }
    seen.into_iter().map(f32::to_bits).collect()
}

#[test]
fn rollouts_are_the_same_whatever_runs_beside_them() {
    fn acting(family: &dyn TaskFamily) -> Arc<dyn Environments> {
        match family.source() {
            Ok(TaskSource::Acting(environments)) => environments,
            _ => panic!("no environments"),
        }
    }
    for family in [
        &Locomotion::<HalfCheetah>::default() as &dyn TaskFamily,
        &Locomotion::<Ant>::default(),
    ] {
        let alone: Vec<_> = (0..8).map(|seed| rollout(&*acting(family), seed)).collect();
        assert_ne!(alone[0], alone[1]);
        // States are used again, by other rollouts than before.
        let environments = acting(family);
        for _ in 0..2 {
            let together: Vec<_> = std::thread::scope(|scope| {
                let start = |seed| {
                    scope.spawn({
                        let environments = environments.clone();
                        move || rollout(&*environments, seed)
                    })
                };
                let running: Vec<_> = (0..8).rev().map(start).collect();
                running
                    .into_iter()
                    .rev()
                    .map(|it| it.join().unwrap())
                    .collect()
            });
            assert!(together == alone);
        }
    }
}

#[test]
fn an_ant_that_falls_or_jumps_ends_a_rollout() {
    let simulator = Simulator::open::<Ant>(None).unwrap();
    let mut ant = Runner::<Ant>::new(Goal::Direction, &simulator);
    let start = golden("ant");
    let mut ends = |height: f64| {
        let mut positions = start.positions.clone();
        positions[2] = height;
        ant.simulation.place(&positions, &start.velocities);
        ant.step(&[0.0; 8], &mut Vec::new())
    };
    assert_eq!(
        [0.1, 0.55, 1.2].map(|height| ends(height).terminated),
        [true, false, true]
    );
    assert!(!ends(0.1).truncated);
}

#[test]
fn an_unstable_simulation_ends_a_rollout_with_numbers() {
    let simulator = Simulator::open::<HalfCheetah>(None).unwrap();
    let mut cheetah = Runner::<HalfCheetah>::new(Goal::Direction, &simulator);
    cheetah.simulation.place(&[0.0; 9], &[1e9; 9]);
    let mut seen = Vec::new();
    let mut step = cheetah.step(&[0.0; 6], &mut seen);
    for _ in 0..20 {
        if !step.terminated {
            seen.clear();
            step = cheetah.step(&[0.0; 6], &mut seen);
        }
    }
    assert!(step.terminated && step.reward.is_finite());
    assert!(seen.iter().all(|number| number.is_finite()));
    // The next rollout is none the worse.
    cheetah.simulation.place(&[0.0; 9], &[0.0; 9]);
    assert!(!cheetah.step(&[0.0; 6], &mut seen).terminated);
}

#[test]
fn an_action_that_is_no_number_shows_in_the_reward() {
    for motor in [0, 5] {
        let simulator = Simulator::open::<HalfCheetah>(None).unwrap();
        let mut cheetah = Runner::<HalfCheetah>::new(Goal::Direction, &simulator);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut seen = Vec::new();
        cheetah.reset(&[1.0], &mut rng, &mut seen);
        let mut action = [0.5; 6];
        action[motor] = f32::NAN;
        let step = cheetah.step(&action, &mut seen);
        assert!(step.reward.is_nan());
        assert_eq!(seen[..20], seen[20..]);
        action[motor] = f32::INFINITY;
        assert!(cheetah.step(&action, &mut seen).reward.is_finite());
    }
}

#[test]
fn a_start_is_noisy() {
    let simulator = Simulator::open::<Ant>(None).unwrap();
    let mut ant = simulator.simulate();
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let (mut places, mut speeds) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        ant.start(&mut rng);
        let state = ant.state();
        places.push(state.positions[2] - 0.55);
        speeds.extend(state.velocities);
    }
    let deviation = |numbers: &[f64]| {
        let squares: f64 = numbers.iter().map(|number| number * number).sum();
        (squares / numbers.len() as f64).sqrt()
    };
    assert!((0.008..0.012).contains(&deviation(&places)));
    assert!((0.09..0.11).contains(&deviation(&speeds)));
}

#[test]
fn a_model_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let said = |file: &str, text: Option<&str>| {
        let path: PathBuf = folder.path().join(file);
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        let error = Simulator::open::<HalfCheetah>(Some(&path)).err().unwrap();
        let said = error.to_string();
        assert!(said.contains(file), "{said}");
        said
    };
    assert!(said("missing.xml", None).contains("No such file"));
    assert!(said("torn.xml", Some("<mujoco><worldbody>")).len() > 20);
    let ant = said("other.xml", Some(Ant::MODEL));
    assert!(
        ant.contains("motors: 8") && ant.contains("motors: 6"),
        "{ant}"
    );
    let headless = HalfCheetah::MODEL.replace("body name='torso'", "body name='trunk'");
    assert!(said("headless.xml", Some(&headless)).contains("torso"));
    let free = HalfCheetah::MODEL.replace("ctrllimited='true'", "ctrllimited='false'");
    let free = free.replace("ctrlrange='-1 1'", "");
    assert!(said("free.xml", Some(&free)).contains("ctrlrange"));
}

#[test]
fn another_version_is_refused() {
    assert_eq!(check_version("3.17.0"), Ok(()));
    let said = check_version("3.3.5").unwrap_err().to_string();
    let says = [
        "3.3.5",
        "3.17.0",
        env!("MAMLET_MUJOCO"),
        "cargo xtask mujoco",
    ];
    assert!(says.iter().all(|word| said.contains(word)), "{said}");
}
