//! Learns five characters of Omniglot from one drawing of each, again and again:
//! every episode of the file `omniglot.episodes` in the host's folder.
//!
//! `cargo xtask run adapt_omniglot` writes the file and starts the program.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use nrf52840_dk::OMNIGLOT;
use nrf52840_dk::replay::replay;

/// Numbers that the learner works in, and an example.
const MEMORY: usize = 8192;

#[entry]
fn main() -> ! {
    static mut NUMBERS: [f32; MEMORY] = [0.0; MEMORY];
    replay(OMNIGLOT, c"omniglot.episodes", NUMBERS)
}
