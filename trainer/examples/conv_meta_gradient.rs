//! Times one meta-gradient of the paper's Omniglot network: four strided
//! convolutions of 64 filters with batch norm, 5 ways, 1 shot, 32 tasks, one
//! inner step. Run with `cargo run --release -p mamlet-trainer --example
//! conv_meta_gradient -- [repetitions] [inner steps]`; its rival in PyTorch is
//! `trainer/benches/peers/omniglot_meta_gradient.py`.

mod common;

use std::hint::black_box;
use std::time::Instant;

use common::Setup;
use mamlet_trainer::meta::{Graph, Order, to_host};

fn main() {
    let argument = |place: usize, default: usize| {
        let text = std::env::args().nth(place);
        text.map_or(default, |text| text.parse().expect("a number"))
    };
    let (repetitions, steps) = (argument(1, 20), argument(2, 1));
    let setup = Setup::new(steps);
    for order in [Order::First, Order::Second] {
        for graph in [Graph::Keep, Graph::Rebuild] {
            let objective = setup.objective(order, graph);
            let mut times: Vec<f64> = (0..repetitions + 3)
                .map(|_| {
                    let start = Instant::now();
                    let result = setup.gradient(&objective, 0);
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
