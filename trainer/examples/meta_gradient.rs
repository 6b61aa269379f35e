//! Times one meta-gradient of the sinusoid experiment: 25 tasks, K = 10,
//! 1-40-40-1. Run with `cargo run --release -p mamlet-trainer --example
//! meta_gradient -- [inner steps] [only names with this text]`.

use std::hint::black_box;
use std::time::Instant;

use burn::backend::Flex;
use burn::tensor::Tensor;
use mamlet_trainer::loss::Loss;
use mamlet_trainer::meta::{
    Graph, InnerOptimiser, MetaObjective, Order, RatePer, RateTable, from_logarithms, to_device,
};
use mamlet_trainer::nn::{Adapt, Network, NetworkSpec, init};
use mamlet_trainer::random::{Stream, generator};
use mamlet_trainer::tasks::{Sinusoid, Split, TaskDistribution};

// The allocator of the `mamlet` command; without it the times are twice as long.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let steps: usize = std::env::args()
        .nth(1)
        .map_or(1, |text| text.parse().expect("a number"));
    let only = std::env::args().nth(2).unwrap_or_default();
    let network = Network::new(&NetworkSpec::mlp(1, &[40, 40], 1), &Adapt::default())
        .expect("a valid network");
    let device = <Flex as burn::tensor::backend::BackendTypes>::Device::default();
    let params = to_device::<Flex>(
        &network,
        &init::draw(&network, init::Init::He, 1, 0),
        &device,
    );
    let sinusoid = Sinusoid::default();
    let mut weights = vec![0.0; steps];
    weights.push(1.0);
    let time = |name: &str, work: &mut dyn FnMut(u64)| {
        if !name.contains(&only) {
            return;
        }
        for i in 0..200 {
            work(i);
        }
        let start = Instant::now();
        let count = 2000;
        for i in 0..count {
            work(i);
        }
        println!(
            "{name:44} {:8.3} ms",
            start.elapsed().as_secs_f64() * 1e3 / count as f64
        );
    };
    time("drawing tasks", &mut |i| {
        let mut rng = generator(1, Stream::Train, i);
        black_box(
            sinusoid
                .draw(Split::Train, &mut rng, 25, 10, 10)
                .to_device::<Flex>(&device),
        );
    });
    let batch = sinusoid
        .draw(
            Split::Train,
            &mut generator(1, Stream::Train, 0),
            25,
            10,
            10,
        )
        .to_device::<Flex>(&device);
    let tensors = network.tensors().len();
    let fixed = RateTable::constant(0.01, steps, tensors).on(&device);
    let logarithms = Tensor::full([steps.max(1) * tensors], 0.01f32.ln(), &device);
    let (learned, _) = from_logarithms(&logarithms, &RatePer::Tensor.dims(&network));
    let objective = |order, graph| {
        let plain = InnerOptimiser::default();
        MetaObjective::new(network.clone(), Loss::MSE, plain, order, graph)
    };
    for order in [Order::First, Order::Second] {
        for (kind, rates) in [("fixed", &fixed), ("learned", &learned)] {
            for graph in [Graph::Keep, Graph::Rebuild] {
                let objective = objective(order, graph);
                time(
                    &format!("{order:?} order, {kind} rates, {graph:?}"),
                    &mut |_| {
                        black_box(objective.gradient(&params, rates, &weights, &batch));
                    },
                );
            }
        }
    }
}
