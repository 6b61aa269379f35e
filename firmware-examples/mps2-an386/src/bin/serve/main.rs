//! A board that a host teaches over its UART: `mamlet device` asks, this answers.
//! The sinusoid artifact, up to sixteen points, and flash that memory plays.
//!
//! `cargo xtask run serve` says where the other end of the UART is.
#![no_std]
#![no_main]

mod uart;

use core::sync::atomic::AtomicU32;

use app::ram_flash::{PAGE, RamFlash};
use app::{ARTIFACT, println};
use mamlet_runtime::serve::Server;
use mamlet_runtime::storage::{Store, flash_needed};
use mamlet_runtime::{Artifact, Model, Setup};
use uart::Uart;

/// How many points it learns from.
const SHOTS: usize = 16;
/// Two pages for the 1761 weights, and two for those before.
const FLASH: usize = flash_needed(1761, 1, PAGE);

#[unsafe(link_section = ".uninit.flash")]
static WORDS: [AtomicU32; FLASH / 4] = [const { AtomicU32::new(0) }; FLASH / 4];

// What Server::memory asks for, and a little more.
app::program!(run, [f32; 4096] = [0.0; 4096]);

fn run(memory: &'static mut [f32]) -> bool {
    if let Err(error) = serve(memory) {
        println!("failed: {}", error);
    }
    false
}

/// Answers for ever.
fn serve(memory: &mut [f32]) -> Result<(), &'static str> {
    let artifact = Artifact::parse(ARTIFACT).map_err(|_| "artifact")?;
    let model = Model::<5>::new(&artifact).map_err(|_| "model")?;
    let names = artifact.description().map_err(|_| "names")?;
    let flash = RamFlash::blank(&WORDS);
    let store = Store::new(flash, 0..FLASH as u32, 1).map_err(|_| "region")?;
    let setup = Setup::new(SHOTS);
    let server = Server::new(&model, setup, names, "mps2-an386", store, memory);
    let mut server = server.map_err(|_| "memory")?;
    let mut uart = Uart::new();
    loop {
        let byte = uart.receive();
        if let Some(answer) = server.receive(byte) {
            uart.send(answer);
        }
    }
}
