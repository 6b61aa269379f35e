//! Boards: how much flash and RAM, how fast, which core.

use mamlet_boards::BOARDS;
pub use mamlet_boards::{Core, Pages};
use serde::Serialize;

/// The budget that a board gives.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Board {
    /// Its name, by which all commands call it.
    pub name: String,
    /// The microcontroller.
    pub chip: &'static str,
    /// Flash in bytes.
    pub flash: usize,
    /// RAM in bytes.
    pub ram: usize,
    /// Clock in hertz.
    pub clock: u64,
    /// The processor core.
    pub core: Core,
    /// How its flash is written.
    #[serde(skip)]
    pub pages: Pages,
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

impl Work {
    /// Cycles that a multiply-accumulate of the engine's kernels takes on a core, loads,
    /// addresses and loops included: an estimate, without wait states of flash.
    ///
    /// With floating point in hardware: what `cargo xtask measure` predicts for
    /// a Cortex-M4F, of the workloads `w1` and `w1-inference`, whose layers of 40
    /// are narrow; wider ones take less, as `runtime/docs/kernels.md` shows; of
    /// integers, `head-int8-example`. Cortex-M33 and Cortex-M55 are taken for as fast.
    /// In software: what a Cortex-M0+ takes for one multiplication and one addition of
    /// the compiler's run-time library; of integers, two loads, a multiplication, an
    /// addition and the loop. That is not measured, and more than a Cortex-M3 takes.
    pub fn cycles_per_mac(self, core: Core) -> f64 {
        match (core.has_fpu(), self) {
            (true, Work::Adaptation) => 3.8,
            (true, Work::Prediction) => 6.7,
            (true, Work::Integers) => 1.5,
            (false, Work::Integers) => 12.0,
            (false, Work::Adaptation | Work::Prediction) => 150.0,
        }
    }
}

/// The board that the examples are made for.
pub const DEFAULT: &str = "nrf52840-dk";

impl Board {
    /// All boards there are.
    pub fn all() -> impl Iterator<Item = Board> {
        BOARDS.iter().map(Self::of)
    }

    /// The board of that name or with that chip, in any case.
    pub fn named(name: &str) -> Option<Board> {
        mamlet_boards::named(name).map(Self::of)
    }

    fn of(board: &'static mamlet_boards::Board) -> Self {
        Board {
            name: board.name.into(),
            chip: board.chip,
            flash: board.flash.length as usize,
            ram: board.ram.length as usize,
            clock: board.clock.into(),
            core: board.core,
            pages: board.pages,
        }
    }

    /// The names of all boards, for messages: each with its chip, where that has
    /// another name.
    pub fn names() -> String {
        let names = BOARDS.iter().map(|board| match board.name == board.chip {
            true => board.name.to_owned(),
            false => format!("{} ({})", board.name, board.chip),
        });
        names.collect::<Vec<_>>().join(", ")
    }

    /// Seconds that so many multiply-accumulates take: an estimate.
    pub fn seconds(&self, work: Work, macs: u64) -> f64 {
        macs as f64 * work.cycles_per_mac(self.core) / self.clock as f64
    }
}
