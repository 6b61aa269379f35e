//! The table of the kernels.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::cycles::{self, Count, REFERENCE, Region};
use crate::project::root;
use crate::reference::{build, program};
use crate::toolchain::Toolchain;

/// The file with the table, and what stands around it there.
const FILE: &str = "runtime/docs/kernels.md";
const START: &str = "<!-- the table: `cargo xtask measure --kernels --write` -->\n";
const END: &str = "<!-- the end of the table -->\n";

/// What the example prints of a kernel.
#[derive(Deserialize)]
struct Printed {
    kernel: String,
    shape: String,
    /// Of one step.
    macs: u64,
    /// By how many steps the regions of a network differ.
    steps: u64,
    /// Regions of a network: one, or a short and a long one.
    regions: usize,
    /// Cycles of a multiply-accumulate that no kernel can go below without
    /// using an operand more than once.
    floor: f64,
}

/// A line of the table.
#[derive(Serialize)]
struct Kernel {
    kernel: String,
    shape: String,
    macs: u64,
    instructions: u64,
    cycles: u64,
    naive_instructions: u64,
    naive_cycles: u64,
    floor_cycles_per_mac: f64,
}

/// Measures, and prints or writes the table.
pub fn run(json: bool, write: bool) -> Result<()> {
    let kernels = measure()?;
    if json {
        for kernel in &kernels {
            println!("{}", serde_json::to_string(kernel)?);
        }
        return Ok(());
    }
    let table = table(&kernels);
    print!("{table}");
    if write {
        let path = root().join(FILE);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let (before, rest) = text.split_once(START).with_context(|| lacks(START))?;
        let (_, after) = rest.split_once(END).with_context(|| lacks(END))?;
        let text = format!("{before}{START}\n{table}\n{END}{after}");
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("\nwrote {FILE}");
    }
    Ok(())
}

fn lacks(line: &str) -> String {
    format!("{FILE} lacks the line {}", line.trim_end())
}

/// Cycles per multiply-accumulate that a kernel must not go above: kernel, the
/// beginning of its shape, limit.
const LIMITS: [(&str, &str, f64); 8] = [
    ("dense, forward", "64 → 64, 10", 3.3),
    ("dense, backward by input", "64 → 64, 10", 3.6),
    ("dense, backward by weights", "64 → 64, 10", 3.6),
    ("pointwise, forward", "64 → 64", 3.3),
    ("pointwise, backward by input", "64 → 64", 3.6),
    ("pointwise, backward by weights", "64 → 64", 3.6),
    ("conv2d, forward", "3 × 3, 16 → 16", 3.6),
    ("int8 pointwise, forward", "64 → 64", 1.5),
];

/// Measures the kernels and compares them with their limits.
///
/// # Errors
/// Names a kernel that is slower, or that there is none of.
pub fn check_limits() -> Result<()> {
    let kernels = measure()?;
    for (name, shape, limit) in LIMITS {
        let kernel = kernels
            .iter()
            .find(|kernel| kernel.kernel == name && kernel.shape.starts_with(shape))
            .with_context(|| format!("no kernel {name} {shape}"))?;
        let given = kernel.cycles as f64 / kernel.macs as f64;
        println!("{name} {shape}: {given:.2} cycles per MAC of {limit}");
        ensure!(
            given <= limit,
            "{name} {shape}: {given:.2} cycles per MAC, the limit is {limit}"
        );
    }
    Ok(())
}

/// Measures all kernels.
fn measure() -> Result<Vec<Kernel>> {
    build(&Toolchain::find()?, "release")?;
    let (regions, printed) = cycles::measure(&program("release", "kernels"), REFERENCE)?;
    let mut rest = &regions[..];
    let mut kernels = Vec::new();
    for line in printed.lines() {
        let printed: Printed =
            serde_json::from_str(line).with_context(|| format!("cannot read {line:?}"))?;
        let mut take = |count| -> Result<&[Region]> {
            let taken = rest.split_at_checked(count);
            let (taken, tail) = taken.with_context(|| format!("too few regions for {line}"))?;
            rest = tail;
            Ok(taken)
        };
        let with = added(take(printed.regions)?);
        let without = added(take(printed.regions)?);
        let naive = added(take(1)?);
        let of = |with: u64, without: u64| with.saturating_sub(without) / printed.steps;
        kernels.push(Kernel {
            instructions: of(with.instructions, without.instructions),
            cycles: of(with.cycles, without.cycles),
            naive_instructions: naive.instructions,
            naive_cycles: naive.cycles,
            kernel: printed.kernel,
            shape: printed.shape,
            macs: printed.macs,
            floor_cycles_per_mac: printed.floor,
        });
    }
    ensure!(rest.is_empty(), "regions that belong to no kernel");
    Ok(kernels)
}

/// What the last region has more than the first one, where there are two.
fn added(regions: &[Region]) -> Count {
    let total = |region: Option<&Region>| region.map(|region| region.total).unwrap_or_default();
    let last = total(regions.last());
    let first = match regions {
        [_] => Count::default(),
        _ => total(regions.first()),
    };
    Count {
        instructions: last.instructions.saturating_sub(first.instructions),
        cycles: last.cycles.saturating_sub(first.cycles),
    }
}

fn table(kernels: &[Kernel]) -> String {
    let mut table = String::from(
        "| kernel | shape | MACs | cycles per MAC | instructions per MAC | naive: cycles | naive: instructions | floor: cycles |\n\
         |---|---|---:|---:|---:|---:|---:|---:|\n",
    );
    for kernel in kernels {
        let per_mac = |count: u64| format!("{:.2}", count as f64 / kernel.macs as f64);
        let cells = [
            kernel.kernel.clone(),
            kernel.shape.clone(),
            kernel.macs.to_string(),
            per_mac(kernel.cycles),
            per_mac(kernel.instructions),
            per_mac(kernel.naive_cycles),
            per_mac(kernel.naive_instructions),
            kernel.floor_cycles_per_mac.to_string(),
        ];
        table += &format!("| {} |\n", cells.join(" | "));
    }
    table
}
