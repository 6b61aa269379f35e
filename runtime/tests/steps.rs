//! The steps that a learner takes, against an independent implementation in
//! f64, and against themselves in another setup: the same bits.
#![cfg(all(
    feature = "convolution",
    feature = "normalisation",
    feature = "integer",
    feature = "policy"
))]
#![cfg(not(feature = "micromath"))]

mod common;

use std::collections::BTreeSet;

use common::{
    AnyModel, Example, Net, Piece, add_all, bits, draw, naive, random, values, with_setup,
};
use mamlet_formats::{Layer, Loss};
use mamlet_runtime::{Adaptation, ExampleError, Learner, LearnerError, Outcome, Rollback, Setup};
use rand::RngExt;

fn of_steps(steps: usize) -> Adaptation {
    Adaptation {
        steps: Some(steps),
        rate: None,
    }
}

fn assert_close(computed: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(computed.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1.0, |a: f64, b| a.max(b.abs()));
    for (a, b) in computed.iter().zip(expected) {
        let difference = (f64::from(*a) - b).abs();
        assert!(
            difference <= tolerance * scale,
            "{what}: {computed:?}, expected {expected:?}"
        );
    }
}

/// Losses of every step, and predictions before and after them, one by one and
/// all at once.
#[test]
fn steps_are_those_taken_by_hand() {
    let mut random = random(3);
    let (mut adapted, mut compared) = (0, 0);
    for case in 0..500 {
        let net = Net::any(&mut random).steps(4, 32);
        let count = 1 + case % 5;
        let examples = net.examples(&mut random, count);
        let inputs: Vec<&[f32]> = examples.iter().map(|(input, _)| &input[..]).collect();
        let steps = 1 + case % 12;
        let what = format!("case {case}, {net:?}");
        with_setup(&net, Setup::new(count).queries(count), |learner| {
            add_all(learner, &net, &examples);
            let initial = naive::parameters(&net);
            for input in &inputs {
                let computed = learner.predict(input).expect("the right length");
                assert_close(
                    computed,
                    &naive::predict(&net, &initial, input),
                    5e-6,
                    &what,
                );
            }
            let mut outputs = vec![f32::NAN; count * net.outputs()];
            assert_eq!(
                learner.predict_batch(&inputs.concat(), &mut outputs),
                Ok(())
            );
            let expected = naive::forward(&net, &initial, &inputs, 0).concat();
            assert_close(&outputs, &expected, 5e-6, &what);

            let report = learner.adapt_with(of_steps(steps)).expect("examples");
            let (expected, parameters) = naive::adapt(&net, &examples, steps);
            // A diverging loss ends the run early and doubles every difference.
            let tame = expected
                .iter()
                .take_while(|loss| loss.abs() < 100.0)
                .count();
            assert!(report.losses.len() >= tame, "{what}");
            compared += tame;
            assert_close(&report.losses[..tame], &expected[..tame], 1e-4, &what);
            if report.outcome != Outcome::Adapted || tame <= steps {
                return;
            }
            adapted += 1;
            assert_eq!(
                learner.predict_batch(&inputs.concat(), &mut outputs),
                Ok(())
            );
            let expected = naive::forward(&net, &parameters, &inputs, steps).concat();
            assert_close(&outputs, &expected, 1e-3, &what);
            for input in &inputs {
                let expected = naive::forward(&net, &parameters, &[input], steps).concat();
                let computed = learner.predict(input).expect("the right length");
                assert_close(computed, &expected, 1e-3, &what);
            }
        });
    }
    assert!(adapted > 300, "{adapted} of 500 adapted");
    assert!(compared > 2500, "{compared} losses compared");
}

/// Networks drawn here are what the tests above and those of gradients and integers compare
/// with plain loops, so every layer must be among them.
#[test]
fn every_layer_of_the_format_is_drawn() {
    let mut random = random(3);
    let mut drawn = BTreeSet::new();
    for _ in 0..2000 {
        let file = Net::any(&mut random).file();
        drawn.extend(file.artifact().layers().map(|layer| layer.name()));
    }
    for name in Layer::NAMES {
        assert!(drawn.contains(name), "{name} is in no network");
    }
}

/// Everything that a learner computes, as bits.
fn session(learner: &mut Learner<'_>, net: &Net, examples: &[Example], steps: usize) -> Vec<u32> {
    let mut results = Vec::new();
    let (loss, gradient) = learner.gradient().expect("examples");
    results.extend(bits(&[loss]));
    results.extend(bits(gradient));
    let report = learner.adapt_with(of_steps(steps)).expect("examples");
    results.extend(bits(&report.losses));
    results.push(report.steps() as u32);
    results.extend(bits(learner.weights().unwrap_or_default()));
    for (input, _) in examples {
        results.extend(bits(learner.predict(input).expect("the right length")));
    }
    let inputs: Vec<f32> = examples
        .iter()
        .flat_map(|(input, _)| input.clone())
        .collect();
    let mut outputs = vec![0.0; examples.len() * net.outputs()];
    if learner.predict_batch(&inputs, &mut outputs).is_ok() {
        results.extend(bits(&outputs));
    }
    results
}

