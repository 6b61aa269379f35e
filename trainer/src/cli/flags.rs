//! Arguments that several commands have.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use mamlet_simulator::board::{self, Board};
use serde::Serialize;

use super::{output, run_path};
use crate::config::{Config, ConfigError};
use crate::device::DeviceChoice;
use crate::plot::Theme;

/// What computes.
#[derive(Debug, Args)]
pub(super) struct Compute {
    /// cpu, cuda or cuda:N
    #[arg(long, default_value = "cpu")]
    pub(super) device: DeviceChoice,
}

/// Changes of a config.
#[derive(Debug, Args)]
pub(super) struct Overrides {
    /// Override a value of the config, e.g. --set inner.rate.value=0.01
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) sets: Vec<String>,
}

/// Changes of a config, and where its run goes.
#[derive(Debug, Args)]
pub(super) struct Experiment {
    #[command(flatten)]
    pub(super) overrides: Overrides,
    /// Run directory [default: runs/NAME]
    #[arg(long, value_name = "DIR")]
    pub(super) run: Option<PathBuf>,
}

impl Experiment {
    /// Reads the config with its changes.
    ///
    /// # Errors
    /// What reading it meets.
    pub(super) fn load(&self, config: &Path) -> Result<Config, ConfigError> {
        Config::load(config, &self.overrides.sets)
    }

    /// The directory of its run.
    pub(super) fn run_path(&self, config: &Config) -> PathBuf {
        run_path(self.run.as_deref(), config)
    }
}

/// How a result is printed.
#[derive(Debug, Args)]
pub(super) struct Format {
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Format {
    /// Prints a result as one line of JSON, or as text.
    pub(super) fn print<T: Serialize>(
        &self,
        json: impl FnOnce() -> T,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        match self.json {
            true => output::line(serde_json::to_string(&json())?),
            false => output::line(text()),
        }
    }
}

/// The board that an artifact is weighed against.
#[derive(Debug, Args)]
pub(super) struct OnBoard {
    /// The board whose flash, RAM and time are told
    #[arg(long, default_value = board::DEFAULT)]
    board: String,
}

impl OnBoard {
    /// That board.
    ///
    /// # Errors
    /// Where there is no board of that name, with those there are.
    pub(super) fn board(&self) -> anyhow::Result<Board> {
        let name = &self.board;
        Board::named(name)
            .with_context(|| format!("there is no board {name:?}; there are {}", Board::names()))
    }
}

/// Where a figure goes, and its colours.
#[derive(Debug, Args)]
pub(super) struct Picture {
    /// Where to write, .png or .svg
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// Colours of the figure: light or dark
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub(super) theme: Theme,
}
