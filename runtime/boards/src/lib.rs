//! The boards that mamlet knows. Each is described once, in [`BOARDS`].
//!
//! | who reads it | for |
//! |---|---|
//! | the simulator | flash, RAM, clock and core: what fits, and how long it takes |
//! | the build script of firmware | [`Memory`], the linker's `memory.x` |
//! | firmware | [`Board::kept`], the flash that keeps what was learnt |
//! | the commands of the project | the compiler's target and the emulator |
//!
//! ```
//! let board = mamlet_boards::named("microbit-v2").expect("a board");
//! assert_eq!(board.chip, "nrf52833");
//! assert_eq!(board.kept(), 480 * 1024..512 * 1024);
//! assert!(board.memory().to_string().contains("LENGTH = 491520"));
//!
//! // A chip stands for the first board that has it.
//! assert_eq!(mamlet_boards::named("nRF52833"), Some(board));
//! ```
#![no_std]
#![forbid(unsafe_code)]

mod core;
mod list;
mod memory;

use ::core::ops::Range;

pub use crate::core::Core;
pub use list::BOARDS;
pub use memory::{Memory, Region};

/// A board with a microcontroller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// Its name, in lower case: also that of the package with its firmware. A board
    /// that stands for all boards with a chip has the chip's name.
    pub name: &'static str,
    /// The microcontroller, in lower case.
    pub chip: &'static str,
    /// The processor core.
    pub core: Core,
    /// Clock in hertz.
    pub clock: u32,
    /// Flash for a program and for what it keeps.
    pub flash: Region,
    /// How the flash is written.
    pub pages: Pages,
    /// Bytes at the end of the flash that no program lies in. They keep what is learnt.
    pub free: u32,
    /// RAM.
    pub ram: Region,
    /// How QEMU emulates it, where it does.
    pub emulator: Option<Emulator>,
}

/// How flash is written and erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages {
    /// Bytes that are written at once.
    pub word: u32,
    /// Bytes that are erased at once.
    pub page: u32,
}

/// One of QEMU's machines, which has at least the memory of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emulator {
    /// QEMU's name of the machine, and its variant.
    pub machine: &'static str,
    /// More options of QEMU.
    pub options: &'static [&'static str],
    /// Where memory for the flash begins there.
    pub flash: u32,
    /// Where memory for the RAM begins there.
    pub ram: u32,
}

impl Emulator {
    /// QEMU's name of the machine without its variant.
    pub fn machine_name(&self) -> &'static str {
        self.machine.split(',').next().unwrap_or(self.machine)
    }
}

/// The board of that name or, where there is none, the first with a chip of that name;
/// in any case.
pub const fn named(name: &str) -> Option<&'static Board> {
    let mut of_chip = None;
    let mut i = 0;
    while i < BOARDS.len() {
        let board = &BOARDS[i];
        if is_same(board.name, name) {
            return Some(board);
        }
        if of_chip.is_none() && is_same(board.chip, name) {
            of_chip = Some(board);
        }
        i += 1;
    }
    of_chip
}

/// Whether two names are one, in any case.
const fn is_same(name: &str, other: &str) -> bool {
    let (name, other) = (name.as_bytes(), other.as_bytes());
    let mut i = 0;
    while i < name.len() && i < other.len() && name[i].eq_ignore_ascii_case(&other[i]) {
        i += 1;
    }
    i == name.len() && i == other.len()
}

impl Board {
    /// Where the flash is that keeps what is learnt, in bytes from its start: its end,
    /// where no program lies.
    pub const fn kept(&self) -> Range<u32> {
        self.program_bytes()..self.flash.length
    }

    /// The memory of a program for the board.
    pub const fn memory(&self) -> Memory {
        self.memory_at(self.flash.origin, self.ram.origin)
    }

    /// The memory of a program for its emulator: as large, at other addresses.
    pub const fn emulated_memory(&self) -> Option<Memory> {
        match &self.emulator {
            Some(emulator) => Some(self.memory_at(emulator.flash, emulator.ram)),
            None => None,
        }
    }

    const fn memory_at(&self, flash: u32, ram: u32) -> Memory {
        Memory {
            core: self.core,
            flash: Region {
                origin: flash,
                length: self.program_bytes(),
            },
            ram: Region {
                origin: ram,
                length: self.ram.length,
            },
        }
    }

    /// Bytes of the flash for a program.
    const fn program_bytes(&self) -> u32 {
        self.flash.length.saturating_sub(self.free)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::collections::BTreeSet;
    use std::string::ToString;

    use super::*;

    #[test]
    fn a_name_stands_for_one_board() {
        let mut names = BTreeSet::new();
        for board in BOARDS {
            assert!(names.insert(board.name), "{} is there twice", board.name);
            for name in [board.name, board.chip] {
                let lower = name.to_ascii_lowercase();
                assert_eq!(name, lower, "names are in lower case");
            }
            assert_eq!(named(board.name), Some(board));
            let of_chip = named(board.chip).expect("a chip stands for a board");
            assert_eq!(of_chip.chip, board.chip);
        }
        assert_eq!(named("NRF52840-DK"), named("nrf52840"));
        assert_eq!(named(""), None);
        assert_eq!(named("nrf"), None);
    }

    #[test]
    fn what_is_kept_is_whole_pages_behind_the_program() {
        for board in BOARDS {
            let name = board.name;
            let program = board.memory().flash;
            assert_eq!(board.kept().end, board.flash.length, "{name}");
            assert_eq!(board.kept().start, program.length, "{name}");
            assert_eq!(board.kept().start % board.pages.page, 0, "{name}");
            assert_eq!(board.pages.page % board.pages.word, 0, "{name}");
            assert!(board.clock > 0 && program.length > 0 && board.ram.length > 0);
        }
    }

    #[test]
    fn memory_is_written_for_the_linker() {
        let board = named("pico2").expect("a board");
        assert_eq!(
            board.memory().to_string(),
            "MEMORY\n{\n  FLASH : ORIGIN = 0x10000000, LENGTH = 4161536\n  \
             RAM : ORIGIN = 0x20000000, LENGTH = 532480\n}\n"
        );
        let board = named("hifive1").expect("a board");
        let emulated = board.emulated_memory().expect("an emulator").to_string();
        assert!(emulated.contains("REGION_ALIAS(\"REGION_STACK\", RAM);"));
        assert!(emulated.contains("FLASH : ORIGIN = 0x20010000, LENGTH = 4128768"));
    }
}
