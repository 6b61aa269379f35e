//! Checks of firmware: built, run in QEMU, and compared with the host.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Check, Outcome};
use crate::firmware::Firmware;
use crate::measure::{Workload, workloads};
use crate::needs::Need;
use crate::project::{firmware_examples, output};
use crate::reference::{build, emulate, program};
use crate::toolchain::Toolchain;
use crate::{
    act, arithmetic, examples, gestures, host, kernels, omniglot, reference, replay, serve,
};

/// All of them: those of every board, then those of the reference board, which follow
/// what the first ones build.
pub fn checks() -> Result<Vec<Check>> {
    let mut checks: Vec<_> = Firmware::all()?.into_iter().map(firmware).collect();
    let needs = reference::needs();
    let check = |name: &str, run: fn() -> Result<()>| Check::new(name, needs, run);
    checks.extend([
        check(
            "firmware for size compiles, without a panic",
            small_firmware,
        ),
        check("arithmetic of host and boards is one", arithmetic_is_one),
        check("simulator and board agree bit for bit", simulator_and_board),
        check(
            "serve: a host teaches board and simulator the same",
            serve::simulator_and_board_agree,
        ),
        check(
            "servos under control: simulator and board agree",
            act::simulator_and_board_agree,
        ),
        check("replayed episodes: host and board agree", replay::example),
        check("made-up gestures: host and board agree", made_up_gestures),
        check("limits of instructions, RAM and flash", limits),
    ]);
    checks.push(Check::with_data(
        "Omniglot: simulator and board agree",
        needs,
        omniglot::data,
        omniglot::simulator_and_board_agree,
    ));
    checks.push(Check::with_data(
        "gestures of a person: host and board agree",
        needs,
        gestures::data,
        |data| gestures::host_and_board_agree(Some(data)),
    ));
    Ok(checks)
}

/// Builds a board's programs, and runs them where it is emulated.
fn firmware(firmware: Firmware) -> Check {
    if !firmware.is_emulated {
        let name = format!("firmware for {} fits", firmware.title());
        return Check::new(&name, [Need::Targets], move || {
            firmware.build(&Toolchain::find()?, "release", &[])
        });
    }
    let emulator = Need::emulator(firmware.board);
    let name = format!("firmware on {}, without a panic", firmware.title());
    let build_and_run = move || -> Result<Outcome> {
        firmware.build(&Toolchain::find()?, "release", &[])?;
        if !emulator.is_met() {
            let why = emulator.missing();
            return Ok(Outcome::NotRun(format!("built, but not run: {why}")));
        }
        examples::check(&firmware)?;
        Ok(Outcome::Passed)
    };
    Check {
        installs: vec![Need::Targets, emulator],
        ..Check::with_outcome(&name, [Need::Targets], build_and_run)
    }
}

fn small_firmware() -> Result<()> {
    build(&Toolchain::find()?, "small")?;
    emulate(&program("small", "minimal")).map(drop)
}

/// What every board prints of its arithmetic is what the host computes.
fn arithmetic_is_one() -> Result<()> {
    let mut host = String::new();
    arithmetic::sweep(|name, checksum| host += &format!("{name}: {checksum:08x}\n"));
    let boards = examples::expected("arithmetic")?.context("no expectation of `arithmetic`")?;
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
    let simulated = output(
        host::simulator()?
            .args(["run", "--json", "--board", reference::BOARD])
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
/// machine that compiles.
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
    let policy = workloads
        .iter()
        .find(|workload| workload.name == "policy-step")
        .context("no workload policy-step")?;
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
        Toolchain::Debian { .. } => 57_600,
        Toolchain::Rustup => 59_500,
    };
    for (what, given, limit) in [
        ("cycles of w1", *cycles, 1_000_000),
        ("instructions of w1", *instructions, 900_000),
        ("RAM of w1", ram_bytes.total, 14_720),
        ("RAM of head-int8", head.ram_bytes.total, 16_384),
        ("RAM of policy-step", policy.ram_bytes.total, 16_384),
        (
            "instructions of policy-step",
            policy.instructions,
            1_500_000,
        ),
        ("stack of head-int8", head.ram_bytes.stack, 4096),
        ("flash at opt-level 3", all_layers.speed, 81_200),
        ("flash at opt-level s", all_layers.size, size),
        (
            "flash of dense layers at opt-level 3",
            flash_bytes.speed,
            39_800,
        ),
        (
            "flash of dense layers at opt-level s",
            flash_bytes.size,
            31_000,
        ),
    ] {
        println!("{what}: {given} of {limit}");
        ensure!(given <= limit, "{what}: {given}, the limit is {limit}");
    }
    kernels::check_limits()
}
