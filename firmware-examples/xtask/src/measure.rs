//! Instructions, predicted cycles, RAM and flash of the workloads, or of any
//! program with markers.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use object::{Object, ObjectSegment};
use serde::{Deserialize, Serialize};

use crate::cycles::{self, Count, Emulated, REFERENCE, Region};
use crate::firmware::Firmware;
use crate::kernels;
use crate::needs;
use crate::project::firmware_examples;
use crate::reference::{self, build, emulate, program};
use crate::toolchain::Toolchain;

/// How far the instructions between the markers may be from those that the
/// firmware counts: it counts forties, twice reads the counter and calls the
/// markers.
const TOLERANCE: u64 = 2 * 40;
/// How many functions a profile shows.
const PROFILE: usize = 12;

/// What to measure, and how to print it.
#[derive(clap::Args)]
pub struct Options {
    /// Print one JSON object per workload instead of a table
    #[arg(long)]
    json: bool,
    /// Also print which functions the cycles are spent in
    #[arg(long, conflicts_with = "json")]
    profile: bool,
    /// Measure the kernels, against a naive version and the floor
    #[arg(long, conflicts_with_all = ["profile", "elf"])]
    kernels: bool,
    /// Write the table of the kernels to runtime/docs/kernels.md
    #[arg(long, requires = "kernels", conflicts_with = "json")]
    write: bool,
    /// Measure this program: each call of mamlet_measure_begin to the call of
    /// mamlet_measure_end that belongs to it
    #[arg(long, value_name = "FILE")]
    elf: Option<PathBuf>,
    /// QEMU's machine for the program
    #[arg(long, requires = "elf", default_value = REFERENCE.machine)]
    machine: String,
    /// QEMU's core for the program
    #[arg(long, requires = "elf", default_value = REFERENCE.cpu)]
    cpu: String,
    /// Multiply-accumulates of a region, to print what one of them takes
    #[arg(long, requires = "elf")]
    macs: Option<u64>,
}

/// What a workload takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Workload {
    /// Which workload.
    pub name: String,
    /// Instructions on a Cortex-M4F, to the nearest 40.
    pub instructions: u64,
    /// Cycles they are predicted to take there.
    #[serde(default)]
    pub cycles: u64,
    /// Multiply-accumulates.
    pub macs: u64,
    /// RAM.
    pub ram_bytes: Ram,
    /// Flash of the example `minimal` without its artifact, with the layers of
    /// its artifact alone.
    #[serde(default)]
    pub flash_bytes: Flash,
    /// The same with every layer there is.
    #[serde(default)]
    pub flash_bytes_all_layers: Flash,
    /// Where the cycles are spent.
    #[serde(skip)]
    functions: Vec<(String, Count)>,
}

/// Bytes of RAM.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ram {
    /// Adapted weights.
    pub weights: u64,
    /// Examples, activations and gradients.
    pub workspace: u64,
    /// The deepest the stack goes.
    pub stack: u64,
    /// All of it.
    pub total: u64,
}

/// Bytes of flash, by how the firmware was optimised.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Flash {
    /// `opt-level = 3`
    pub speed: u64,
    /// `opt-level = "s"`
    pub size: u64,
}

/// The board whose firmware has only the layers it needs.
const FEW_LAYERS: &str = "stm32l412";

/// Measures all workloads.
pub fn workloads() -> Result<Vec<Workload>> {
    let toolchain = Toolchain::find()?;
    build(&toolchain, "release")?;
    build(&toolchain, "small")?;
    let flash_bytes_all_layers = Flash {
        speed: flash(&program("release", "minimal"))?,
        size: flash(&program("small", "minimal"))?,
    };
    let few_layers = Firmware::emulated(FEW_LAYERS)?;
    few_layers.build(&toolchain, "release", &["minimal"])?;
    few_layers.build(&toolchain, "small", &["minimal"])?;
    let flash_bytes = Flash {
        speed: flash(&few_layers.program("release", "minimal"))?,
        size: flash(&few_layers.program("small", "minimal"))?,
    };
    emulate(&program("small", "minimal"))?;
    let (regions, printed) = cycles::measure(&program("release", "measure"), REFERENCE)?;
    let lines: Vec<_> = printed.lines().collect();
    ensure!(
        lines.len() == regions.len(),
        "{} regions are marked in `measure`, which printed\n{printed}",
        regions.len()
    );
    let workload = |(line, region): (&str, Region)| -> Result<Workload> {
        let mut workload: Workload =
            serde_json::from_str(line).with_context(|| format!("cannot read {line:?}"))?;
        let Count {
            instructions,
            cycles,
        } = region.total;
        ensure!(
            instructions.abs_diff(workload.instructions) <= TOLERANCE,
            "{}: the firmware counts {} instructions, QEMU's trace has {instructions}",
            workload.name,
            workload.instructions
        );
        workload.cycles = cycles;
        workload.functions = region.functions;
        workload.flash_bytes = flash_bytes.clone();
        workload.flash_bytes_all_layers = flash_bytes_all_layers.clone();
        Ok(workload)
    };
    lines.into_iter().zip(regions).map(workload).collect()
}

