//! An actor computes what its equations say, keeps what helps, and survives what it is
//! given.
#![cfg(feature = "policy")]

#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod learning;
mod naive;
mod sampling;

use common::{Aligned, AnyModel, Net, Piece, random};
use mamlet_formats::{Loss, Reduction};
use mamlet_runtime::actor::{Actor, Values, advantage, baseline};
use mamlet_runtime::{Model, Policy};
use naive::{Batch, Sizes};
use rand::RngExt;

const POLICY: Policy = Policy {
    discount: 0.95,
    lambda: 0.9,
    horizon: 12,
    episodes: 4,
};

const SIZES: Sizes = Sizes {
    inputs: 3,
    hidden: 5,
    actions: 2,
};

/// The artifact of a Gaussian policy with a log σ that adapts, and its weights.
fn gaussian(sizes: Sizes, rates: &[[f32; 5]]) -> (Aligned, Vec<f32>) {
    let mut generator = random(5);
    let tensors = sizes.tensors().map(|length| -> Vec<f32> {
        let values = (0..length).map(|_| generator.random_range(-0.7..0.7));
        values.collect()
    });
    let weights = tensors.concat();
    let [w, b, v, c, deviation] = tensors.map(|values| (values, true));
    let dense = |outputs, weight, bias| Piece::Dense {
        outputs,
        weight,
        bias: Some(bias),
    };
    let pieces = vec![
        dense(sizes.hidden, w, b),
        Piece::Tanh,
        dense(sizes.actions, v, c),
        Piece::Context(deviation),
    ];
    let mut net = Net::new(sizes.inputs, pieces).loss(Loss::GaussianPolicy, Reduction::Mean);
    net.rates = rates.iter().map(|row| row.to_vec()).collect();
    (net.steps(1, 4).file(), weights)
}

/// Acts until all episodes are there, in a world that draws observations and rewards what
/// is near to one. Some episodes end early. Returns what was done.
fn roll_out(actor: &mut Actor<'_>, inputs: usize, seed: u64) -> Batch {
    let mut generator = random(seed);
    let mut batch = Batch::default();
    while !actor.is_full() {
        let mut length = 0;
        loop {
            let values = (0..inputs).map(|_| generator.random_range(-2.0..2.0));
            let observation: Vec<f32> = values.collect();
            let action = actor.act(&observation).expect("an action").to_vec();
            let off: f32 = action.iter().map(|a| (a - 1.0).abs()).sum();
            let reward = observation[0] - off;
            let terminated = generator.random_range(0..12) == 0;
            batch.observations.push(observation);
            batch.actions.push(action);
            batch.rewards.push(reward);
            length += 1;
            if actor.reward(reward, terminated).expect("a reward") {
                break;
            }
        }
        batch.lengths.push(length);
    }
    batch
}

fn memory(model: &AnyModel<'_>, policy: Policy) -> Vec<f32> {
    vec![f32::NAN; Actor::memory(model, policy).total().len()]
}

fn distance(a: &[f64], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let pairs = a.iter().zip(b);
    pairs.fold(0.0, |most, (a, b)| (a - f64::from(*b)).abs().max(most))
}

/// Two steps, each with its own row of rates, against finite differences of the surrogate
/// with advantages computed in f64; not with approximate exponentials.
#[cfg(not(feature = "micromath"))]
#[test]
fn steps_go_down_the_surrogate() {
    let rates = [[0.3, 0.2, 0.1, 0.4, 0.05], [-0.1, 0.5, 0.3, 0.2, 0.6]];
    let (file, weights) = gaussian(SIZES, &rates);
    let model: AnyModel<'_> = Model::new(&file.artifact()).expect("a model");
    let mut memory = memory(&model, POLICY);
    let mut actor = Actor::new(&model, POLICY, 3, &mut memory).expect("an actor");
    let mut expected: Vec<f64> = weights.iter().map(|&w| f64::from(w)).collect();
    for (step, rates) in rates.iter().enumerate() {
        let batch = roll_out(&mut actor, SIZES.inputs, step as u64);
        assert!(batch.lengths.iter().any(|&length| length < 12));
        let advantages = naive::advantages(&batch, 0.95, 0.9);
        let gradient = SIZES.gradient(&expected, &batch, &advantages);
        let surrogate = SIZES.surrogate(&expected, &batch, &advantages);
        let report = actor.step().expect("a step");
        assert_eq!((report.steps, report.values), (step + 1, Values::Linear));
        assert!((f64::from(report.loss) - surrogate).abs() < 1e-4);
        let mut at = 0;
        for (length, rate) in SIZES.tensors().into_iter().zip(rates) {
            for i in at..at + length {
                expected[i] -= f64::from(*rate) * gradient[i];
            }
            at += length;
        }
        let weights = actor.weights().expect("weights in use");
        let off = distance(&expected, weights);
        assert!(off < 1e-4, "step {step}: {off}");
        // From here on from the same weights, so that errors do not add up.
        expected = weights.iter().map(|&w| f64::from(w)).collect();
    }
    assert_eq!(actor.unverified(), 2);
}

