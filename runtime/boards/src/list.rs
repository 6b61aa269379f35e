//! The descriptions.

use crate::{Board, Core, Emulator, Pages, Region};

/// KiB in bytes.
const KIB: u32 = 1024;
const MHZ: u32 = 1_000_000;

/// Where most Cortex-M have their RAM.
const RAM: u32 = 0x2000_0000;
/// Where STM32 have their flash.
const STM32_FLASH: u32 = 0x0800_0000;
/// Where flash beside the chip is seen by a Raspberry Pi's chips.
const RP_FLASH: u32 = 0x1000_0000;

/// nRF52 and nRF91; also flash beside the chip, whose drivers write single bytes but
/// gain nothing by it here.
const NRF52_PAGES: Pages = Pages {
    word: 4,
    page: 4096,
};
/// STM32L4: words carry an error correction code and must not be written twice.
const STM32L4_PAGES: Pages = Pages {
    word: 8,
    page: 2048,
};

/// All boards.
pub const BOARDS: &[Board] = &[
    Board {
        name: "nrf52840-dk",
        chip: "nrf52840",
        core: Core::CortexM4f,
        clock: 64 * MHZ,
        flash: at(0, 1024 * KIB),
        pages: NRF52_PAGES,
        free: 32 * KIB,
        ram: at(RAM, 256 * KIB),
        // Instructions are counted here: one takes one virtual nanosecond.
        emulator: Some(Emulator {
            machine: "mps2-an386",
            options: &["-icount", "shift=0"],
            flash: 0,
            ram: RAM,
        }),
    },
    Board {
        name: "microbit-v2",
        chip: "nrf52833",
        core: Core::CortexM4f,
        clock: 64 * MHZ,
        flash: at(0, 512 * KIB),
        pages: NRF52_PAGES,
        free: 32 * KIB,
        ram: at(RAM, 128 * KIB),
        emulator: None,
    },
    Board {
        name: "b-l475e-iot01a",
        chip: "stm32l475",
        core: Core::CortexM4f,
        clock: 80 * MHZ,
        flash: at(STM32_FLASH, 1024 * KIB),
        pages: STM32L4_PAGES,
        free: 32 * KIB,
        // Without the second bank, which lies elsewhere.
        ram: at(RAM, 96 * KIB),
        emulator: None,
    },
    Board {
        name: "pico2",
        chip: "rp2350",
        core: Core::CortexM33,
        clock: 150 * MHZ,
        flash: at(RP_FLASH, 4096 * KIB),
        pages: NRF52_PAGES,
        free: 32 * KIB,
        ram: at(RAM, 520 * KIB),
        emulator: None,
    },
    Board {
        name: "pico",
        chip: "rp2040",
        core: Core::CortexM0Plus,
        clock: 133 * MHZ,
        flash: at(RP_FLASH, 2048 * KIB),
        pages: NRF52_PAGES,
        free: 0,
        ram: at(RAM, 264 * KIB),
        emulator: None,
    },
    Board {
        name: "stm32f411",
        chip: "stm32f411",
        core: Core::CortexM4f,
        clock: 100 * MHZ,
        flash: at(STM32_FLASH, 512 * KIB),
        // The smallest sectors, which come first.
        pages: Pages {
            word: 4,
            page: 16 * KIB,
        },
        free: 0,
        ram: at(RAM, 128 * KIB),
        emulator: None,
    },
    Board {
        name: "stm32l4",
        chip: "stm32l432",
        core: Core::CortexM4f,
        clock: 80 * MHZ,
        flash: at(STM32_FLASH, 256 * KIB),
        pages: STM32L4_PAGES,
        free: 0,
        ram: at(RAM, 64 * KIB),
        emulator: None,
    },
    Board {
        name: "stm32l412",
        chip: "stm32l412",
        core: Core::CortexM4f,
        clock: 80 * MHZ,
        flash: at(STM32_FLASH, 128 * KIB),
        pages: STM32L4_PAGES,
        free: 0,
        ram: at(RAM, 40 * KIB),
        emulator: emulated("mps2-an386", 0, RAM),
    },
    Board {
        name: "nrf52832",
        chip: "nrf52832",
        core: Core::CortexM4f,
        clock: 64 * MHZ,
        flash: at(0, 512 * KIB),
        pages: NRF52_PAGES,
        free: 0,
        ram: at(RAM, 64 * KIB),
        emulator: emulated("mps2-an386", 0, RAM),
    },
    Board {
        name: "stm32f103",
        chip: "stm32f103",
        core: Core::CortexM3,
        clock: 72 * MHZ,
        flash: at(STM32_FLASH, 256 * KIB),
        pages: Pages {
            word: 2,
            page: 2048,
        },
        free: 0,
        ram: at(RAM, 48 * KIB),
        emulator: emulated("mps2-an385", 0, RAM),
    },
    Board {
        name: "nrf9160",
        chip: "nrf9160",
        core: Core::CortexM33,
        clock: 64 * MHZ,
        flash: at(0, 1024 * KIB),
        pages: NRF52_PAGES,
        free: 0,
        ram: at(RAM, 256 * KIB),
        // The secure alias of its memory, where the core starts.
        emulator: emulated("mps2-an505", 0x1000_0000, 0x3800_0000),
    },
    // The high-efficiency core of an Alif Ensemble. Its program lies in tightly coupled
    // memory.
    Board {
        name: "ensemble",
        chip: "ensemble",
        core: Core::CortexM55,
        clock: 160 * MHZ,
        flash: at(0, 256 * KIB),
        pages: NRF52_PAGES,
        free: 0,
        ram: at(RAM, 256 * KIB),
        emulator: emulated("mps3-an547", 0, RAM),
    },
    Board {
        name: "microbit",
        chip: "nrf51822",
        core: Core::CortexM0,
        clock: 16 * MHZ,
        flash: at(0, 256 * KIB),
        pages: Pages {
            word: 4,
            page: 1024,
        },
        free: 0,
        ram: at(RAM, 16 * KIB),
        emulator: emulated("microbit", 0, RAM),
    },
    Board {
        name: "hifive1",
        chip: "fe310",
        core: Core::Rv32imac,
        clock: 320 * MHZ,
        // Behind the boot loader.
        flash: at(0x2001_0000, 4032 * KIB),
        pages: NRF52_PAGES,
        free: 0,
        ram: at(0x8000_0000, 16 * KIB),
        emulator: emulated("sifive_e,revb=true", 0x2001_0000, 0x8000_0000),
    },
];

const fn at(origin: u32, length: u32) -> Region {
    Region { origin, length }
}

const fn emulated(machine: &'static str, flash: u32, ram: u32) -> Option<Emulator> {
    Some(Emulator {
        machine,
        options: &[],
        flash,
        ram,
    })
}
