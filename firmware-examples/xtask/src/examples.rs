//! The examples: built, run, and compared with what they should print.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::example::Example;
use crate::firmware::Firmware;
use crate::needs::{self, Need};
use crate::project::firmware_examples;
use crate::toolchain::Toolchain;
use crate::{gestures, omniglot, reference, serve};

/// The examples that need more than their program. The others just run.
const WITH_NEEDS: [Example; 3] = [omniglot::EXAMPLE, gestures::EXAMPLE, serve::EXAMPLE];

/// Builds and runs one example on a board.
pub fn run_example(name: &str, board: &str) -> Result<()> {
    let firmware = Firmware::emulated(board)?;
    if !firmware.programs.iter().any(|program| program == name) {
        let programs = firmware.programs.join(", ");
        bail!(
            "{} has no example {name:?}, but {programs}",
            firmware.board.name
        );
    }
    let needs = [Need::Targets, Need::emulator(firmware.board)];
    needs::provide(&needs.into(), false)?;
    firmware.build(&Toolchain::find()?, "release", &[name])?;
    let with_needs = WITH_NEEDS.iter().find(|example| example.name == name);
    match with_needs {
        Some(example) => (example.run)(&firmware),
        None => Example::just_run(&firmware, name),
    }
}

/// Runs all programs that a board has been built with. What they print is the same on
/// every board, to the last bit of every number.
///
/// # Errors
/// Names a program that fails or prints something else.
pub fn check(firmware: &Firmware) -> Result<()> {
    for example in &firmware.programs {
        let Some(expected) = expected(example)? else {
            continue;
        };
        let printed = firmware.emulate(&firmware.program("release", example))?;
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
    needs::provide(&reference::needs().into(), false)?;
    let firmware = reference::firmware()?;
    firmware.build(&Toolchain::find()?, "release", &[])?;
    for example in &firmware.programs {
        if expected(example)?.is_some() {
            let printed = firmware.emulate(&firmware.program("release", example))?;
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
