//! The examples: built, run, and compared with what they should print.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::gestures;
use crate::machine::Machine;
use crate::omniglot;
use crate::project::firmware_examples;
use crate::serve::{self, Served};
pub use crate::toolchain::Toolchain;

/// What is built for size too, of the machine that is measured. `core` keeps a
/// panic in what the others print where it is optimised for size.
const SMALL: [&str; 5] = [
    "minimal",
    "adapt_sinusoid",
    "save_and_restore",
    "refuse_corrupt",
    "measure",
];

/// Says what is missing to run firmware where it is measured.
///
/// # Errors
/// Where QEMU cannot be started.
pub fn check_qemu() -> Result<()> {
    Machine::reference()?.check_emulator()
}

/// Builds the programs of the machine that is measured with a profile
/// (`release`, or `small` for size).
pub fn build(toolchain: &Toolchain, profile: &str) -> Result<()> {
    let programs: &[&str] = if profile == "small" { &SMALL } else { &[] };
    Machine::reference()?.build(toolchain, profile, programs)
}

/// A program that has been built for the machine that is measured.
pub fn program(profile: &str, example: &str) -> PathBuf {
    crate::machine::program(crate::machine::REFERENCE, profile, example)
}

/// Runs a program on the machine that is measured and returns what it prints.
/// One instruction takes one virtual nanosecond.
pub fn emulate(program: &Path) -> Result<String> {
    Machine::reference()?.emulate(program)
}

/// Builds and runs one example on a machine.
pub fn run_example(example: &str, machine: &str) -> Result<()> {
    let machine = Machine::find(machine)?;
    if !machine.programs.iter().any(|program| program == example) {
        let programs = machine.programs.join(", ");
        bail!(
            "{} has no example {example:?}, but {programs}",
            machine.name
        );
    }
    machine.check_emulator()?;
    machine.build(&Toolchain::find()?, "release", &[example])?;
    if example == omniglot::EXAMPLE {
        let data = omniglot::data().context(
            "no Omniglot: put its images_background.zip and images_evaluation.zip into a folder \
             and name it in MAMLET_DATA",
        )?;
        omniglot::write_episodes(&data)?;
    }
    if example == serve::EXAMPLE {
        return Served::board(&machine)?.attend();
    }
    if example == gestures::EXAMPLE {
        let data = gestures::data();
        if data.is_none() {
            eprintln!("no recordings of people (MAMLET_DATA): these are made up");
        }
        gestures::write_recordings(data.as_deref())?;
    }
    print!("{}", machine.emulate(&machine.program("release", example))?);
    Ok(())
}

/// Runs all programs that a machine has been built with. What they print is the
/// same on every machine, to the last bit of every number.
///
/// # Errors
/// Names a program that fails or prints something else.
pub fn check(machine: &Machine) -> Result<()> {
    for example in &machine.programs {
        let Some(expected) = expected(example)? else {
            continue;
        };
        let printed = machine.emulate(&machine.program("release", example))?;
        ensure!(
            printed == expected,
            "{example} printed\n{printed}where app/expected/{example}.txt says\n{expected}If \
             that is right, run `cargo xtask bless`.",
        );
    }
    Ok(())
}

/// Writes what the examples print.
pub fn bless() -> Result<()> {
    let machine = Machine::reference()?;
    machine.build(&Toolchain::find()?, "release", &[])?;
    for example in &machine.programs {
        if expected(example)?.is_some() {
            let printed = machine.emulate(&machine.program("release", example))?;
            let path = expectation(example);
            fs::write(&path, printed)
                .with_context(|| format!("cannot write {}", path.display()))?;
            println!("wrote {}", path.display());
        }
    }
    Ok(())
}

/// What an example is expected to print; `None` where nothing is, because it
/// prints counts that depend on the compiler.
pub fn expected(example: &str) -> Result<Option<String>> {
    let path = expectation(example);
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path);
    text.map(Some)
        .with_context(|| format!("cannot read {}", path.display()))
}

fn expectation(example: &str) -> PathBuf {
    let folder = firmware_examples().join("app/expected");
    folder.join(format!("{example}.txt"))
}
