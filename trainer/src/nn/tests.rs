use burn::backend::{Autodiff, Flex};
use burn::tensor::{Distribution, Tensor};

use super::*;

mod layers;

pub(crate) use layers::examples;

type B = Autodiff<Flex>;

fn random<const D: usize>(shape: [usize; D]) -> Tensor<B, D> {
    Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), &Default::default())
}

/// A batch that cores share, on the numbers themselves, against autodiff of tensor
/// operations; and the same to the last bit by one thread and by three.
#[test]
fn a_batch_in_chunks_has_the_gradient_of_the_whole_whoever_works_on_it() {
    let conv = |stride| {
        LayerSpec::Conv(Conv {
            filters: 16,
            groups: 1,
            kernel: Extent::Square(3),
            stride: Extent::Square(stride),
            padding: Padding::Same,
        })
    };
    let norm = || {
        LayerSpec::BatchNorm(BatchNorm {
            statistics: Statistics::Current,
            epsilon: 1e-5,
        })
    };
    let pool = LayerSpec::MaxPool(MaxPool {
        kernel: Extent::Square(2),
        stride: None,
        padding: Padding::Valid,
    });
    let [height, width, channels] = [32, 30, 4];
    let spec = NetworkSpec {
        input: Shape::Image {
            height,
            width,
            channels,
        },
        layers: vec![
            conv(1),
            norm(),
            LayerSpec::Relu,
            conv(2),
            norm(),
            LayerSpec::Relu,
            conv(1),
            pool,
            LayerSpec::Flatten,
            LayerSpec::Dense(Dense { out: 5 }),
        ],
    };
    let network = Network::new(&spec, &Adapt::default()).unwrap();
    let examples = 75;
    let first_layer = examples * height * width * 16;
    assert!(
        first_layer > 4 * crate::device::CACHED && examples * 15 * 16 * 16 > crate::device::CACHED
    );
    let params: Vec<Tensor<B, 3>> = network
        .tensors()
        .iter()
        .map(|info| random::<3>(info.dims(1)).require_grad())
        .collect();
    let x: Tensor<B, 3> = random([1, examples, height * width * channels]);
    let seed = random([1, examples, 5]);
    let numbers = |threads| {
        let params: Vec<_> = params.iter().map(|param| param.clone().inner()).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| {
            let trace = network.forward_trace(&params, x.clone().inner());
            let gradients = network.backward(&params, &trace, seed.clone().inner());
            gradients
                .into_iter()
                .map(Option::unwrap)
                .collect::<Vec<_>>()
        })
    };
    let (by_one, by_three) = (numbers(1), numbers(3));
    let mut automatic = (network.forward(&params, x.clone()) * seed.clone())
        .sum()
        .backward();
    let expected: Vec<_> = params
        .iter()
        .map(|param| param.grad_remove(&mut automatic).unwrap())
        .collect();
    let squares = |x: &Tensor<Flex, 3>| x.clone().powi_scalar(2).sum().into_scalar();
    let whole: f32 = expected.iter().map(squares).sum();
    let mut missed = 0.0;
    for ((by_one, by_three), expected) in by_one.into_iter().zip(by_three).zip(expected) {
        by_one.to_data().assert_eq(&by_three.into_data(), true);
        missed += squares(&(by_one - expected));
    }
    // Rounding turns a unit or two on or off; without one of the chunks more is missed.
    let missed = (missed / whole).sqrt();
    assert!(missed < 3e-2, "{missed}");
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
    let formed: Vec<bool> = deltas.of_layer.iter().map(Option::is_some).collect();
    assert_eq!(formed, [false, false, false, false, true]);
}

