//! `mamlet-sim serve`.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use mamlet_runtime::Setup;
use mamlet_runtime::serve::Server;
use mamlet_simulator::Model;
use mamlet_simulator::file::ArtifactFile;
use mamlet_simulator::fit::Fit;
use mamlet_simulator::serial::{self, FileStorage};

use super::{Budget, flash, print_fit};

/// The arguments.
#[derive(Args)]
pub struct Serve {
    /// The artifact
    artifact: PathBuf,
    /// How many examples the board has room for
    #[arg(long, value_name = "K", default_value_t = 16)]
    examples: usize,
    #[command(flatten)]
    flash: flash::FlashArgs,
    #[command(flatten)]
    budget: Budget,
    /// Answer on a TCP port instead of a pseudo-terminal, one host after the
    /// other; port 0 takes any that is free
    #[arg(long, value_name = "HOST:PORT")]
    tcp: Option<String>,
    /// Answer on standard input and output instead
    #[arg(long, conflicts_with = "tcp")]
    stdio: bool,
}

impl Serve {
    /// Answers until the line is cut. What is said about it goes to standard
    /// error, the name of the port to `out`.
    pub fn run(&self, out: &mut impl Write) -> Result<ExitCode> {
        let board = self.budget.board()?;
        let name = || self.artifact.display().to_string();
        let file = ArtifactFile::read(&self.artifact)?;
        let artifact = file.artifact().with_context(name)?;
        let model = Model::new(&artifact).with_context(name)?;
        let description = artifact.description()?;
        let storage = FileStorage::new(self.flash.open(&board, model.adapting())?);
        let name = format!("simulator of {}", board.name);
        let (length, examples) = (file.bytes().len(), self.examples);
        let fit = Fit::new(&model, length, examples, model.steps(), board);
        print_fit(&fit, description.name, &mut io::stderr())?;
        if !fit.fits {
            return Ok(ExitCode::from(3));
        }
        let setup = Setup::new(examples);
        let mut memory = vec![0.0; Server::<FileStorage>::memory(&model, setup).len()];
        let mut server = Server::new(&model, setup, description, &name, storage, &mut memory)?;
        if self.stdio {
            serial::serve(&mut server, &mut Standard)?;
        } else if let Some(address) = &self.tcp {
            let listener = TcpListener::bind(address);
            let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
            announce(format_args!("tcp:{}", listener.local_addr()?), out)?;
            for stream in listener.incoming() {
                let mut stream = stream?;
                stream.set_nodelay(true)?;
                // A host that leaves in the middle is followed by the next.
                if let Err(error) = serial::serve(&mut server, &mut stream) {
                    eprintln!("mamlet-sim: {error:#}");
                }
            }
        } else {
            on_terminal(&mut server, out)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(unix)]
fn on_terminal(server: &mut Server<'_, FileStorage>, out: &mut impl Write) -> Result<()> {
    let mut terminal = serial::terminal()?;
    announce(terminal.path(), out)?;
    serial::serve(server, terminal.port())
}

#[cfg(not(unix))]
fn on_terminal(_: &mut Server<'_, FileStorage>, _: &mut impl Write) -> Result<()> {
    anyhow::bail!("this system has no pseudo-terminals: use --tcp 127.0.0.1:0")
}

/// Prints where the board answers.
fn announce(port: impl std::fmt::Display, out: &mut impl Write) -> Result<()> {
    writeln!(out, "{port}")?;
    out.flush()?;
    Ok(())
}

/// Standard input and output as one line.
struct Standard;

impl Read for Standard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::stdin().read(buffer)
    }
}

impl Write for Standard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}
