//! Boards: how much flash and RAM, how fast, which core.

use serde::Serialize;

/// The budget a board has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Board {
    /// The name on the command line.
    pub name: String,
    /// Flash in bytes.
    pub flash: usize,
    /// RAM in bytes.
    pub ram: usize,
    /// Clock in hertz.
    pub clock: u64,
    /// The processor core.
    pub core: Core,
}

/// A processor core, as far as its speed is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Core {
    /// Cortex-M4 with single-precision floating point.
    CortexM4f,
    /// Cortex-M33 with single-precision floating point.
    CortexM33,
    /// Cortex-M0+, floating point in software.
    CortexM0Plus,
}

/// What a core is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// One example at a time.
    Prediction,
    /// Batches forward and backward.
    Adaptation,
    /// Layers on 8-bit integers, one example at a time.
    Integers,
}

impl Core {
    /// Cycles a multiply-accumulate takes in the engine's kernels, loads,
    /// addresses and loops included: an estimate, without wait states of flash.
    ///
    /// With floating point in hardware: what `cargo xtask measure` predicts for
    /// a Cortex-M4F, of the workloads `w1` and `w1-inference`, whose layers of 40
    /// are narrow; wider ones take less, as `runtime/docs/kernels.md` shows; of
    /// integers, `head-int8-example`. A Cortex-M33 is taken for as fast. In
    /// software: one multiplication and one addition of the compiler's run-time
    /// library; of integers, two loads, a multiplication, an addition and the
    /// loop, which is not measured.
    pub fn cycles_per_mac(self, work: Work) -> f64 {
        match (self, work) {
            (Core::CortexM4f | Core::CortexM33, Work::Adaptation) => 3.8,
            (Core::CortexM4f | Core::CortexM33, Work::Prediction) => 6.7,
            (Core::CortexM4f | Core::CortexM33, Work::Integers) => 1.5,
            (Core::CortexM0Plus, Work::Integers) => 12.0,
            (Core::CortexM0Plus, _) => 150.0,
        }
    }
}

/// Name, flash and RAM in KiB, clock in MHz, core.
const BOARDS: [(&str, usize, usize, u64, Core); 5] = [
    ("nrf52840", 1024, 256, 64, Core::CortexM4f),
    ("stm32f411", 512, 128, 100, Core::CortexM4f),
    ("stm32l4", 256, 64, 80, Core::CortexM4f),
    ("rp2040", 2048, 264, 133, Core::CortexM0Plus),
    ("rp2350", 4096, 520, 150, Core::CortexM33),
];

/// The board that the examples are made for.
pub const DEFAULT: &str = "nrf52840";

impl Board {
    /// All named boards.
    pub fn all() -> impl Iterator<Item = Board> {
        BOARDS.iter().map(|&(name, flash, ram, clock, core)| Board {
            name: name.into(),
            flash: flash * 1024,
            ram: ram * 1024,
            clock: clock * 1_000_000,
            core,
        })
    }

    /// The board of that name, in any case.
    pub fn named(name: &str) -> Option<Board> {
        Self::all().find(|board| board.name.eq_ignore_ascii_case(name))
    }

    /// The names of all boards, for messages.
    pub fn names() -> String {
        BOARDS.map(|board| board.0).join(", ")
    }

    /// Seconds that so many multiply-accumulates take: an estimate.
    pub fn seconds(&self, work: Work, macs: u64) -> f64 {
        macs as f64 * self.core.cycles_per_mac(work) / self.clock as f64
    }
}
