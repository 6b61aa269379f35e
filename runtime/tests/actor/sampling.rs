//! Actions are drawn from the policy's distribution, and are the same everywhere.

use mamlet_formats::{Loss, Reduction};
use mamlet_runtime::actor::Actor;
use mamlet_runtime::{Model, Policy};

use crate::common::{Aligned, AnyModel, Net, Piece};
use crate::memory;

const LONG: Policy = Policy {
    discount: 1.0,
    lambda: 1.0,
    horizon: 20_000,
    episodes: 1,
};

/// A network whose outputs are `outputs`, whatever the one input is.
pub fn constant(outputs: &[f32], loss: Loss) -> Aligned {
    constant_net(outputs, loss).file()
}

/// The same, before it is an artifact.
pub fn constant_net(outputs: &[f32], loss: Loss) -> Net {
    let layer = Piece::Dense {
        outputs: outputs.len(),
        weight: (vec![0.0; outputs.len()], true),
        bias: Some((outputs.to_vec(), true)),
    };
    Net::new(1, vec![layer])
        .loss(loss, Reduction::Mean)
        .steps(1, 4)
}

/// The first actions, and the likeliest.
fn actions(file: &Aligned, count: usize, seed: u64) -> (Vec<Vec<f32>>, Vec<f32>) {
    let model: AnyModel<'_> = Model::new(&file.artifact()).expect("a model");
    let mut memory = memory(&model, LONG);
    let mut actor = Actor::new(&model, LONG, seed, &mut memory).expect("an actor");
    let drawn = (0..count).map(|_| {
        let action = actor.act(&[0.0]).expect("an action").to_vec();
        actor.reward(0.0, false).expect("a reward");
        action
    });
    let drawn = drawn.collect();
    let likeliest = actor.likeliest(&[0.0]).expect("an action").to_vec();
    (drawn, likeliest)
}

#[test]
fn gaussian_actions_have_mean_and_deviation() {
    let file = constant(&[0.5, -2.0, 0.3, -1.0], Loss::GaussianPolicy);
    let count = 20_000;
    let (drawn, likeliest) = actions(&file, count, 1);
    assert_eq!(likeliest, [0.5, -2.0]);
    for (at, (mean, log_deviation)) in [(0.5, 0.3), (-2.0, -1.0)].into_iter().enumerate() {
        let deviation = f64::exp(log_deviation);
        let scaled: Vec<f64> = drawn
            .iter()
            .map(|action| (f64::from(action[at]) - mean) / deviation)
            .collect();
        let moment = |power| scaled.iter().map(|z| z.powi(power)).sum::<f64>() / count as f64;
        // Five standard errors of each.
        let error = 5.0 / (count as f64).sqrt();
        assert!(moment(1).abs() < error, "{}", moment(1));
        assert!(
            (moment(2) - 1.0).abs() < error * 2f64.sqrt(),
            "{}",
            moment(2)
        );
        assert!(
            (moment(4) - 3.0).abs() < error * 96f64.sqrt(),
            "{}",
            moment(4)
        );
    }
    // The numbers of an action do not depend on each other.
    let pairs = drawn.iter().map(|action| {
        f64::from(action[0] - 0.5) * f64::from(action[1] + 2.0) / f64::exp(0.3 - 1.0)
    });
    let correlation = pairs.sum::<f64>() / count as f64;
    assert!(
        correlation.abs() < 5.0 / (count as f64).sqrt(),
        "{correlation}"
    );
}

#[test]
fn choices_are_as_likely_as_their_probabilities() {
    let logits = [0.5f32, -1.0, 2.0, 0.0];
    let file = constant(&logits, Loss::CategoricalPolicy);
    let count = 20_000;
    let (drawn, likeliest) = actions(&file, count, 2);
    assert_eq!(likeliest, [2.0]);
    let total: f64 = logits.iter().map(|&y| f64::from(y).exp()).sum();
    for (choice, logit) in logits.iter().enumerate() {
        let expected = f64::from(*logit).exp() / total;
        let chosen = drawn.iter().filter(|action| action[..] == [choice as f32]);
        let share = chosen.count() as f64 / count as f64;
        let error = (expected * (1.0 - expected) / count as f64).sqrt();
        assert!((share - expected).abs() < 5.0 * error, "{choice}: {share}");
    }
}

/// The bits of the first actions: a board that draws others learns something else.
#[test]
#[cfg(not(feature = "micromath"))]
fn the_first_actions_have_these_bits() {
    let file = constant(&[0.0, 0.0], Loss::GaussianPolicy);
    let (drawn, _) = actions(&file, 6, 0x2700);
    let bits: Vec<u32> = drawn.iter().map(|action| action[0].to_bits()).collect();
    let expected = [
        1068677559, 1047562064, 3200725042, 3216958534, 3208745473, 3205102385,
    ];
    assert_eq!(bits, expected);
    let file = constant(&[0.0; 5], Loss::CategoricalPolicy);
    let (drawn, _) = actions(&file, 12, 0x2700);
    let expected = [3, 0, 1, 3, 2, 1, 3, 2, 1, 1, 1, 1].map(|choice| choice as f32);
    assert_eq!(drawn.concat(), expected);
}

/// A seed says everything; another one draws others.
#[test]
fn actions_are_a_function_of_the_seed() {
    let file = constant(&[0.0, 0.0], Loss::GaussianPolicy);
    assert_eq!(actions(&file, 10, 5), actions(&file, 10, 5));
    assert_ne!(actions(&file, 10, 5), actions(&file, 10, 6));
}