#[test]
fn tensors_are_named_in_order() {
    let spec = NetworkSpec {
        input: Shape::Vector(1),
        layers: vec![
            LayerSpec::Context(Context {
                size: 2,
                initial: 0.0,
            }),
            LayerSpec::Dense(Dense { out: 4 }),
        ],
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

/// As configs write layers: sizes as one number or two, defaults left out.
#[test]
fn layers_are_read_from_toml() {
    #[derive(serde::Deserialize)]
    struct Model {
        input: Shape,
        layers: Vec<LayerSpec>,
    }
    let text = r#"
        input = [49, 10, 1]
        layers = [
            { kind = "conv", filters = 64, kernel = [10, 4], stride = 2 },
            { kind = "batch_norm" },
            { kind = "relu6" },
            { kind = "depthwise", kernel = 3, padding = "valid" },
            { kind = "batch_norm", statistics = "per_step", epsilon = 1e-3 },
            { kind = "max_pool", kernel = 2 },
            { kind = "group_norm", groups = 4 },
            { kind = "global_average_pool" },
            { kind = "dense", out = 12 },
        ]
    "#;
    let model: Model = toml::from_str(text).unwrap();
    let square = Extent::Square;
    let expected = [
        LayerSpec::Conv(Conv {
            filters: 64,
            groups: 1,
            kernel: Extent::Rectangle([10, 4]),
            stride: square(2),
            padding: Padding::Same,
        }),
        LayerSpec::BatchNorm(BatchNorm {
            statistics: Statistics::Current,
            epsilon: 1e-5,
        }),
        LayerSpec::Relu6,
        LayerSpec::Depthwise(Depthwise {
            kernel: square(3),
            stride: square(1),
            padding: Padding::Valid,
        }),
        LayerSpec::BatchNorm(BatchNorm {
            statistics: Statistics::PerStep,
            epsilon: 1e-3,
        }),
        LayerSpec::MaxPool(MaxPool {
            kernel: square(2),
            stride: None,
            padding: Padding::Valid,
        }),
        LayerSpec::GroupNorm(GroupNorm {
            groups: 4,
            epsilon: 1e-5,
        }),
        LayerSpec::GlobalAveragePool,
        LayerSpec::Dense(Dense { out: 12 }),
    ];
    assert_eq!(model.layers, expected);
    let spec = NetworkSpec {
        input: model.input,
        layers: model.layers,
    };
    assert_eq!(
        spec.input,
        Shape::Image {
            height: 49,
            width: 10,
            channels: 1
        }
    );
    // 49×10 → 25×5 → 23×3 → 11×1.
    let network = Network::new(&spec, &Adapt::default()).unwrap();
    assert_eq!(network.output(), 12);
    let written = toml::to_string(&spec).unwrap();
    assert_eq!(toml::from_str::<NetworkSpec>(&written).unwrap(), spec);
    let shapes: Vec<&[usize]> = network.tensors().iter().map(|t| &t.shape[..]).collect();
    assert_eq!(shapes[0], [40, 64]);
    assert_eq!(shapes[4], [9, 64]);
}

/// The fans of He and Glorot are those of the patch, not of the image.
#[test]
fn initial_weights_of_convolutions_and_norms() {
    let spec = NetworkSpec {
        input: Shape::Image {
            height: 8,
            width: 8,
            channels: 5,
        },
        layers: vec![
            LayerSpec::Conv(Conv {
                filters: 200,
                groups: 1,
                kernel: Extent::Square(3),
                stride: Extent::Square(1),
                padding: Padding::Same,
            }),
            LayerSpec::LayerNorm(LayerNorm { epsilon: 1e-5 }),
        ],
    };
    let network = Network::new(&spec, &Adapt::default()).unwrap();
    let he = init::draw(&network, init::Init::He, 1, 0);
    let count = he[0].len() as f32;
    let variance = he[0].iter().map(|w| w * w).sum::<f32>() / count;
    let expected = 2.0 / 45.0;
    assert!((variance - expected).abs() < 0.05 * expected, "{variance}");
    let glorot = init::draw(&network, init::Init::Glorot, 1, 0);
    let largest = glorot[0].iter().fold(0.0f32, |a, b| a.max(b.abs()));
    let bound = (6.0f32 / (45.0 + 1800.0)).sqrt();
    assert!(largest <= bound && largest > 0.99 * bound, "{largest}");
    assert!(he[1].iter().chain(&he[3]).all(|&bias| bias == 0.0));
    assert!(he[2].iter().all(|&gain| gain == 1.0));
}
