//! A board that a host teaches over its UART: `mamlet device` asks, this answers.
//! The sinusoid artifact and up to sixteen points. It can save what it learnt for
//! as long as it has power; `teach` shows how flash is used.
//!
//! `cargo xtask run serve` says where the other end of the UART is.
#![no_std]
#![no_main]

mod shelf;
mod uart;

use app::ARTIFACT;
use mamlet_runtime::serve::Server;
use mamlet_runtime::{Artifact, Model, Setup};
use shelf::{SHELF, Shelf};
use uart::Uart;

/// How many points it learns from.
const SHOTS: usize = 16;

/// What takes RAM.
struct Ram {
    // What Server::memory asks for, and a little more.
    server: [f32; 4096],
    shelf: [u8; SHELF],
}

app::program!(
    serve,
    Ram = Ram {
        server: [0.0; 4096],
        shelf: [0; SHELF]
    }
);

/// Answers for ever.
fn serve(ram: &mut Ram) -> Result<(), &'static str> {
    let artifact = Artifact::parse(ARTIFACT).map_err(|_| "artifact")?;
    let model = Model::<5>::new(&artifact).map_err(|_| "model")?;
    let names = artifact.description().map_err(|_| "names")?;
    let setup = Setup::new(SHOTS);
    let shelf = Shelf::new(&mut ram.shelf);
    let server = Server::new(
        &model,
        setup,
        names,
        env!("CARGO_PKG_NAME"),
        shelf,
        &mut ram.server,
    );
    let mut server = server.map_err(|_| "memory")?;
    let mut uart = Uart::new();
    loop {
        let byte = uart.receive();
        if let Some(answer) = server.receive(byte) {
            uart.send(answer);
        }
    }
}
