//! The arguments about flash that outlives a run, and what became of it.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use mamlet_simulator::board::Board;
use mamlet_simulator::flash_file::{self, BoardFlash};
use mamlet_simulator::session::{FlashReport, counted_steps};

/// Where weights are stored from one run to the next.
#[derive(Args)]
pub struct FlashArgs {
    /// Keep what is learnt in this file, which stands for the board's flash:
    /// a later run starts from it and needs no support examples
    #[arg(long, value_name = "FILE")]
    flash_file: Option<PathBuf>,
    /// Let the power fail after so many words or pages of the save
    #[arg(long, value_name = "N", requires = "flash_file")]
    power_cut: Option<u64>,
}

impl FlashArgs {
    /// The flash, where there is a file.
    pub fn open(&self, board: &Board, weights: usize) -> Result<Option<Box<dyn BoardFlash>>> {
        let path = self.flash_file.as_ref();
        path.map(|path| flash_file::open(path, board, weights, self.power_cut))
            .transpose()
    }
}

/// Prints what was found in flash and what is there afterwards.
pub fn print(report: &FlashReport, out: &mut impl Write) -> Result<()> {
    match &report.found {
        Some(found) => writeln!(
            out,
            "flash: found weights of {}, support loss {:.6}",
            counted_steps(found.steps as usize),
            found.loss_after
        )?,
        None => writeln!(out, "flash: found nothing")?,
    }
    if let Some(saved) = &report.saved {
        writeln!(out, "flash: {saved}")?;
    }
    Ok(())
}
