//! An example that needs more than its program says here what it needs.

use anyhow::Result;

use crate::firmware::Firmware;

/// An example and how it is run.
pub struct Example {
    /// The program.
    pub name: &'static str,
    /// Runs it once it is built: writes the files it reads first, or lets somebody talk
    /// to it.
    pub run: fn(&Firmware) -> Result<()>,
}

impl Example {
    /// Runs a program that has been built, and shows what it prints.
    pub fn just_run(firmware: &Firmware, name: &str) -> Result<()> {
        print!("{}", firmware.emulate(&firmware.program("release", name))?);
        Ok(())
    }
}
