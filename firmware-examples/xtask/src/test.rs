//! Everything that must hold, cheap checks first.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::arithmetic;
use crate::firmware::{self, Toolchain, build, check_qemu, emulate, program};
use crate::fuzz;
use crate::gestures;
use crate::kernels;
use crate::machine::Machine;
use crate::measure::{Workload, workloads};
use crate::omniglot;
use crate::project::{boards, cargo, firmware_examples, output, root, run};
use crate::replay;
use crate::serve;

/// The features of the runtime, and none.
const FEATURES: [&str; 7] = [
    "",
    "convolution",
    "normalisation",
    "integer",
    "policy",
    "micromath",
    "storage",
];

/// With CUDA the trainer has all of its code, and what is checked for one check need
/// not be checked for another.
const WITH_CUDA: [&str; 2] = ["--features", "mamlet-trainer/cuda"];

/// A check and its name.
type Check = (&'static str, fn() -> Result<()>);

/// What a check came to.
enum Outcome {
    Passed,
    Failed(anyhow::Error),
    NotRun(anyhow::Error),
    /// It needs a data set, which no machine must have.
    WithoutData,
}

/// Runs checks one after the other and keeps what came of them.
struct Checks {
    /// What a check must have in its name to be run.
    only: Option<String>,
    outcomes: Vec<(String, Outcome, f64)>,
}

impl Checks {
    fn check(&mut self, name: &str, outcome: impl FnOnce() -> Outcome) {
        if self.only.as_ref().is_some_and(|only| !name.contains(only)) {
            return;
        }
        eprintln!("\n== {name}");
        let start = Instant::now();
        let outcome = outcome();
        if let Outcome::Failed(error) | Outcome::NotRun(error) = &outcome {
            eprintln!("{name}: {error:#}");
        }
        let seconds = start.elapsed().as_secs_f64();
        self.outcomes.push((name.into(), outcome, seconds));
    }
}

impl From<Result<()>> for Outcome {
    fn from(result: Result<()>) -> Self {
        result.map_or_else(Outcome::Failed, |()| Outcome::Passed)
    }
}

/// Runs all checks, or those of a name.
fn outcomes(only: Option<String>) -> Result<Checks> {
    let host: [Check; 8] = [
        ("formatting", formatting),
        ("lints, with CUDA", lints),
        ("formats without a heap", without_heap),
        ("runtime with and without its features", features),
        ("host tests", host_tests),
        ("approximate maths", approximate_maths),
        ("documentation", documentation),
        ("help texts", help),
    ];
    let board: [Check; 7] = [
        (
            "firmware for size compiles, without a panic",
            small_firmware,
        ),
        ("arithmetic of host and boards is one", arithmetic),
        ("simulator and board agree bit for bit", simulator_and_board),
        (
            "serve: a host teaches board and simulator the same",
            serve::simulator_and_board_agree,
        ),
        ("replayed episodes: host and board agree", replay::example),
        ("made-up gestures: host and board agree", made_up_gestures),
        ("limits of instructions, RAM and flash", limits),
    ];
    let mut checks = Checks {
        only,
        outcomes: Vec::new(),
    };
    for (name, run) in host {
        checks.check(name, || run().into());
    }
    checks.check("fuzz targets", || match fuzz::check_compiler() {
        Ok(()) => fuzz::test().into(),
        Err(missing) => Outcome::NotRun(missing),
    });
    for machine in Machine::all()? {
        let name = match machine.has_emulator() {
            true => format!("firmware on {}, without a panic", machine.title()),
            false => format!("firmware for {} fits", machine.title()),
        };
        checks.check(&name, || firmware_on(&machine));
    }
    for (name, run) in board {
        let missing = check_qemu().and_then(|()| Toolchain::find().map(drop));
        checks.check(name, || match missing {
            Ok(()) => run().into(),
            Err(missing) => Outcome::NotRun(missing),
        });
    }
    checks.check("Omniglot: simulator and board agree", || {
        let missing = check_qemu().and_then(|()| Toolchain::find().map(drop));
        match (missing, omniglot::data()) {
            (Err(missing), _) => Outcome::NotRun(missing),
            (Ok(()), None) => Outcome::WithoutData,
            (Ok(()), Some(data)) => omniglot::simulator_and_board_agree(&data).into(),
        }
    });
    checks.check("gestures of a person: host and board agree", || {
        let missing = check_qemu().and_then(|()| Toolchain::find().map(drop));
        match (missing, gestures::data()) {
            (Err(missing), _) => Outcome::NotRun(missing),
            (Ok(()), None) => Outcome::WithoutData,
            (Ok(()), Some(data)) => gestures::host_and_board_agree(Some(&data)).into(),
        }
    });
    Ok(checks)
}

/// Builds a machine's programs, and runs them where it has an emulator.
fn firmware_on(machine: &Machine) -> Outcome {
    let toolchain = match Toolchain::find() {
        Ok(toolchain) => toolchain,
        Err(missing) => return Outcome::NotRun(missing),
    };
    if let Err(error) = machine.build(&toolchain, "release", &[]) {
        return Outcome::Failed(error);
    }
    if !machine.has_emulator() {
        return Outcome::Passed;
    }
    match machine.check_emulator() {
        Ok(()) => firmware::check(machine).into(),
        Err(missing) => Outcome::NotRun(missing.context("built, but not run")),
    }
}

/// Runs all checks, or those with `only` in their name; fails where one fails,
/// or in CI where one was not run.
pub fn check_all(only: Option<String>) -> Result<()> {
    let Checks { outcomes, .. } = outcomes(only)?;
    let (mut passed, mut failed, mut skipped, mut without_data) = (0, 0, 0, 0);
    println!();
    for (name, outcome, seconds) in &outcomes {
        let word = match outcome {
            Outcome::Passed => {
                passed += 1;
                "ok".into()
            }
            Outcome::Failed(_) => {
                failed += 1;
                "FAILED".into()
            }
            Outcome::NotRun(missing) => {
                skipped += 1;
                format!("not run: {missing:#}")
            }
            Outcome::WithoutData => {
                without_data += 1;
                "not run: no data".into()
            }
        };
        println!("{seconds:>7.1} s  {name}: {word}");
    }
    println!(
        "{passed} passed, {failed} failed, {skipped} skipped, {without_data} without their data"
    );
    ensure!(!outcomes.is_empty(), "no check of that name");
    ensure!(failed == 0, "{failed} checks failed");
    if skipped > 0 && std::env::var_os("CI").is_some() {
        bail!("{skipped} checks were not run, which CI does not allow");
    }
    Ok(())
}

fn formatting() -> Result<()> {
    let fuzz = ["formats/fuzz", "runtime/fuzz"].map(|folder| root().join(folder));
    let workspaces = [root(), firmware_examples(), boards()];
    for folder in workspaces.into_iter().chain(fuzz) {
        run(cargo(&folder).args(["fmt", "--all", "--check"]))?;
    }
    Ok(())
}

fn lints() -> Result<()> {
    let deny = ["--", "--deny", "warnings"];
    run(cargo(&root())
        .args(["clippy", "--quiet", "--workspace", "--all-targets"])
        .args(WITH_CUDA)
        .args(deny))?;
    let xtask = ["clippy", "--quiet", "--package", "xtask", "--all-targets"];
    run(cargo(&firmware_examples()).args(xtask).args(deny))
}

fn without_heap() -> Result<()> {
    let formats = ["--package", "mamlet-formats", "--no-default-features"];
    run(cargo(&root()).args(["check", "--quiet"]).args(formats))
}

/// Every feature by itself, and none, compiles without a warning.
fn features() -> Result<()> {
    let runtime = ["clippy", "--quiet", "--package", "mamlet-runtime"];
    for feature in FEATURES {
        let select = ["--all-targets", "--no-default-features", "--features"];
        let clippy = &mut cargo(&root());
        clippy.args(runtime).args(select).arg(feature);
        run(clippy.args(["--", "--deny", "warnings"]))
            .with_context(|| format!("with the feature {feature:?} alone"))?;
    }
    Ok(())
}

fn host_tests() -> Result<()> {
    run(cargo(&root()).args(["test", "--workspace"]))?;
    run(cargo(&firmware_examples()).args(["test", "--package", "xtask"]))
}

fn approximate_maths() -> Result<()> {
    let runtime = [
        "--package",
        "mamlet-runtime",
        "--features",
        "micromath",
        "--lib",
        "--tests",
    ];
    run(cargo(&root()).args(["test", "--quiet"]).args(runtime))
}

fn documentation() -> Result<()> {
    let mut doc = cargo(&root());
    doc.args([
        "doc",
        "--quiet",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ]);
    doc.args(WITH_CUDA);
    run(doc.env("RUSTDOCFLAGS", "--deny warnings"))
}

/// The commands start, and say what they are for.
fn help() -> Result<()> {
    for (package, program) in [
        ("mamlet-trainer", "mamlet"),
        ("mamlet-simulator", "mamlet-sim"),
    ] {
        let select = ["run", "--quiet", "--package", package, "--bin", program];
        let text = output(cargo(&root()).args(select).args(["--", "--help"]))?;
        ensure!(text.contains("Usage:"), "{program} --help explains nothing");
    }
    Ok(())
}

fn small_firmware() -> Result<()> {
    build(&Toolchain::find()?, "small")?;
    emulate(&program("small", "minimal")).map(drop)
}

/// What every machine prints of its arithmetic is what the host computes.
fn arithmetic() -> Result<()> {
    let mut host = String::new();
    arithmetic::sweep(|name, checksum| host += &format!("{name}: {checksum:08x}\n"));
    let boards = firmware::expected("arithmetic")?.context("no expectation of `arithmetic`")?;
    ensure!(host == boards, "host\n{host}boards\n{boards}");
    Ok(())
}

/// The losses and the checksum of the adapted weights that the board prints
/// are those of the simulator for the same examples.
fn simulator_and_board() -> Result<()> {
    agree(
        "adapt_sinusoid",
        "sinusoid",
        ["five_points", "three_queries"],
    )?;
    agree(
        "adapt_head",
        "waveforms-head",
        ["waveforms_support", "waveforms_query"],
    )
}

/// One program, its artifact and its data.
fn agree(example: &str, artifact: &str, [support, query]: [&str; 2]) -> Result<()> {
    let printed = emulate(&program("release", example))?;
    let data = |name: &str| firmware_examples().join(format!("data/{name}.csv"));
    let select = [
        "run",
        "--quiet",
        "--package",
        "mamlet-simulator",
        "--bin",
        "mamlet-sim",
    ];
    let simulated = output(
        cargo(&root())
            .args(select)
            .args(["--", "run", "--json", "--board", "nrf52840"])
            .arg(firmware_examples().join(format!("artifacts/{artifact}.mamlet")))
            .arg("--support")
            .arg(data(support))
            .arg("--query")
            .arg(data(query)),
    )?;
    let simulated: Value = serde_json::from_str(&simulated)?;
    let losses = simulated["loss_bits"].as_array().context("no losses")?;
    let last_word = |line: &str| line.split(' ').next_back().unwrap_or_default().to_owned();
    let of_board = printed
        .lines()
        .filter(|line| line.starts_with("after step"));
    let of_board: Vec<String> = of_board.map(last_word).collect();
    let of_simulator: Vec<&str> = losses.iter().filter_map(Value::as_str).collect();
    ensure!(
        of_board == of_simulator,
        "{example}, losses: board {of_board:?}, simulator {of_simulator:?}"
    );
    let weights = printed
        .lines()
        .find(|line| line.starts_with("adapted weights"));
    let weights = weights.map(last_word);
    ensure!(
        weights.as_deref() == simulated["adapted_crc32"].as_str(),
        "{example}, adapted weights: board {weights:?}, simulator {}",
        simulated["adapted_crc32"]
    );
    Ok(())
}

fn made_up_gestures() -> Result<()> {
    gestures::host_and_board_agree(None)
}

/// Counts that must not grow. They depend on the compiler alone, not on the
/// machine.
fn limits() -> Result<()> {
    let workloads = workloads()?;
    let w1 = workloads
        .iter()
        .find(|workload| workload.name == "w1")
        .context("no workload w1")?;
    let head = workloads
        .iter()
        .find(|workload| workload.name == "head-int8")
        .context("no workload head-int8")?;
    let Workload {
        instructions,
        cycles,
        ram_bytes,
        flash_bytes,
        flash_bytes_all_layers: all_layers,
        ..
    } = w1;
    // A core library that came compiled is not optimised for size.
    let size = match Toolchain::find()? {
        Toolchain::Debian { .. } => 54_600,
        Toolchain::Rustup => 58_200,
    };
    for (what, given, limit) in [
        ("cycles of w1", *cycles, 1_000_000),
        ("instructions of w1", *instructions, 900_000),
        ("RAM of w1", ram_bytes.total, 14_720),
        ("RAM of head-int8", head.ram_bytes.total, 16_384),
        ("stack of head-int8", head.ram_bytes.stack, 4096),
        ("flash at opt-level 3", all_layers.speed, 77_600),
        ("flash at opt-level s", all_layers.size, size),
        (
            "flash of dense layers at opt-level 3",
            flash_bytes.speed,
            38_600,
        ),
        (
            "flash of dense layers at opt-level s",
            flash_bytes.size,
            29_600,
        ),
    ] {
        println!("{what}: {given} of {limit}");
        ensure!(given <= limit, "{what}: {given}, the limit is {limit}");
    }
    kernels::check_limits()
}
