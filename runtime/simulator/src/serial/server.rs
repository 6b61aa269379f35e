//! The simulator as a board.

use std::io;

use anyhow::{Context, Result};
use mamlet_formats::protocol::{Refusal, Stored};
use mamlet_runtime::storage::Saved;
use mamlet_runtime::{Learner, serve};

use super::port::{Port, is_quiet};
use crate::flash_file::BoardFlash;

/// A board's flash in a file, or none, for a [`serve::Server`].
pub struct FileStorage(Option<Box<dyn BoardFlash>>);

impl FileStorage {
    /// Stores weights in `flash`.
    pub fn new(flash: Option<Box<dyn BoardFlash>>) -> Self {
        FileStorage(flash)
    }

    fn flash(&mut self) -> Result<&mut (dyn BoardFlash + 'static), Refusal> {
        self.0.as_deref_mut().ok_or(Refusal::NoStorage)
    }
}

impl serve::Storage for FileStorage {
    fn is_there(&self) -> bool {
        self.0.is_some()
    }

    fn save(&mut self, learner: &Learner<'_>) -> Result<Stored, Refusal> {
        let flash = self.flash()?;
        if !learner.is_adapted() {
            return Err(Refusal::NotAdapted);
        }
        let saved = flash.save(learner).map_err(|error| refusal(&error))?;
        flash.write().map_err(|error| refusal(&error))?;
        match saved {
            Some(Saved::Written) => Ok(Stored::Saved),
            Some(Saved::Unchanged) => Ok(Stored::Unchanged),
            None => Err(Refusal::Flash),
        }
    }

    fn restore(&mut self, learner: &mut Learner<'_>) -> Result<Stored, Refusal> {
        let restored = self.flash()?.restore(learner);
        Ok(match restored.map_err(|error| refusal(&error))? {
            Some(stored) => Stored::Restored {
                steps: stored.steps,
            },
            None => Stored::Nothing,
        })
    }

    fn forget(&mut self) -> Result<(), Refusal> {
        let flash = self.flash()?;
        let forgotten = flash.forget().and_then(|()| flash.write());
        forgotten.map_err(|error| refusal(&error))
    }
}

/// What a board would say; the details go to whoever started the simulator.
fn refusal(error: &anyhow::Error) -> Refusal {
    use mamlet_runtime::storage::StoreError;
    eprintln!("mamlet-sim: {error:#}");
    let known = error
        .downcast_ref::<StoreError<crate::flash::FlashError>>()
        .map(|error| (*error).into());
    known.unwrap_or(Refusal::Flash)
}

/// Answers whoever asks on the port, until the line is cut.
///
/// # Errors
/// Where the port fails.
pub fn serve<S: serve::Storage>(
    server: &mut serve::Server<'_, S>,
    port: &mut (impl Port + ?Sized),
) -> Result<()> {
    let mut bytes = [0; 256];
    loop {
        let count = match port.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if is_quiet(&error) => continue,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(error).context("the line is cut"),
        };
        for byte in &bytes[..count] {
            if let Some(answer) = server.receive(*byte) {
                port.write_all(answer)
                    .and_then(|()| port.flush())
                    .context("the line is cut")?;
            }
        }
    }
}

/// A pseudo-terminal: the board's end of it.
#[cfg(unix)]
#[derive(Debug)]
pub struct Terminal {
    board: serialport::TTYPort,
    /// Without anybody at the host's end, reading would fail.
    host: serialport::TTYPort,
}

/// Makes a pseudo-terminal.
///
/// # Errors
/// Where the system has none left.
#[cfg(unix)]
pub fn terminal() -> Result<Terminal> {
    let pair = serialport::TTYPort::pair().context("no pseudo-terminal")?;
    let (mut board, host) = pair;
    serialport::SerialPort::set_timeout(&mut board, super::port::WAIT)?;
    Ok(Terminal { board, host })
}

#[cfg(unix)]
impl Terminal {
    /// The path that a host opens.
    pub fn path(&self) -> String {
        serialport::SerialPort::name(&self.host).unwrap_or_default()
    }

    /// The board's end.
    pub fn port(&mut self) -> &mut impl Port {
        &mut self.board
    }
}
