//! Every layer, against autodiff.

use std::path::Path;

use burn::backend::Flex;
use burn::tensor::Tensor;

use super::super::{Adapt, Conv, Dense, Extent, LayerSpec, Network, NetworkSpec, Padding, Shape};
use super::{B, random};

/// A layer of every kind, with keys as configs write them, and what it is tried on.
pub(crate) fn examples() -> Vec<(Shape, LayerSpec)> {
    let image = Shape::Image {
        height: 4,
        width: 3,
        channels: 4,
    };
    let example = |kind: &&str| {
        let (shape, keys) = match *kind {
            "dense" => (image, ", out = 5"),
            "conv" => (image, ", filters = 6, kernel = 3, stride = 2, groups = 2"),
            "depthwise" => (image, ", kernel = 3"),
            "max_pool" | "average_pool" => (image, ", kernel = 2, stride = 1, padding = \"same\""),
            "group_norm" => (image, ", groups = 2"),
            "leaky_relu" => (image, ", slope = 0.2"),
            "context" => (Shape::Vector(4), ", size = 2"),
            "batch_norm"
            | "layer_norm"
            | "global_average_pool"
            | "flatten"
            | "relu"
            | "relu6"
            | "tanh"
            | "sigmoid"
            | "softmax"
            | "neighbour" => (image, ""),
            _ => panic!("{kind} is tried on nothing"),
        };
        #[derive(serde::Deserialize)]
        struct Layer {
            layer: LayerSpec,
        }
        let text = format!("layer = {{ kind = \"{kind}\"{keys} }}");
        let Layer { layer } = toml::from_str(&text).unwrap();
        assert_eq!(layer.kind(), *kind);
        (shape, layer)
    };
    LayerSpec::KINDS.iter().map(example).collect()
}

/// A layer between one that keeps the shape of its input and a dense one, both with
/// weights, so that what the layer passes on shows in theirs.
struct Between {
    network: Network,
    params: Vec<Tensor<B, 3>>,
    x: Tensor<B, 3>,
    tasks: usize,
    name: String,
}

impl Between {
    /// Every layer, with weights per task and shared.
    fn all() -> Vec<Self> {
        let examples = examples();
        let of_tasks = |own: usize| {
            let between = move |(shape, layer): &(Shape, LayerSpec)| Self::new(*shape, layer, own);
            examples.iter().map(between)
        };
        of_tasks(1).chain(of_tasks(3)).collect()
    }

    fn new(shape: Shape, layer: &LayerSpec, own: usize) -> Self {
        let first = match shape {
            Shape::Vector(out) => LayerSpec::Dense(Dense { out }),
            _ => LayerSpec::Conv(Conv {
                filters: shape.channels(),
                groups: 1,
                kernel: Extent::Square(1),
                stride: Extent::Square(1),
                padding: Padding::Same,
            }),
        };
        let spec = NetworkSpec {
            input: shape,
            layers: vec![first, layer.clone(), LayerSpec::Dense(Dense { out: 3 })],
        };
        let network = Network::new(&spec, &Adapt::default()).unwrap();
        let tensors = network.tensors().iter();
        let params = tensors.map(|info| random(info.dims(own)).require_grad());
        Self {
            params: params.collect(),
            x: random([3, 6, shape.features()]),
            tasks: own,
            name: format!("{}, weights of {own}", layer.kind()),
            network,
        }
    }

    /// That gradients of all tensors are `automatic`; those of shared weights are their sum.
    fn assert_equal(&self, explicit: Vec<Tensor<Flex, 3>>, automatic: Vec<Tensor<Flex, 3>>) {
        let largest = |tensor: Tensor<Flex, 3>| tensor.abs().max().into_scalar();
        // A norm makes some gradients the small difference of large numbers.
        let sizes = automatic.iter().map(|tensor| largest(tensor.clone()));
        let size = sizes.fold(1.0, f32::max);
        let pairs = explicit.into_iter().zip(automatic);
        for ((explicit, expected), info) in pairs.zip(self.network.tensors()) {
            let explicit = match self.tasks {
                1 => explicit.sum_dim(0),
                _ => explicit,
            };
            let error = largest(explicit - expected);
            let what = format!("{}, {}", self.name, info.name);
            assert!(error < 2e-5 * size, "{what}: {error} of {size}");
        }
    }

