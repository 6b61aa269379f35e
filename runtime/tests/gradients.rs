//! Gradients and steps of the runtime against an independent implementation in
//! f64 whose gradients are finite differences.
#![cfg(all(
    feature = "convolution",
    feature = "normalisation",
    feature = "integer",
    feature = "policy"
))]
#![cfg(not(feature = "micromath"))]

mod common;

use common::draw;
use common::{AnyModel, Example, Net, Piece, Random, add_all, naive, random, values};
use mamlet_formats::{Loss, Padding, Pool, Reduction, Window};
use mamlet_runtime::{Learner, Rollback};
use rand::RngExt;

/// Loss and gradient of the runtime, tensor by tensor, against the naive ones.
/// The tolerance is a share of each tensor's largest gradient; below
/// `1e-2` of the largest of all, rounding of f32 sums is compared with that.
fn assert_gradient(net: &Net, examples: &[Example], what: &str) {
    let file = net.file();
    let artifact = file.artifact();
    let model = AnyModel::new(&artifact).unwrap_or_else(|error| panic!("{what}: {error}"));
    let rollback = Rollback::ToInitialisation;
    let mut memory = vec![f32::NAN; model.memory(examples.len(), rollback).total().len()];
    let mut learner = Learner::new(&model, examples.len(), rollback, &mut memory).expect("memory");
    add_all(&mut learner, net, examples);
    let (loss, gradient) = learner.gradient().expect("examples");

    let parameters = naive::parameters(net);
    let expected = naive::loss(net, &parameters, examples, 0);
    assert!(
        (f64::from(loss) - expected).abs() <= 2e-6 * expected.abs().max(1.0),
        "{what}: loss {loss}, expected {expected}"
    );
    let expected = naive::gradient(net, &parameters, examples, 0);
    assert_eq!(gradient.len(), expected.iter().map(Vec::len).sum::<usize>());
    let largest = |values: &[f64]| values.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    let of_all = expected
        .iter()
        .map(|tensor| largest(tensor))
        .fold(0.0, f64::max);
    let mut rest = gradient;
    for (index, tensor) in expected.iter().enumerate() {
        let computed;
        (computed, rest) = rest.split_at(tensor.len());
        let scale = largest(tensor).max(1e-2 * of_all).max(1e-2);
        for (computed, expected) in computed.iter().zip(tensor) {
            let difference = (f64::from(*computed) - expected).abs();
            assert!(
                difference <= 1e-4 * scale,
                "{what}, adapting tensor {index}: {computed}, expected {expected}\n{net:?}"
            );
        }
    }
}

fn dense(random: &mut Random, inputs: usize, outputs: usize, adapts: [bool; 2]) -> Piece {
    Piece::Dense {
        outputs,
        weight: (values(random, inputs * outputs), adapts[0]),
        bias: Some((values(random, outputs), adapts[1])),
    }
}

fn without_bias(random: &mut Random, inputs: usize, outputs: usize) -> Piece {
    Piece::Dense {
        outputs,
        weight: (values(random, inputs * outputs), true),
        bias: None,
    }
}

const BOTH: [bool; 2] = [true, true];
const NONE: [bool; 2] = [false, false];

