//! Fuzzes the readers and the engine: coverage-guided, on a stable compiler.
//!
//! `cargo-fuzz` would do the same with a nightly toolchain and address
//! sanitizer, of which safe code has no need. All that libFuzzer asks for is
//! the compiler's own instrumentation.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::needs::{self, Need};
use crate::project::{cargo, output, root, run};

/// Folder and name of each target.
const TARGETS: [(&str, &str); 6] = [
    ("formats", "artifact"),
    ("formats", "checkpoint"),
    ("runtime", "bytes"),
    ("runtime", "learner"),
    ("runtime", "restore"),
    ("runtime", "serve"),
];
/// Small files that the targets begin with.
const SEEDS: [&str; 2] = ["formats/tests/data", "runtime/tests/data"];
/// Counts which branches are taken and compares constants, as libFuzzer asks.
const INSTRUMENTATION: [&str; 7] = [
    "--cfg=fuzzing",
    "-Ccodegen-units=1",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];
/// Executions of each target in a test, always the same.
const TESTED: usize = 20_000;

/// What to fuzz, and for how long.
#[derive(clap::Args)]
pub struct Options {
    /// The target, or all: artifact, checkpoint, bytes, learner, restore, serve
    target: Option<String>,
    /// How long to fuzz each target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Run this input instead, such as one that fails
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
}

/// Fuzzes, with what has been found earlier.
pub fn fuzz(options: &Options) -> Result<()> {
    needs::provide(&[Need::Cpp].into(), false)?;
    let chosen = |name| {
        options
            .target
            .as_deref()
            .is_none_or(|target| target == name)
    };
    let targets: Vec<_> = TARGETS.iter().filter(|(_, name)| chosen(*name)).collect();
    if targets.is_empty() {
        bail!(
            "no such target, but {}",
            TARGETS.map(|(_, name)| name).join(", ")
        );
    }
    for &&(folder, name) in &targets {
        let mut target = build(folder, name)?;
        match &options.input {
            Some(input) => target.arg(input),
            None => target
                .args(corpus("corpus", name)?)
                .arg(format!("-max_total_time={}", options.seconds)),
        };
        run(&mut target).with_context(|| again(name))?;
    }
    Ok(())
}

/// Lints the targets and executes each a fixed number of times, from the seeds
/// on.
pub fn test() -> Result<()> {
    for folder in ["formats", "runtime"] {
        let mut clippy = instrumented(folder, "clippy", &host()?);
        run(clippy.args(["--", "--deny", "warnings"]))?;
    }
    for (folder, name) in TARGETS {
        let mut target = build(folder, name)?;
        let corpus = corpus("tested", name)?;
        if let Some(found) = corpus.first() {
            fs::remove_dir_all(found)?;
            fs::create_dir_all(found)?;
        }
        target.args(corpus).arg(format!("-runs={TESTED}"));
        // What is compared may be addresses, which differ from run to run.
        target.args(["-seed=1", "-use_cmp=0", "-len_control=0", "-max_len=2048"]);
        let ended = target.output()?;
        let log = String::from_utf8_lossy(&ended.stderr);
        if !ended.status.success() {
            eprint!("{log}");
            bail!(again(name));
        }
        let last = log.lines().find(|line| line.contains("DONE"));
        let line = last.with_context(|| format!("{name} was not fuzzed:\n{log}"))?;
        println!("{name}: {line}");
    }
    Ok(())
}

fn again(name: &str) -> String {
    format!("{name} fails: cargo xtask fuzz {name} --input target/fuzz/failures/FILE")
}

/// Builds a target; the command runs it.
fn build(folder: &str, name: &str) -> Result<Command> {
    let host = host()?;
    let mut command = instrumented(folder, "build", &host);
    run(command.args(["--bin", name]))?;
    let failures = target_folder().join("failures");
    fs::create_dir_all(&failures)?;
    let program = target_folder().join(host).join("release").join(name);
    ensure!(program.exists(), "{} was not built", program.display());
    let mut command = Command::new(program);
    command.arg(format!("-artifact_prefix={}/", failures.display()));
    Ok(command)
}

/// A command of cargo for the targets of a folder. With the host named, build
/// scripts and macros are not instrumented.
fn instrumented(folder: &str, subcommand: &str, host: &str) -> Command {
    let mut command = cargo(&root().join(folder).join("fuzz"));
    command
        .args([subcommand, "--quiet", "--release", "--target", host])
        .env("CARGO_TARGET_DIR", target_folder())
        .env("CARGO_ENCODED_RUSTFLAGS", INSTRUMENTATION.join("\u{1f}"));
    command
}

/// The target that runs here.
fn host() -> Result<String> {
    let version = output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV names no host")
}

fn target_folder() -> PathBuf {
    root().join("target/fuzz")
}

/// Where a target's finds are kept, and the seeds.
fn corpus(folder: &str, name: &str) -> Result<Vec<PathBuf>> {
    let found = target_folder().join(folder).join(name);
    fs::create_dir_all(&found).with_context(|| format!("cannot create {}", found.display()))?;
    let seeds = SEEDS.iter().map(|folder| root().join(folder));
    Ok([found].into_iter().chain(seeds).collect())
}
