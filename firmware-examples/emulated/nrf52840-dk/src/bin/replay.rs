//! Any artifact on the board: the episodes of the file `replay.episodes` in the host's
//! folder, with the artifact that the environment variable `MAMLET_ARTIFACT` named
//! when this was built.
//!
//! `cargo xtask replay ARTIFACT EPISODES` builds it, writes the file and starts it.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use nrf52840_dk::chosen;
use nrf52840_dk::replay::replay;

/// Numbers that the learner works in, and an example: all of the board's memory but 40
/// KiB for the stack.
const MEMORY: usize = 216 * 1024 / 4;

#[entry]
fn main() -> ! {
    static mut NUMBERS: [f32; MEMORY] = [0.0; MEMORY];
    replay(chosen::ARTIFACT, c"replay.episodes", NUMBERS)
}
