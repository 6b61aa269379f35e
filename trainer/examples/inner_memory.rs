//! Peak memory of one second-order meta-gradient of the paper's Omniglot network,
//! 5 ways, 1 shot, 32 tasks, for more and more inner steps, with `graph = "keep"`
//! and `"rebuild"`. Each figure is the peak resident set of a process of its own,
//! as Linux counts it. Run with `cargo run --release -p mamlet-trainer --example
//! inner_memory -- [steps ...]`.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Distribution, Tensor};
use mamlet_trainer::config::Config;
use mamlet_trainer::meta::{Graph, Maml, Order, RateTable, to_device, to_host};
use mamlet_trainer::nn::init;
use mamlet_trainer::tasks::DeviceBatch;

// The allocator of the `mamlet` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type B = Autodiff<Flex>;

const TASKS: usize = 32;
const WAYS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [child, graph, at_once, steps] = &arguments[..]
        && child == "child"
    {
        let graph = match graph.as_str() {
            "keep" => Graph::Keep,
            _ => Graph::Rebuild,
        };
        return measure(graph, number(at_once), number(steps));
    }
    let steps: Vec<usize> = match arguments.len() {
        0 => vec![1, 5, 10, 20],
        _ => arguments.iter().map(|text| number(text)).collect(),
    };
    println!("peak MiB (and seconds) after inner steps: {steps:?}");
    for (name, at_once) in [("parts for the cache", 0), ("all tasks at once", TASKS)] {
        for graph in ["keep", "rebuild"] {
            let figures: Vec<String> = steps.iter().map(|&n| of_child(graph, at_once, n)).collect();
            println!("{name:20} {graph:8} {}", figures.join("  "));
        }
    }
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}

/// What a process of its own prints.
fn of_child(graph: &str, at_once: usize, steps: usize) -> String {
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["child", graph, &at_once.to_string(), &steps.to_string()])
        .output()
        .expect("a process");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// One meta-gradient of `steps` inner steps, `at_once` tasks at a time or, for 0,
/// as many as the trainer takes.
fn measure(graph: Graph, at_once: usize, steps: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let config = Config::load(&folder.join("omniglot-5way-1shot.toml"), &[]).expect("a config");
    let network = config.network().expect("a valid network");
    let device = <Flex as burn::tensor::backend::BackendTypes>::Device::default();
    let initial = init::draw(&network, config.model.init, 1, 0);
    let params = to_device::<Flex>(&network, &initial, &device);
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
    let maml = Maml::new(
        network,
        config.loss(),
        config.inner_optimiser(),
        Order::Second,
        graph,
    );
    let at_once = match at_once {
        0 => maml.tasks_at_once::<B>(&batch),
        given => given,
    };
    let start = Instant::now();
    let result = maml.gradient_in_parts::<B>(&params, &rates, &weights, &batch, at_once);
    assert!(to_host(result.loss)[0].is_finite());
    let seconds = start.elapsed().as_secs_f64();
    println!("{:6.0} ({seconds:.1})", peak());
}

/// The largest resident set of this process so far, MiB; not a number where
/// there is no `/proc`.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1024.0)
}
