use burn::backend::Flex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::baseline::Baseline;
use super::*;

fn experience(rng: &mut ChaCha8Rng, lengths: &[usize], ends: &[End]) -> Experience {
    let (rollouts, steps, observation) = (lengths.len(), 6, 2);
    let mut numbers =
        |count: usize| -> Vec<f32> { (0..count).map(|_| rng.random_range(-2.0..2.0)).collect() };
    let mut rewards = numbers(rollouts * steps);
    for (row, &length) in rewards.chunks_mut(steps).zip(lengths) {
        row[length..].fill(0.0);
    }
    Experience {
        rollouts,
        steps,
        observation,
        observations: numbers(rollouts * steps * observation),
        actions: numbers(rollouts * steps),
        outputs: numbers(rollouts * steps * 2),
        rewards,
        lengths: lengths.to_vec(),
        ends: ends.to_vec(),
    }
}

const WEIGHING: Weighing = Weighing {
    discount: 0.9,
    lambda: 0.8,
    standardise: false,
};

/// Plain sums over everything that is still to come.
#[test]
fn advantages_are_those_of_their_equation() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let last = vec![0.3, -0.4];
    let ends = [End::Horizon, End::Terminated, End::Truncated(last.clone())];
    let experience = experience(&mut rng, &[6, 3, 4], &ends);
    let returns: Vec<Vec<f64>> = (0..3)
        .map(|at| {
            let rewards = experience.rewards_of(at);
            let from = |start: usize| {
                let rest = rewards[start..].iter().enumerate();
                rest.map(|(k, &r)| 0.9f64.powi(k as i32) * f64::from(r))
                    .sum()
            };
            (0..rewards.len()).map(from).collect()
        })
        .collect();
    let baseline = Baseline::fitted(&experience, &returns);
    let given = advantages(&experience, &WEIGHING);
    for at in 0..3 {
        let rewards = experience.rewards_of(at);
        let seen: Vec<&[f32]> = experience.observations_of(at).collect();
        let value = |t: usize| match seen.get(t) {
            Some(observation) => baseline.value(t, observation),
            None if at == 2 => baseline.value(t, &last),
            None => 0.0,
        };
        for (t, given) in given[at].iter().enumerate() {
            let expected: f64 = (t..rewards.len())
                .map(|k| {
                    let surprise = f64::from(rewards[k]) + 0.9 * value(k + 1) - value(k);
                    (0.9f64 * 0.8).powi((k - t) as i32) * surprise
                })
                .sum();
            assert!(
                (given - expected).abs() < 1e-9,
                "{at}, {t}: {given} {expected}"
            );
        }
    }
}

/// No direction of the features is left that would fit better.
#[test]
fn the_baseline_is_a_least_squares_fit() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let ends = vec![End::Horizon; 40];
    let experience = experience(&mut rng, &[6; 40], &ends);
    let returns: Vec<Vec<f64>> = (0..40)
        .map(|at| discounted(experience.rewards_of(at), 0.9))
        .collect();
    let baseline = Baseline::fitted(&experience, &returns);
    let mut products = [0.0; 4];
    for (at, returns) in returns.iter().enumerate() {
        for ((t, observation), target) in experience.observations_of(at).enumerate().zip(returns) {
            let rest = target - baseline.value(t, observation);
            let [x, y] = [0, 1].map(|i| f64::from(observation[i]));
            for (sum, feature) in products.iter_mut().zip([1.0, x, y * y, t as f64 / 100.0]) {
                *sum += rest * feature;
            }
        }
    }
    for product in products {
        assert!(product.abs() < 1e-3, "{products:?}");
    }
}

#[test]
fn a_mean_over_all_places_is_one_over_the_steps_that_were_taken() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let ends = [End::Terminated, End::Horizon];
    let experience = experience(&mut rng, &[2, 6], &ends);
    let equal = experience.equal_weights();
    assert_eq!(equal[2..6], [0.0; 4]);
    assert!((equal.iter().sum::<f32>() / 12.0 - 1.0).abs() < 1e-6);
    let weighing = Weighing {
        standardise: true,
        ..WEIGHING
    };
    let weights = experience.weights(&weighing);
    let mean = weights.iter().sum::<f32>() / 12.0;
    assert!(mean.abs() < 1e-6, "{mean}");
    let seen = Seen::<Flex>::new(
        experience,
        crate::loss::Policy::Gaussian,
        &weighing,
        &Default::default(),
    );
    assert_eq!(seen.taken, 8);
}

/// What a board computes of the same rewards in single precision.
#[test]
fn a_board_has_the_same_advantages() {
    use mamlet_runtime::actor::{advantage, baseline};

    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let ends = vec![End::Horizon; 8];
    let lengths = [6, 6, 4, 6, 5, 6, 6, 3];
    let experience = experience(&mut rng, &lengths, &ends);
    let rollouts = 0..lengths.len();
    let seen: Vec<f32> = (rollouts.clone())
        .flat_map(|rollout| experience.observations_of(rollout).flatten().copied())
        .collect();
    let mut rewards: Vec<f32> = (rollouts)
        .flat_map(|rollout| experience.rewards_of(rollout).to_vec())
        .collect();
    let mut values = vec![0.0; rewards.len()];
    let mut memory = vec![0.0; baseline::memory(2)];
    let (lengths, rates) = (lengths.iter().copied(), [0.9, 0.8]);
    let fitted = advantage::of_episodes(
        &seen,
        &mut rewards,
        lengths,
        rates,
        &mut values,
        &mut memory,
    );
    assert_eq!(fitted, Ok(advantage::Values::Linear));
    let weighing = Weighing {
        standardise: true,
        ..WEIGHING
    };
    let own = advantages(&experience, &weighing);
    for (board, own) in rewards.iter().zip(own.iter().flatten()) {
        assert!((f64::from(*board) - own).abs() < 1e-2, "{board} {own}");
    }
}