/// The networks of which every one has something that others have not.
fn named(random: &mut Random) -> Vec<(&'static str, Net)> {
    let r = random;
    let leaky = Piece::LeakyRelu(0.1);
    let mut nets = Vec::new();
    for (name, activation) in [
        ("ReLU", Piece::Relu),
        ("leaky ReLU", leaky.clone()),
        ("leaky ReLU of slope 0", Piece::LeakyRelu(0.0)),
        ("leaky ReLU of slope 1", Piece::LeakyRelu(1.0)),
        ("tanh", Piece::Tanh),
        ("sigmoid", Piece::Sigmoid),
    ] {
        let pieces = vec![dense(r, 3, 7, BOTH), activation, dense(r, 7, 2, BOTH)];
        nets.push((name, Net::new(3, pieces)));
    }
    let pieces = vec![without_bias(r, 3, 5), Piece::Tanh, without_bias(r, 5, 2)];
    nets.push(("no biases", Net::new(3, pieces)));
    nets.push(("one layer", Net::new(4, vec![dense(r, 4, 3, BOTH)])));
    nets.push(("one number", Net::new(1, vec![without_bias(r, 1, 1)])));
    let pieces = vec![dense(r, 1, 9, BOTH), dense(r, 9, 3, BOTH)];
    nets.push(("two dense layers in a row", Net::new(1, pieces)));
    let pieces = vec![Piece::Tanh, dense(r, 4, 3, BOTH)];
    nets.push(("activation first", Net::new(4, pieces)));
    let pieces = vec![dense(r, 4, 3, BOTH), Piece::Sigmoid];
    nets.push(("activation last", Net::new(4, pieces)));
    let pieces = vec![
        dense(r, 2, 6, BOTH),
        leaky,
        Piece::Tanh,
        dense(r, 6, 2, BOTH),
    ];
    nets.push(("two activations", Net::new(2, pieces)));
    let pieces = vec![
        Piece::Sigmoid,
        Piece::Tanh,
        Piece::Relu,
        dense(r, 5, 2, BOTH),
    ];
    nets.push(("three activations first", Net::new(5, pieces)));
    let pieces = vec![
        dense(r, 2, 6, BOTH),
        Piece::Sigmoid,
        Piece::Tanh,
        Piece::Sigmoid,
    ];
    nets.push(("three activations last", Net::new(2, pieces)));

    let mut masked = |name, adapts: [[bool; 2]; 3]| {
        let pieces = vec![
            dense(r, 3, 6, adapts[0]),
            Piece::Tanh,
            dense(r, 6, 5, adapts[1]),
            Piece::Sigmoid,
            dense(r, 5, 2, adapts[2]),
        ];
        nets.push((name, Net::new(3, pieces)));
    };
    masked("head only", [NONE, NONE, BOTH]);
    masked("body only", [BOTH, BOTH, NONE]);
    masked("middle only", [NONE, BOTH, NONE]);
    masked("biases only", [[false, true]; 3]);
    masked("weights only", [[true, false]; 3]);
    masked("first bias only", [[false, true], NONE, NONE]);
    masked("last bias only", [NONE, NONE, [false, true]]);

    for (name, adapts, vector_adapts) in [
        ("context only", NONE, true),
        ("context and weights", BOTH, true),
        ("context that stays", BOTH, false),
    ] {
        let pieces = vec![
            Piece::Context((values(r, 4), vector_adapts)),
            dense(r, 7, 6, adapts),
            Piece::Tanh,
            dense(r, 6, 2, adapts),
        ];
        nets.push((name, Net::new(3, pieces)));
    }
    let pieces = vec![
        dense(r, 3, 4, BOTH),
        Piece::Relu,
        Piece::Context((values(r, 2), true)),
        Piece::Tanh,
        dense(r, 6, 2, BOTH),
    ];
    nets.push(("context in the middle", Net::new(3, pieces)));
    let pieces = vec![dense(r, 3, 2, BOTH), Piece::Context((values(r, 2), true))];
    nets.push(("context last", Net::new(3, pieces)));
    let pieces = vec![
        Piece::Context((values(r, 1), true)),
        Piece::Context((values(r, 2), true)),
        dense(r, 4, 2, BOTH),
    ];
    nets.push(("two contexts", Net::new(1, pieces)));
    nets
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let mut random = random(1);
    let mut checked = 0;
    for (name, net) in named(&mut random) {
        for (loss, reduction) in [
            (Loss::MeanSquaredError, Reduction::Mean),
            (Loss::MeanSquaredError, Reduction::Sum),
            (Loss::CrossEntropy, Reduction::Mean),
            (Loss::CrossEntropy, Reduction::Sum),
            (Loss::Huber { delta: 0.3 }, Reduction::Mean),
            (Loss::Huber { delta: 2.0 }, Reduction::Sum),
            (Loss::CategoricalPolicy, Reduction::Mean),
            (Loss::CategoricalPolicy, Reduction::Sum),
            (Loss::GaussianPolicy, Reduction::Mean),
            (Loss::GaussianPolicy, Reduction::Sum),
        ] {
            let fits = match loss {
                Loss::CrossEntropy | Loss::CategoricalPolicy => net.outputs() > 1,
                Loss::GaussianPolicy => net.outputs().is_multiple_of(2),
                _ => true,
            };
            if !fits {
                continue;
            }
            for normalised in [false, true] {
                let mut net = net.clone().loss(loss, reduction);
                if normalised {
                    let scale = values(&mut random, net.inputs);
                    net = net.normalised(&values(&mut random, scale.len()), &scale);
                }
                for count in [1, 2, 5] {
                    let examples = net.examples(&mut random, count);
                    let what = format!("{name}, {loss:?}, {reduction:?}, {count} examples");
                    assert_gradient(&net, &examples, &what);
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 1000, "{checked} checked");
}

/// One layer of every kind and mask between two that adapt, or not.
fn sandwich(random: &mut Random, size: [usize; 3], piece: Piece, around: bool) -> Net {
    // A convolution of single positions below, which keeps the size.
    let window = Window {
        size: [1, 1],
        stride: [1, 1],
        padding: Padding::Valid,
    };
    let mut below = draw::conv(random, size, (1, size[2]), window);
    below.tensors_mut().for_each(|tensor| tensor.1 = around);
    let inputs = piece.output(size).iter().product();
    let mut above = draw::dense(random, inputs, 2);
    above.tensors_mut().for_each(|tensor| tensor.1 = around);
    let mut net = Net::of(size, vec![below, piece, above]);
    if net.adapting_tensors() == 0 {
        net.pieces[0]
            .tensors_mut()
            .for_each(|tensor| tensor.1 = true);
    }
    net
}

#[test]
fn gradients_of_layers_over_space_are_those_of_finite_differences() {
    let mut random = random(5);
    for case in 0..1000 {
        let size = match case % 3 {
            0 => [1, random.random_range(1..=8), random.random_range(1..=4)],
            1 => [random.random_range(1..=6), 1, random.random_range(1..=3)],
            _ => [2, 2, 1].map(|least| random.random_range(least..=least + 3)),
        };
        let window = draw::any_window(&mut random, size);
        let piece = match case / 3 % 7 {
            0 | 1 => {
                let groups = draw::any_groups(&mut random, size[2]);
                let filters = groups * random.random_range(1..=5);
                draw::conv(&mut random, size, (groups, filters), window)
            }
            2 => draw::depthwise(&mut random, size, window),
            3 => Piece::Pool(Pool::Maximum, window),
            4 => Piece::Pool(Pool::Average, window),
            5 => draw::norm(&mut random, size),
            _ => [
                Piece::GlobalAverage,
                Piece::Softmax,
                Piece::Relu6,
                Piece::Flatten,
            ][case % 4]
                .clone(),
        };
        let net = sandwich(&mut random, size, piece, case % 4 > 0);
        let examples = net.examples(&mut random, 1 + case % 4);
        assert_gradient(&net, &examples, &format!("case {case}, {window:?}"));
    }
}

#[test]
fn gradients_of_random_networks_are_those_of_finite_differences() {
    let mut random = random(2);
    for case in 0..1500 {
        let net = Net::any(&mut random);
        let examples = net.examples(&mut random, 1 + case % 6);
        assert_gradient(&net, &examples, &format!("case {case}"));
    }
}

/// The specification's example was calculated by hand.
#[test]
fn the_golden_vectors_of_the_specification_are_reproduced() {
    let file = common::Aligned::new(include_bytes!("../../formats/tests/data/tiny.mamlet"));
    let artifact = file.artifact();
    let model = AnyModel::new(&artifact).expect("a sound network");
    let mut memory = [0.0; 32];
    let mut learner =
        Learner::new(&model, 1, Rollback::ToInitialisation, &mut memory).expect("memory");
    let verification =
        mamlet_runtime::golden::verify(&artifact, &mut learner).expect("golden vectors");
    assert!(verification.is_identical(), "{verification:?}");
    assert_eq!(verification.outputs.total, 2);
    assert_eq!(verification.gradients.total, 2);
}
