//! Results of every layer, and how shapes are refused.

use burn::backend::Flex;
use burn::tensor::Tensor;
use mamlet_trainer::meta::to_host;
use mamlet_trainer::nn::{
    Adapt, AdaptGroup, Context, Dense, Extent, GroupNorm, LayerSpec, Network, NetworkSpec, Padding,
    Shape,
};

use crate::cases::{
    Setup, TASKS, batch_norm, cases, conv, distance, image, max_pool, sequence, to_device,
};

#[test]
fn every_layer_computes_what_loops_compute() {
    for (seed, (shape, layer)) in (1..).zip(cases()) {
        for own in [false, true] {
            let setup = Setup::new(shape, &layer, own, seed);
            let y = setup
                .network
                .forward(&setup.device_params(own), setup.device_x());
            let expected: Vec<f64> = (0..TASKS)
                .flat_map(|task| setup.naive(task, &setup.params[task]))
                .collect();
            let error = distance(&to_host(y), &expected);
            assert!(error < 1e-5, "{}: relative error {error:.1e}", setup.name);
        }
    }
}

/// The gradient of a window of equal values goes to the first of them. Beside
/// each value stands the number of its position, times a weight of 0: that
/// weight's gradient tells which positions have won.
#[test]
fn the_first_of_equal_values_wins() {
    let spec = NetworkSpec {
        input: image(2, 4, 2),
        layers: vec![
            conv(1, Extent::Square(1), 1, Padding::Same),
            max_pool(2, 2, Padding::Valid),
        ],
    };
    let network = Network::new(&spec, &Adapt::default()).unwrap();
    let device = Default::default();
    let params = [
        Tensor::<Flex, 3>::from_data([[[1.0f32], [0.0]]], &device),
        Tensor::from_data([[[0.0f32]]], &device),
    ];
    let values = [1.0f32, 2.0, 7.0, 7.0, 5.0, 5.0, 7.0, 7.0];
    let x: Vec<f64> = (0u8..)
        .zip(values)
        .flat_map(|(position, value)| [f64::from(value), f64::from(position)])
        .collect();
    let trace = network.forward_trace(&params, to_device(&x, [1, 1, 16]));
    assert_eq!(to_host(trace.output().clone()), [5.0, 7.0]);
    let dy = Tensor::from_data([[[1.0f32, 10.0]]], &device);
    let gradients = network.backward(&params, &trace, dy);
    let (left, right) = (4.0, 2.0);
    assert_eq!(
        to_host(gradients[0].clone().unwrap()),
        [5.0 + 10.0 * 7.0, left + 10.0 * right]
    );
}

#[test]
fn shapes_that_do_not_fit_are_refused_with_a_remedy() {
    let refused = |input, layers: Vec<LayerSpec>| {
        let spec = NetworkSpec { input, layers };
        let error = Network::new(&spec, &Adapt::default()).unwrap_err();
        error.to_string()
    };
    let dense = LayerSpec::Dense(Dense { out: 2 });
    let square = conv(2, Extent::Square(3), 1, Padding::Valid);
    let cases = [
        (
            Shape::Vector(9),
            square.clone(),
            vec!["layers.0 (conv)", "a vector of 9", "before `flatten`"],
        ),
        (
            image(2, 5, 1),
            square,
            vec!["an image of 2×5", "window of 3", "padding = \"same\""],
        ),
        (
            sequence(9, 2),
            conv(2, Extent::Rectangle([3, 3]), 1, Padding::Same),
            vec!["a sequence of 9", "one number"],
        ),
        (
            image(4, 4, 3),
            LayerSpec::GroupNorm(GroupNorm {
                groups: 2,
                epsilon: 1e-5,
            }),
            vec!["group_norm", "2 groups", "3 channels", "divisor"],
        ),
        (
            image(4, 4, 3),
            LayerSpec::Context(Context {
                size: 2,
                initial: 0.0,
            }),
            vec!["context", "`flatten`"],
        ),
        (
            image(4, 4, 3),
            conv(0, Extent::Square(3), 1, Padding::Same),
            vec!["layers.0 (conv)", "at least 1"],
        ),
        (
            image(4, 4, 3),
            conv(2, Extent::Square(3), 0, Padding::Same),
            vec!["stride", "at least 1"],
        ),
    ];
    for (input, layer, words) in cases {
        let error = refused(input, vec![layer, dense.clone()]);
        for word in words {
            assert!(error.contains(word), "{error:?} lacks {word:?}");
        }
    }
}

/// The head is the classifier, whatever is pooled and normalised before it.
#[test]
fn groups_of_adapting_tensors() {
    let spec = NetworkSpec {
        input: image(4, 4, 1),
        layers: vec![
            conv(2, Extent::Square(3), 1, Padding::Same),
            batch_norm(),
            LayerSpec::Relu,
            max_pool(2, 2, Padding::Valid),
            LayerSpec::Flatten,
            LayerSpec::Dense(Dense { out: 3 }),
        ],
    };
    let adapting = |group| {
        let network = Network::new(&spec, &Adapt::Group(group)).unwrap();
        let adapting = network.tensors().iter().filter(|info| info.adapts);
        adapting.map(|info| info.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        adapting(AdaptGroup::Head),
        ["layers.5.weight", "layers.5.bias"]
    );
    assert_eq!(
        adapting(AdaptGroup::Body),
        [
            "layers.0.weight",
            "layers.0.bias",
            "layers.1.gain",
            "layers.1.bias"
        ]
    );
}