    fn inner(&self) -> (Vec<Tensor<Flex, 3>>, Tensor<Flex, 3>) {
        let params = self.params.iter().map(|param| param.clone().inner());
        (params.collect(), self.x.clone().inner())
    }

    /// The gradient of a scalar by autodiff.
    fn automatic(&self, scalar: Tensor<B, 1>) -> Vec<Tensor<Flex, 3>> {
        let mut gradients = scalar.backward();
        let params = self.params.iter();
        params
            .map(|param| {
                let gradient = param.grad_remove(&mut gradients);
                gradient.unwrap_or_else(|| param.clone().inner().zeros_like())
            })
            .collect()
    }
}

/// The written-out gradient of all tensors against autodiff of the forward pass.
#[test]
fn explicit_backward_equals_autodiff_of_the_forward() {
    for between in Between::all() {
        let (network, seed) = (&between.network, random([3, 6, 3]));
        let (params, x) = between.inner();
        let trace = network.forward_trace(&params, x);
        let explicit = network.backward(&params, &trace, seed.clone().inner());
        let explicit = explicit.into_iter().map(Option::unwrap).collect();
        let y = network.forward(&between.params, between.x.clone());
        between.assert_equal(explicit, between.automatic((y * seed).sum()));
    }
}

/// The Hessian-vector product of `½ Σ y²` by tangents against autodiff of the
/// written-out gradient.
#[test]
fn tangents_equal_autodiff_of_the_explicit_backward() {
    for between in Between::all() {
        let network = &between.network;
        let tensors = network.tensors().iter();
        let directions: Vec<Tensor<B, 3>> = tensors
            .map(|info| random(info.dims(between.tasks)))
            .collect();
        let trace = network.forward_trace(&between.params, between.x.clone());
        let gradients = network.backward(&between.params, &trace, trace.output().clone());
        let along = gradients.into_iter().zip(&directions);
        let along = along.map(|(gradient, direction)| {
            let gradient = gradient.unwrap();
            let gradient = match between.tasks {
                1 => gradient.sum_dim(0),
                _ => gradient,
            };
            (gradient * direction.clone()).sum()
        });
        let along = along.reduce(|a, b| a + b).unwrap();

        let (params, x) = between.inner();
        let trace = network.forward_trace(&params, x);
        let deltas = network.deltas(&params, &trace, trace.output().clone());
        let of_tasks = |direction: Tensor<B, 3>| {
            let direction = direction.inner();
            Some(direction.repeat_dim(0, 3 / between.tasks))
        };
        let directions: Vec<_> = directions.into_iter().map(of_tasks).collect();
        let moved = |y_dot| y_dot;
        let (tangents, _) =
            network.gradient_tangents(&params, (&trace, &deltas), &directions, moved, false);
        between.assert_equal(tangents, between.automatic(along));
    }
}

/// The page on how to add a layer was followed for one that only tests have: its file and
/// the list are all that name it, and what the page names is there.
#[test]
fn a_layer_is_one_file_and_its_line_in_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let name = ["Neigh", "bour"].concat();
    let mut folders = vec![root.join("src")];
    let mut naming = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path).is_ok_and(|text| text.contains(&name)) {
                naming.push(path);
            }
        }
    }
    naming.sort();
    let layers = root.join("src/nn/layers");
    assert_eq!(naming, [layers.join("mod.rs"), layers.join("neighbour.rs")]);

    let page = std::fs::read_to_string(root.join("docs/adding.md")).unwrap();
    let section = page
        .split("\n## ")
        .find(|section| section.trim_start_matches("## ").starts_with("A layer\n"));
    let quoted = section.unwrap().split('`').skip(1).step_by(2);
    let files: Vec<&str> = quoted.filter(|quoted| quoted.contains('/')).collect();
    assert!(files.len() > 15, "{files:?}");
    for file in files {
        assert!(root.join("..").join(file).is_file(), "{file} is not there");
    }
}