fn of_setup(net: &Net, examples: &[Example], setup: Setup, steps: usize) -> Vec<u32> {
    with_setup(net, setup, |learner| {
        add_all(learner, net, examples);
        session(learner, net, examples, steps)
    })
}

/// Diverging rates are among them, so that steps are taken again too.
#[test]
fn examples_one_by_one_give_the_same_bits() {
    let mut random = random(6);
    for case in 0..1500 {
        let mut net = Net::any_without_mixing(&mut random);
        net.f16 = case % 5 == 0;
        net.max_steps = [1, 2, 32][case % 3];
        net.steps = 1;
        let factor = 10f32.powf(random.random_range(-0.5..2.0));
        net.rates
            .iter_mut()
            .flatten()
            .for_each(|rate| *rate *= factor);
        let count = 1 + case % 6;
        let examples = net.examples(&mut random, count);
        let rollback = [Rollback::ToInitialisation, Rollback::ToCommitted][case % 2];
        let setup = Setup::new(count).rollback(rollback).queries(count);
        let steps = net.max_steps.min(1 + case as u32 % 7) as usize;
        let whole = of_setup(&net, &examples, setup, steps);
        let one_by_one = of_setup(&net, &examples, setup.one_by_one(), steps);
        assert_eq!(one_by_one, whole, "case {case}: {net:?}");
    }
}

#[test]
fn a_norm_of_the_batch_cannot_go_one_by_one() {
    let mut random = random(7);
    let mut refused = 0;
    while refused < 50 {
        let net = Net::any(&mut random);
        if !net.mixes_examples() {
            continue;
        }
        let file = net.file();
        let artifact = file.artifact();
        let model = AnyModel::new(&artifact).expect("a sound network");
        let setup = Setup::new(2).one_by_one();
        let mut memory = vec![0.0; model.memory_for(setup).total().len()];
        let error = Learner::with(&model, setup, &mut memory).err();
        assert_eq!(error, Some(LearnerError::BatchNorm));
        refused += 1;
    }
}

/// Where no layer mixes examples, predicting several is predicting each.
#[test]
fn predictions_at_once_are_those_one_by_one() {
    let mut random = random(8);
    for case in 0..300 {
        let net = Net::any_without_mixing(&mut random);
        let examples = net.examples(&mut random, 4);
        with_setup(&net, Setup::new(1).queries(4), |learner| {
            add_all(learner, &net, &examples[..1]);
            for _ in 0..2 {
                let inputs: Vec<f32> = examples.iter().flat_map(|(x, _)| x.clone()).collect();
                let mut outputs = vec![f32::NAN; 4 * net.outputs()];
                assert_eq!(learner.predict_batch(&inputs, &mut outputs), Ok(()));
                for ((input, _), output) in examples.iter().zip(outputs.chunks(net.outputs())) {
                    let alone = learner.predict(input).map(bits);
                    assert_eq!(alone, Ok(bits(output)), "case {case}: {net:?}");
                }
                assert!(learner.adapt().is_ok());
            }
        });
    }
}

/// Examples that are lent are used where they lie.
#[test]
fn lent_examples_give_the_same_bits() {
    let mut random = random(9);
    let (mut lent, mut refused) = (0, 0);
    for case in 0..600 {
        let net = Net::any(&mut random);
        let count = 1 + case % 5;
        let examples = net.examples(&mut random, count);
        let mut setup = Setup::new(count).queries(count);
        if case % 2 == 0 && !net.mixes_examples() {
            setup = setup.one_by_one();
        }
        let file = net.file();
        let artifact = file.artifact();
        let model = AnyModel::new(&artifact).expect("a sound network");
        let mut memory = vec![f32::NAN; model.memory_for(setup.lent()).total().len()];
        let learner = Learner::with(&model, setup.lent(), &mut memory);
        // Only what no layer has to be computed for can stay where it is.
        let computed = net.pieces[..net.fixed_layers()]
            .iter()
            .any(|piece| !matches!(piece, Piece::Flatten));
        if computed || net.normalisation.is_some() {
            assert_eq!(learner.err(), Some(LearnerError::CannotLend), "{net:?}");
            refused += 1;
            continue;
        }
        let mut learner = learner.expect("enough memory");
        let inputs: Vec<f32> = examples.iter().flat_map(|(x, _)| x.clone()).collect();
        let targets: Vec<f32> = examples.iter().flat_map(|(_, t)| t.clone()).collect();
        assert_eq!(learner.lend(&inputs, &targets), Ok(()));
        let computed = session(&mut learner, &net, &examples, 3);
        assert_eq!(computed, of_setup(&net, &examples, setup, 3), "case {case}");
        let error = common::add(&mut learner, net.loss, &examples[0]);
        assert_eq!(error, Err(ExampleError::Lent));
        lent += 1;
    }
    assert!(
        lent > 100 && refused > 100,
        "{lent} lent, {refused} refused"
    );
}