#[test]
fn advantages_are_those_of_the_oracle() {
    for seed in 0..20 {
        let mut generator = random(seed);
        let inputs = generator.random_range(1..5);
        let lengths: Vec<usize> = (0..generator.random_range(1..6))
            .map(|_| generator.random_range(1..41))
            .collect();
        let steps = lengths.iter().sum::<usize>();
        let mut draw = |count: usize, size: f32| -> Vec<f32> {
            let values = (0..count).map(|_| generator.random_range(-size..size));
            values.collect()
        };
        // Some observations are beyond the bound.
        let observations = draw(steps * inputs, 12.0);
        let mut rewards = draw(steps, 3.0);
        let batch = Batch {
            observations: observations.chunks(inputs).map(<[f32]>::to_vec).collect(),
            actions: Vec::new(),
            rewards: rewards.clone(),
            lengths: lengths.clone(),
        };
        let expected = naive::advantages(&batch, 0.99, 0.97);
        let mut values = vec![f32::NAN; steps];
        let mut memory = vec![f32::NAN; baseline::memory(inputs)];
        let used = advantage::of_episodes(
            &observations,
            &mut rewards,
            lengths.iter().copied(),
            [0.99, 0.97],
            &mut values,
            &mut memory,
        );
        assert_eq!(used, Ok(Values::Linear));
        let off = distance(&expected, &rewards);
        // With fewer steps than features all values fit, and what is left is small.
        let limit = if steps > 30 { 2e-3 } else { 0.1 };
        assert!(off < limit, "seed {seed}, {steps} steps: {off}");
    }
}

/// Where the regression overflows, values are means per step, or zero.
#[test]
fn values_that_cannot_be_fitted_fall_back() {
    let lengths = || [3, 2].into_iter();
    let observations = [0.5, -0.25, 0.0, 1.0, 0.75];
    let mut memory = [0.0; baseline::memory(1)];
    let mut values = [0.0; 5];
    let mut of = |rewards: &mut [f32; 5]| {
        let shares = [1.0, 1.0];
        advantage::of_episodes(
            &observations,
            rewards,
            lengths(),
            shares,
            &mut values,
            &mut memory,
        )
    };
    // Returns [1, 0, 2] · 1e38 and [2, 0] · 1e38: their products with features do not fit.
    let mut rewards = [1e38, -2e38, 2e38, 2e38, 0.0];
    let used = of(&mut rewards);
    assert_ne!(used, Ok(Values::Linear));
    let mut rewards = [3e38, 3e38, 3e38, 0.0, 0.0];
    assert_eq!(of(&mut rewards), Ok(Values::Zero));
}

/// An actor keeps what stands for an observation where layers do not adapt or inputs are
/// normalised, clips, and has momentum, as a learner of the same examples does.
#[test]
fn a_step_is_that_of_a_learner() {
    for (index, (clip, momentum)) in [(None, None), (Some(0.05), None), (None, Some(0.5))]
        .into_iter()
        .enumerate()
    {
        let dense = |outputs: usize, inputs: usize, adapts| Piece::Dense {
            outputs,
            weight: (
                (0..inputs * outputs)
                    .map(|i| (i % 7) as f32 * 0.1 - 0.3)
                    .collect(),
                adapts,
            ),
            bias: Some((vec![0.1; outputs], adapts)),
        };
        let pieces = vec![
            dense(4, 3, false),
            Piece::Tanh,
            dense(2, 4, true),
            Piece::Context((vec![-0.5, 0.25], true)),
        ];
        let mut net = Net::new(3, pieces)
            .loss(Loss::GaussianPolicy, Reduction::Sum)
            .normalised(&[0.1, 0.2, 0.3], &[1.0, 0.5, 2.0])
            .rate(0.01)
            .steps(1, 2);
        (net.clip_norm, net.momentum) = (clip, momentum);
        let file = net.file();
        let model: AnyModel<'_> = Model::new(&file.artifact()).expect("a model");
        let mut memory = memory(&model, POLICY);
        let mut actor = Actor::new(&model, POLICY, 11, &mut memory).expect("an actor");
        let batch = roll_out(&mut actor, 3, index as u64);
        let count = batch.rewards.len();
        let mut advantages = batch.rewards.clone();
        let used = advantage::of_episodes(
            &batch.observations.concat(),
            &mut advantages,
            batch.lengths.iter().copied(),
            [POLICY.discount, POLICY.lambda],
            &mut vec![0.0; count],
            &mut vec![0.0; baseline::memory(3)],
        );
        assert_eq!(used, Ok(Values::Linear));
        let setup = mamlet_runtime::Setup::new(count).one_by_one();
        let mut of_learner = vec![0.0; model.memory_for(setup).total().len()];
        let learner = mamlet_runtime::Learner::with(&model, setup, &mut of_learner);
        let mut learner = learner.expect("a learner");
        let steps = batch.observations.iter().zip(&batch.actions);
        for ((observation, action), advantage) in steps.zip(&advantages) {
            let added = learner.add_action(observation, action, *advantage);
            added.expect("an example");
        }
        let report = learner.adapt().expect("an adaptation");
        assert_eq!(report.outcome, mamlet_runtime::Outcome::Adapted);
        let step = actor.step().expect("a step");
        assert_eq!(step.loss.to_bits(), report.loss_before().to_bits());
        assert_eq!(actor.weights(), learner.weights());
    }
}
