//! Instructions, RAM and flash of the workloads.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSegment};
use serde::{Deserialize, Serialize};

use crate::firmware::{Toolchain, build, check_qemu, emulate, program};
use crate::project::firmware_examples;

/// What a workload takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Workload {
    /// Which workload.
    pub name: String,
    /// Instructions on a Cortex-M4F, to the nearest 40.
    pub instructions: u64,
    /// Multiply-accumulates.
    pub macs: u64,
    /// RAM.
    pub ram_bytes: Ram,
    /// Flash of the example `minimal` without its artifact.
    #[serde(default)]
    pub flash_bytes: Flash,
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

/// Measures all workloads.
pub fn workloads() -> Result<Vec<Workload>> {
    check_qemu()?;
    let toolchain = Toolchain::find()?;
    build(&toolchain, "release")?;
    build(&toolchain, "small")?;
    let flash_bytes = Flash {
        speed: flash(&program("release", "minimal"))?,
        size: flash(&program("small", "minimal"))?,
    };
    emulate(&program("small", "minimal"))?;
    let printed = emulate(&program("release", "measure"))?;
    let parse = |line: &str| -> Result<Workload> {
        let mut workload: Workload =
            serde_json::from_str(line).with_context(|| format!("cannot read {line:?}"))?;
        workload.flash_bytes = flash_bytes.clone();
        Ok(workload)
    };
    let workloads: Vec<_> = printed.lines().map(parse).collect::<Result<_>>()?;
    if workloads.is_empty() {
        bail!("the example `measure` printed nothing");
    }
    Ok(workloads)
}

/// Measures and prints.
pub fn run(json: bool) -> Result<()> {
    let workloads = workloads()?;
    if json {
        for workload in &workloads {
            println!("{}", serde_json::to_string(workload)?);
        }
        return Ok(());
    }
    println!("| workload | instructions | per MAC | weights | workspace | stack | RAM |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for Workload {
        name,
        instructions,
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
        let per_mac = *instructions as f64 / *macs as f64;
        println!(
            "| {name} | {instructions} | {per_mac:.2} | {weights} | {workspace} | {stack} | {total} |"
        );
    }
    if let Some(Workload { flash_bytes, .. }) = workloads.first() {
        let Flash { speed, size } = flash_bytes;
        println!("\nflash without the artifact: {speed} bytes at opt-level 3, {size} at \"s\"");
    }
    Ok(())
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
