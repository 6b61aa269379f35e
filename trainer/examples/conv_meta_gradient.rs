//! Times one meta-gradient of the paper's Omniglot network: four strided
//! convolutions of 64 filters with batch norm, 5 ways, 1 shot, 32 tasks, one
//! inner step. Run with `cargo run --release -p mamlet-trainer --example
//! conv_meta_gradient -- [repetitions] [inner steps]`; its rival in PyTorch is
//! `trainer/benches/peers/omniglot_meta_gradient.py`.

use std::hint::black_box;
use std::time::Instant;

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Distribution, Tensor};
use mamlet_trainer::loss::{Loss, LossKind, Reduction};
use mamlet_trainer::meta::{Graph, InnerOptimiser, Maml, Order, RateTable, to_device, to_host};
use mamlet_trainer::nn::{
    Adapt, Extent, LayerSpec, Network, NetworkSpec, Padding, Shape, Statistics, init,
};
use mamlet_trainer::tasks::DeviceBatch;

// The allocator of the `mamlet` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type B = Autodiff<Flex>;

const TASKS: usize = 32;
const WAYS: usize = 5;

fn main() {
    let argument = |place: usize, default: usize| {
        let text = std::env::args().nth(place);
        text.map_or(default, |text| text.parse().expect("a number"))
    };
    let (repetitions, steps) = (argument(1, 20), argument(2, 1));
    let network = Network::new(&spec(), &Adapt::default()).expect("a valid network");
    let device = <Flex as burn::tensor::backend::BackendTypes>::Device::default();
    let initial = init::draw(&network, init::Init::He, 1, 0);
    let params = to_device::<Flex>(&network, &initial, &device);
    let loss = Loss {
        kind: LossKind::CrossEntropy,
        reduction: Reduction::Mean,
    };
    let x = || Tensor::random([TASKS, WAYS, 784], Distribution::Uniform(0.0, 1.0), &device);
    let y = || {
        let classes: Tensor<Flex, 2> = Tensor::eye(WAYS, &device);
        classes.reshape([1, WAYS, WAYS]).repeat_dim(0, TASKS)
    };
    let batch = DeviceBatch {
        support_x: x(),
        support_y: y(),
        query_x: x(),
        query_y: y(),
    };
    let rates = RateTable::constant(0.4, steps, network.adapting().len()).on(&device);
    let mut weights = vec![0.0; steps];
    weights.push(1.0);
    for order in [Order::First, Order::Second] {
        for graph in [Graph::Keep, Graph::Rebuild] {
            let plain = InnerOptimiser::default();
            let maml = Maml::new(network.clone(), loss, plain, order, graph);
            let at_once = maml.tasks_at_once::<B>(&batch);
            let mut times: Vec<f64> = (0..repetitions + 3)
                .map(|_| {
                    let start = Instant::now();
                    let result =
                        maml.gradient_in_parts::<B>(&params, &rates, &weights, &batch, at_once);
                    black_box(to_host(result.loss));
                    start.elapsed().as_secs_f64() * 1e3
                })
                .skip(3)
                .collect();
            times.sort_by(f64::total_cmp);
            let (median, fastest) = (times[times.len() / 2], times[0]);
            println!(
                "{order:?} order, {steps} step(s), {graph:?}: median {median:.0} ms, fastest {fastest:.0} ms"
            );
        }
    }
}

fn spec() -> NetworkSpec {
    let block = [
        LayerSpec::Conv {
            filters: 64,
            kernel: Extent::Square(3),
            stride: Extent::Square(2),
            padding: Padding::Same,
        },
        LayerSpec::BatchNorm {
            statistics: Statistics::Current,
            epsilon: 1e-5,
        },
        LayerSpec::Relu,
    ];
    let mut layers: Vec<LayerSpec> = std::iter::repeat_n(block, 4).flatten().collect();
    layers.push(LayerSpec::GlobalAveragePool);
    layers.push(LayerSpec::Dense { out: WAYS });
    NetworkSpec {
        input: Shape::Image {
            height: 28,
            width: 28,
            channels: 1,
        },
        layers,
    }
}
