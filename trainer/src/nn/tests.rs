use burn::backend::{Autodiff, Flex};
use burn::tensor::{Distribution, Tensor};

use super::*;

type B = Autodiff<Flex>;

fn random<const D: usize>(shape: [usize; D]) -> Tensor<B, D> {
    Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), &Default::default())
}

fn layers() -> Vec<(&'static str, LayerSpec)> {
    vec![
        ("dense", LayerSpec::Dense { out: 5 }),
        ("relu", LayerSpec::Relu),
        ("leaky relu", LayerSpec::LeakyRelu { slope: 0.2 }),
        ("tanh", LayerSpec::Tanh),
        ("sigmoid", LayerSpec::Sigmoid),
        ("context", LayerSpec::Context { size: 2 }),
    ]
}

/// Every layer between two dense ones: the written-out gradient of all tensors
/// against autodiff of the forward pass, with weights per task and shared.
#[test]
fn explicit_backward_equals_autodiff_of_the_forward() {
    for (name, layer) in layers() {
        for own in [1, 3] {
            let spec = NetworkSpec {
                input: Shape::Vector(2),
                layers: vec![
                    LayerSpec::Dense { out: 4 },
                    layer.clone(),
                    LayerSpec::Dense { out: 3 },
                ],
            };
            let network = Network::new(&spec, &Adapt::default()).unwrap();
            let params: Vec<Tensor<B, 3>> = network
                .tensors()
                .iter()
                .map(|info| random(info.dims(own)).require_grad())
                .collect();
            let x = random([3, 6, 2]);
            let seed = random([3, 6, 3]);

            let trace = network.forward_trace(&params, x.clone());
            let explicit = network.backward(&params, &trace, seed.clone());
            let mut automatic = (network.forward(&params, x) * seed).sum().backward();
            for ((param, gradient), info) in params.iter().zip(explicit).zip(network.tensors()) {
                let mut gradient = gradient.unwrap().inner();
                if own == 1 {
                    gradient = gradient.sum_dim(0);
                }
                let expected = param.grad_remove(&mut automatic).unwrap();
                expected.into_data().assert_approx_eq::<f32>(
                    &gradient.into_data(),
                    burn::tensor::Tolerance::relative(1e-4).set_absolute(1e-5),
                );
                assert!(info.adapts, "{name}");
            }
        }
    }
}

/// `slope` is the inner product of the gradients with the directions.
#[test]
fn slope_is_the_inner_product_with_the_gradient() {
    let spec = NetworkSpec {
        input: Shape::Vector(2),
        layers: vec![
            LayerSpec::Context { size: 3 },
            LayerSpec::Dense { out: 4 },
            LayerSpec::Tanh,
            LayerSpec::Dense { out: 3 },
        ],
    };
    for adapt in [
        Adapt::default(),
        Adapt::Group(AdaptGroup::Head),
        Adapt::Names(vec!["layers.0.z".into(), "layers.3.bias".into()]),
    ] {
        let network = Network::new(&spec, &adapt).unwrap();
        let params: Vec<Tensor<B, 3>> = network
            .tensors()
            .iter()
            .map(|info| random(info.dims(3)))
            .collect();
        let directions: Vec<Option<Tensor<B, 3>>> = network
            .tensors()
            .iter()
            .map(|info| info.adapts.then(|| random(info.dims(3))))
            .collect();
        let trace = network.forward_trace(&params, random([3, 6, 2]));
        let deltas = network.deltas(&params, &trace, random([3, 6, 3]));
        let slope = network.slope(&trace, &deltas, &directions).into_scalar();
        let expected: f32 = network
            .gradients(&trace, &deltas)
            .into_iter()
            .zip(directions)
            .filter_map(|(gradient, direction)| {
                assert_eq!(gradient.is_some(), direction.is_some());
                Some((gradient? * direction?).sum().into_scalar())
            })
            .sum();
        assert!(
            (slope - expected).abs() < 1e-4 * expected.abs().max(1.0),
            "{slope} {expected}"
        );
    }
}

#[test]
fn backward_stops_at_the_lowest_adapting_layer() {
    let network = Network::new(
        &NetworkSpec::mlp(1, &[4, 4], 1),
        &Adapt::Group(AdaptGroup::Head),
    )
    .unwrap();
    let params: Vec<Tensor<B, 3>> = network
        .tensors()
        .iter()
        .map(|info| random(info.dims(1)))
        .collect();
    let trace = network.forward_trace(&params, random([2, 3, 1]));
    let deltas = network.deltas(&params, &trace, random([2, 3, 1]));
    let formed: Vec<bool> = deltas.outputs.iter().map(Option::is_some).collect();
    assert_eq!(formed, [false, false, false, false, true]);
}

#[test]
fn tensors_are_named_in_order() {
    let spec = NetworkSpec {
        input: Shape::Vector(1),
        layers: vec![LayerSpec::Context { size: 2 }, LayerSpec::Dense { out: 4 }],
    };
    let network = Network::new(&spec, &Adapt::Group(AdaptGroup::Context)).unwrap();
    let summary: Vec<(&str, &[usize], bool)> = network
        .tensors()
        .iter()
        .map(|info| (info.name.as_str(), &info.shape[..], info.adapts))
        .collect();
    assert_eq!(
        summary,
        [
            ("layers.0.z", &[2][..], true),
            ("layers.1.weight", &[3, 4][..], false),
            ("layers.1.bias", &[4][..], false),
        ]
    );
    assert_eq!((network.output(), network.parameter_count()), (4, 18));
}

#[test]
fn broken_networks_are_refused_by_name() {
    let mlp = NetworkSpec::mlp(1, &[4], 1);
    let error = Network::new(&mlp, &Adapt::Names(vec!["layers.1.weight".into()])).unwrap_err();
    assert!(error.to_string().contains("layers.2.weight"), "{error}");
    let error = Network::new(&mlp, &Adapt::Group(AdaptGroup::Context)).unwrap_err();
    assert_eq!(error, NetworkError::NothingAdapts);
    let empty = NetworkSpec::mlp(1, &[0], 1);
    assert!(matches!(
        Network::new(&empty, &Adapt::default()),
        Err(NetworkError::EmptyLayer { layer }) if layer == "layers.0 (dense)"
    ));
    let none = NetworkSpec {
        input: Shape::Vector(1),
        layers: vec![LayerSpec::Relu],
    };
    assert_eq!(
        Network::new(&none, &Adapt::default()).unwrap_err(),
        NetworkError::NoTensors
    );
}
