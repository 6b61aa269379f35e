//! A device at the other end of a line: a board on a serial port, firmware in an
//! emulator, or the simulator itself.
//!
//! ```no_run
//! use std::time::Duration;
//! use mamlet_simulator::device::Device;
//!
//! let mut device = Device::connect("/dev/ttyACM0", Duration::from_secs(10))?;
//! for (x, y) in [(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)] {
//!     device.add(&[x], &[y])?;
//! }
//! let report = device.adapt(None, None)?;
//! println!("{}: {:?}", report.outcome, device.predict(&[1.5])?);
//! # Ok::<(), anyhow::Error>(())
//! ```

mod client;
mod port;
mod serve;

pub use client::{Device, DeviceReport, Identity};
pub use port::{BAUD, Port, open};
pub use serve::{Kept, serve};
#[cfg(unix)]
pub use serve::{Terminal, terminal};
