//! Lines that carry bytes: serial ports, pseudo-terminals, TCP.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result};

/// The speed of a UART, where the line has one.
pub const BAUD: u32 = 115_200;
/// How long a read waits for a byte.
pub(super) const WAIT: Duration = Duration::from_millis(20);
/// How often a port that another program holds is tried.
const BUSY: usize = 50;
/// What an address on the network begins with.
const TCP: &str = "tcp:";

/// A line. A read that finds nothing for some milliseconds fails with
/// [`TimedOut`](io::ErrorKind::TimedOut) or
/// [`WouldBlock`](io::ErrorKind::WouldBlock).
pub trait Port: Read + Write {}

impl<P: Read + Write> Port for P {}

/// Opens `tcp:HOST:PORT`, or else a serial port or pseudo-terminal by its path
/// or name, such as `/dev/ttyACM0` or `COM3`.
///
/// # Errors
/// Names the port and what to try.
pub fn open(name: &str) -> Result<Box<dyn Port>> {
    match name.strip_prefix(TCP) {
        Some(address) => {
            let stream = TcpStream::connect(address)
                .and_then(|stream| {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(WAIT))?;
                    Ok(stream)
                })
                .with_context(|| format!("{name}: nobody listens there"))?;
            Ok(Box::new(stream))
        }
        None => {
            let open = || serialport::new(name, BAUD).timeout(WAIT).open();
            // A program that has just closed it may still hold its lock.
            let busy = (0..BUSY).find_map(|_| match open() {
                Err(error) if error.kind() == serialport::ErrorKind::NoDevice => {
                    std::thread::sleep(WAIT);
                    None
                }
                result => Some(result),
            });
            let port = busy.unwrap_or_else(open);
            let port = port.with_context(|| format!("cannot open {name}: {}", remedy(name)))?;
            Ok(Box::new(port))
        }
    }
}

/// What is most often wrong with a port that cannot be opened.
fn remedy(name: &str) -> &'static str {
    let refused = |error: io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    match std::fs::metadata(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && cfg!(unix) => {
            "there is no such port; is the board plugged in? \
             (`ls /dev/tty*` lists ports, or give tcp:HOST:PORT)"
        }
        _ if std::fs::File::open(name).is_err_and(refused) => {
            "you may not use it; join the group that owns it, often `dialout`"
        }
        _ => "does another program use it, such as a terminal or a debugger's console?",
    }
}

/// Whether a read found nothing in its time.
pub(super) fn is_quiet(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock | Interrupted)
}
