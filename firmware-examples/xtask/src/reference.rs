//! The board that instructions are counted on and that expectations are written with,
//! in QEMU. One instruction takes one virtual nanosecond.

use std::path::{Path, PathBuf};

use anyhow::Result;
use mamlet_boards::{Board, Core};

use crate::firmware::{self, Firmware};
use crate::needs::Need;
use crate::toolchain::Toolchain;

/// Its name.
pub const BOARD: &str = "nrf52840-dk";

/// Its core, and QEMU's name of the machine that emulates it.
pub const EMULATED: (Core, &str) = match mamlet_boards::named(BOARD) {
    Some(Board {
        core,
        emulator: Some(emulator),
        ..
    }) => (*core, emulator.machine),
    _ => panic!("the board is not emulated"),
};

/// What is built for size too. `core` keeps a panic in what the others print where it is
/// optimised for size.
const SMALL: [&str; 5] = [
    "minimal",
    "adapt_sinusoid",
    "save_and_restore",
    "refuse_corrupt",
    "measure",
];

/// What it takes to build its programs and to run them.
pub fn needs() -> [Need; 2] {
    [Need::Targets, Need::Qemu(EMULATED.0.qemu())]
}

/// Its firmware.
pub fn firmware() -> Result<Firmware> {
    Firmware::emulated(BOARD)
}

/// Builds its programs with a profile (`release`, or `small` for size).
pub fn build(toolchain: &Toolchain, profile: &str) -> Result<()> {
    let programs: &[&str] = if profile == "small" { &SMALL } else { &[] };
    firmware()?.build(toolchain, profile, programs)
}

/// A program that has been built for it.
pub fn program(profile: &str, example: &str) -> PathBuf {
    firmware::program(BOARD, profile, example)
}

/// Runs a program on it and returns what it prints.
pub fn emulate(program: &Path) -> Result<String> {
    firmware()?.emulate(program)
}