/// Measures and prints.
pub fn run(options: &Options) -> Result<()> {
    needs::provide(&reference::needs().into(), false)?;
    match &options.elf {
        Some(program) => measure_program(program, options),
        None if options.kernels => kernels::run(options.json, options.write),
        None => measure_workloads(options),
    }
}

fn measure_workloads(options: &Options) -> Result<()> {
    let workloads = workloads()?;
    if options.json {
        for workload in &workloads {
            println!("{}", serde_json::to_string(workload)?);
        }
        return Ok(());
    }
    println!(
        "| workload | instructions | per MAC | cycles | per MAC | weights | workspace | stack | RAM |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    for Workload {
        name,
        instructions,
        cycles,
        macs,
        ram_bytes: ram,
        ..
    } in &workloads
    {
        let Ram {
            weights,
            workspace,
            stack,
            total,
        } = ram;
        let [instructions_per_mac, cycles_per_mac] =
            [instructions, cycles].map(|count| *count as f64 / *macs as f64);
        println!(
            "| {name} | {instructions} | {instructions_per_mac:.2} | {cycles} | \
             {cycles_per_mac:.2} | {weights} | {workspace} | {stack} | {total} |"
        );
    }
    println!("\ncycles are predicted: see firmware-examples/xtask/src/cycles/cortex_m4.rs");
    if let Some(workload) = workloads.first() {
        println!("\nflash without the artifact, in bytes at opt-level 3 and \"s\":");
        for (what, Flash { speed, size }) in [
            ("dense layers alone", &workload.flash_bytes),
            ("every layer", &workload.flash_bytes_all_layers),
        ] {
            println!("  {what}: {speed}, {size}");
        }
    }
    if options.profile {
        for workload in &workloads {
            profile(&workload.name, &workload.functions);
        }
    }
    Ok(())
}

/// What is printed of a region of a program.
#[derive(Serialize)]
struct Measured {
    region: usize,
    instructions: u64,
    cycles: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    macs: Option<u64>,
}

/// Measures a program that may have nothing to do with the engine.
fn measure_program(program: &Path, options: &Options) -> Result<()> {
    let emulated = Emulated {
        machine: &options.machine,
        cpu: &options.cpu,
    };
    let macs = options.macs;
    let (regions, printed) = cycles::measure(program, emulated)?;
    if !options.json {
        print!("{printed}");
        println!("| region | instructions | per MAC | cycles | per MAC |");
        println!("|---:|---:|---:|---:|---:|");
    }
    for (region, Region { total, functions }) in (1..).zip(&regions) {
        let Count {
            instructions,
            cycles,
        } = *total;
        if options.json {
            let measured = Measured {
                region,
                instructions,
                cycles,
                macs,
            };
            println!("{}", serde_json::to_string(&measured)?);
            continue;
        }
        let [instructions_per_mac, cycles_per_mac] = [instructions, cycles].map(|count| {
            macs.map_or("".into(), |macs| {
                format!("{:.2}", count as f64 / macs as f64)
            })
        });
        println!(
            "| {region} | {instructions} | {instructions_per_mac} | {cycles} | {cycles_per_mac} |"
        );
        if options.profile {
            profile(&format!("region {region}"), functions);
        }
    }
    Ok(())
}

/// Prints where cycles are spent.
fn profile(name: &str, functions: &[(String, Count)]) {
    let all: u64 = functions.iter().map(|(_, count)| count.cycles).sum();
    println!("\n| {name} | instructions | cycles | share |");
    println!("|---|---:|---:|---:|");
    for (function, count) in functions.iter().take(PROFILE) {
        let Count {
            instructions,
            cycles,
        } = count;
        let share = 100.0 * *cycles as f64 / all as f64;
        println!("| `{function}` | {instructions} | {cycles} | {share:.1} % |");
    }
}

/// Bytes of flash a program takes, without the artifact in it.
fn flash(program: &Path) -> Result<u64> {
    let bytes = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    let file = object::File::parse(&*bytes)?;
    // What a segment has in the file is what is flashed; the rest is RAM.
    let total: u64 = file.segments().map(|segment| segment.file_range().1).sum();
    let artifact = firmware_examples().join("artifacts/sinusoid.mamlet");
    let artifact = fs::metadata(&artifact)
        .with_context(|| format!("cannot read {}", artifact.display()))?
        .len();
    total
        .checked_sub(artifact)
        .context("the program does not hold the artifact")
}
