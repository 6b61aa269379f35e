//! A board at the other end of a line: a real one on a serial port, firmware in
//! an emulator, or the simulator itself.
//!
//! ```no_run
//! use std::time::Duration;
//! use mamlet_simulator::serial::Client;
//!
//! let mut board = Client::connect("/dev/ttyACM0", Duration::from_secs(10))?;
//! for (x, y) in [(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)] {
//!     board.add(&[x], &[y])?;
//! }
//! let report = board.adapt(None, None)?;
//! println!("{}: {:?}", report.outcome, board.predict(&[1.5])?);
//! # Ok::<(), anyhow::Error>(())
//! ```

mod client;
mod port;
mod report;
mod server;

pub use client::Client;
pub use port::{BAUD, Port, open};
pub use report::{AdaptationReport, Identity};
pub use server::{FileStorage, serve};
#[cfg(unix)]
pub use server::{Terminal, terminal};