/// f16 is a way to store an initialisation, not to compute.
#[test]
fn f16_gives_the_bits_of_the_rounded_values() {
    let mut random = random(10);
    for case in 0..300 {
        let mut net = Net::any(&mut random).steps(2, 1 + case % 3);
        net.steps = net.steps.min(net.max_steps);
        let mut rounded = net.clone();
        net.f16 = true;
        let tensors = rounded.pieces.iter_mut().flat_map(Piece::tensors_mut);
        for (values, _) in tensors.filter(|(_, adapts)| *adapts) {
            for value in values {
                *value = half::f16::from_f32(*value).to_f32();
            }
        }
        let count = 1 + case as usize % 4;
        let examples = net.examples(&mut random, count);
        let setup = Setup::new(count).queries(count);
        let steps = net.max_steps as usize;
        let f16 = of_setup(&net, &examples, setup, steps);
        assert_eq!(
            f16,
            of_setup(&rounded, &examples, setup, steps),
            "case {case}"
        );
        let input = values(&mut random, net.inputs);
        let prediction = |net: &Net| {
            let file = net.file();
            let artifact = file.artifact();
            let model = AnyModel::new(&artifact).expect("a sound network");
            let mut workspace = vec![f32::NAN; model.prediction_memory().len()];
            model.predict(&input, &mut workspace).map(bits)
        };
        assert_eq!(prediction(&net), prediction(&rounded), "case {case}");
    }
}

/// What cannot be lent changes nothing.
#[test]
fn examples_that_cannot_be_lent_are_named() {
    use ExampleError as E;
    let mut random = random(11);
    let net = Net::new(2, vec![draw::dense(&mut random, 2, 3)]);
    let mut net = net.loss(Loss::CrossEntropy, mamlet_formats::Reduction::Mean);
    net.pieces[0]
        .tensors_mut()
        .for_each(|tensor| tensor.1 = true);
    let file = net.file();
    let artifact = file.artifact();
    let model = AnyModel::new(&artifact).expect("a sound network");
    let setup = Setup::new(2).lent();
    let mut memory = vec![0.0; model.memory_for(setup).total().len()];
    let mut learner = Learner::with(&model, setup, &mut memory).expect("enough");
    let refused: [(&[f32], &[f32], E); 7] = [
        (
            &[0.0; 3],
            &[0.0],
            E::InputLength {
                needed: 2,
                given: 3,
            },
        ),
        (
            &[0.0; 4],
            &[0.0],
            E::TargetLength {
                needed: 2,
                given: 1,
            },
        ),
        (&[0.0; 6], &[0.0; 3], E::Full { capacity: 2 }),
        (&[f32::NAN, 0.0], &[0.0], E::NotFinite),
        (&[0.0; 2], &[f32::INFINITY], E::NotFinite),
        (
            &[0.0; 2],
            &[3.0],
            E::UnknownClass {
                classes: 3,
                given: 3,
            },
        ),
        (
            &[0.0; 2],
            &[1.5],
            E::UnknownClass {
                classes: 3,
                given: 1,
            },
        ),
    ];
    assert_eq!(learner.lend(&[0.5; 2], &[2.0]), Ok(()));
    for (inputs, targets, error) in refused {
        assert_eq!(learner.lend(inputs, targets), Err(error));
        assert_eq!(learner.examples(), 1);
    }
    with_setup(&net, Setup::new(2), |learner| {
        assert_eq!(learner.lend(&[0.5; 2], &[2.0]), Err(E::NotLent));
    });
}

/// A rate of one's own goes to every tensor, whatever the recipe says.
#[test]
fn a_rate_of_ones_own_replaces_all_rates() {
    let mut random = random(4);
    for _ in 0..50 {
        let net = Net::any(&mut random);
        let uniform = net.clone().rate(0.03);
        let examples = net.examples(&mut random, 3);
        let losses = |net: &Net, rate| {
            let file = net.file();
            let artifact = file.artifact();
            let model = AnyModel::new(&artifact).expect("a sound network");
            let mut memory = vec![0.0; 4096];
            let rollback = Rollback::ToInitialisation;
            let mut learner = Learner::new(&model, 3, rollback, &mut memory).expect("memory");
            add_all(&mut learner, net, &examples);
            let steps = Some(5);
            let report = learner
                .adapt_with(Adaptation { steps, rate })
                .expect("examples");
            bits(&report.losses)
        };
        assert_eq!(losses(&net, Some(0.03)), losses(&uniform, None));
    }
}
