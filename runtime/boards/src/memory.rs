use core::fmt;

use crate::Core;

/// A part of the address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The first address.
    pub origin: u32,
    /// Length in bytes.
    pub length: u32,
}

/// Where a program and its variables lie.
///
/// It is displayed as the linker script `memory.x`, which the start-up code of the
/// core asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The core, whose start-up code names the regions.
    pub core: Core,
    /// The program.
    pub flash: Region,
    /// Its variables and its stack.
    pub ram: Region,
}

/// Which region each part of a program goes to, where the start-up code leaves that
/// open.
const RISC_V: [(&str, &str); 6] = [
    ("TEXT", "FLASH"),
    ("RODATA", "FLASH"),
    ("DATA", "RAM"),
    ("BSS", "RAM"),
    ("HEAP", "RAM"),
    ("STACK", "RAM"),
];

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "MEMORY\n{{")?;
        for (name, Region { origin, length }) in [("FLASH", self.flash), ("RAM", self.ram)] {
            writeln!(f, "  {name} : ORIGIN = {origin:#010x}, LENGTH = {length}")?;
        }
        writeln!(f, "}}")?;
        if self.core == Core::Rv32imac {
            for (part, region) in RISC_V {
                writeln!(f, "REGION_ALIAS(\"REGION_{part}\", {region});")?;
            }
        }
        Ok(())
    }
}
