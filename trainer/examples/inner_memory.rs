//! Peak memory of one second-order meta-gradient of the paper's Omniglot network,
//! 5 ways, 1 shot, 32 tasks, for more and more inner steps, with `graph = "keep"`
//! and `"rebuild"`. Each figure is the peak resident set of a process of its own,
//! as Linux counts it. Run with `cargo run --release -p mamlet-trainer --example
//! inner_memory -- [steps ...]`.

mod common;

use std::process::Command;
use std::time::Instant;

use common::{Setup, TASKS};
use mamlet_trainer::meta::{Graph, Order, to_host};

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
    let setup = Setup::new(steps);
    let objective = setup.objective(Order::Second, graph);
    let start = Instant::now();
    let result = setup.gradient(&objective, at_once);
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
