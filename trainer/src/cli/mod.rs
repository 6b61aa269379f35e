//! The `mamlet` command: arguments are parsed, checked, then acted upon.

mod advice;
mod compare;
mod cross_validate;
mod data;
mod device;
mod episode;
mod episode_flags;
mod evaluate;
mod export;
mod flags;
mod inspect;
mod interrupt;
mod join;
mod needed;
mod output;
mod plot;
mod progress;
mod quickstart;
mod report;
mod runs;
mod size;
mod sweep;
mod tables;
mod train;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, ConfigError};
use crate::device::DeviceError;
use crate::evaluate::EvaluateError;
use crate::locations::{Locations, set_locations};
use crate::nearby::{nearby, runs_in};
use crate::{plot as figures, shell};

/// The exit codes of `mamlet`.
pub mod exit {
    /// The command did what it was asked.
    pub const SUCCESS: u8 = 0;
    /// It failed; the message says why.
    pub const FAILURE: u8 = 1;
    /// The command line or a config is wrong; nothing was done.
    pub const USAGE: u8 = 2;
    /// Interrupted; a checkpoint was left.
    pub const INTERRUPTED: u8 = 130;
}

/// A command line that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

impl Usage {
    /// An error that says why.
    #[expect(clippy::new_ret_no_self, reason = "it is only ever an error")]
    fn new(why: impl Into<String>) -> anyhow::Error {
        Self(why.into()).into()
    }
}

/// Meta-train on a workstation, adapt on a microcontroller.
///
/// An experiment is a TOML file (trainer/configs/README.md lists those that come along). `train`
/// turns it into a run directory, `evaluate` compares runs on the same tasks,
/// `compare` says whether they differ, `join` makes one network of several, `cross-validate` does both for folds of
/// devices, `plot` draws them, `report` shows one on a page, `size` weighs smaller
/// networks, `export` writes the one file that a device adapts from, and `device`
/// teaches a board that runs it. `sweep` trains a grid of runs, and `runs` lists what
/// there is.
#[derive(Debug, Parser)]
#[command(
    name = "mamlet",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong command line or config, 130 interrupted \
                  (a checkpoint was left)."
)]
struct Cli {
    /// Where the data set is, or the folder that holds it [env: MAMLET_DATA]
    /// [default: tasks.path of the config]
    #[arg(long, global = true, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Where decoded images and kernels compiled for GPUs are kept [env: MAMLET_CACHE]
    /// [default: mamlet in the user's cache folder]
    #[arg(long, global = true, value_name = "DIR")]
    cache: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Quickstart(quickstart::Arguments),
    Train(train::Arguments),
    Evaluate(evaluate::Arguments),
    Compare(compare::Arguments),
    CrossValidate(cross_validate::Arguments),
    Data(data::Arguments),
    Device(device::Arguments),
    Episode(episode::Arguments),
    Export(export::Arguments),
    Inspect(inspect::Arguments),
    Join(join::Arguments),
    Plot(plot::Arguments),
    Report(report::Arguments),
    Runs(runs::Arguments),
    Size(size::Arguments),
    Sweep(sweep::Arguments),
}

/// Parses the command line, runs the command and gives its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    set_locations(Locations {
        data: cli.data,
        cache: cli.cache,
    });
    let result = match cli.command {
        Command::Quickstart(arguments) => arguments.run(),
        Command::Train(arguments) => arguments.run(),
        Command::Evaluate(arguments) => arguments.run(),
        Command::Compare(arguments) => arguments.run(),
        Command::CrossValidate(arguments) => arguments.run(),
        Command::Data(arguments) => arguments.run(),
        Command::Device(arguments) => arguments.run(),
        Command::Episode(arguments) => arguments.run(),
        Command::Export(arguments) => arguments.run(),
        Command::Inspect(arguments) => arguments.run(),
        Command::Join(arguments) => arguments.run(),
        Command::Plot(arguments) => arguments.run(),
        Command::Report(arguments) => arguments.run(),
        Command::Runs(arguments) => arguments.run(),
        Command::Size(arguments) => arguments.run(),
        Command::Sweep(arguments) => arguments.run(),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) if output::is_closed_pipe(&error) => ExitCode::from(exit::SUCCESS),
        Err(error) => {
            eprintln!("error: {error:#}");
            let usage = error.chain().any(is_usage);
            ExitCode::from(if usage { exit::USAGE } else { exit::FAILURE })
        }
    }
}

/// Whether it is the command line or a config that is wrong.
fn is_usage(cause: &(dyn std::error::Error + 'static)) -> bool {
    let evaluation = cause.downcast_ref().is_some_and(|error| {
        use EvaluateError::{Alone, NoAccuracy, Nothing};
        matches!(error, Nothing(_) | NoAccuracy | Alone)
    });
    let figure = cause
        .downcast_ref()
        .is_some_and(|error| matches!(error, figures::PlotError::Extension { .. }));
    evaluation
        || figure
        || cause.is::<Usage>()
        || cause.is::<ConfigError>()
        || cause.is::<DeviceError>()
}

/// `runs/<name>`, unless another place is given.
fn run_path(run: Option<&Path>, config: &Config) -> PathBuf {
    run.map_or_else(|| Path::new("runs").join(&config.name), Path::to_owned)
}

/// The run a command means: a run directory, or a config whose run is in its
/// usual place.
fn find_run(path: &Path) -> anyhow::Result<PathBuf> {
    if path.is_dir() {
        return match runs_in(path) {
            inside if inside.is_empty() || path.join("config.toml").is_file() => {
                Ok(path.to_owned())
            }
            inside => anyhow::bail!(
                "{} holds no run itself; there is {}",
                path.display(),
                inside.join(", ")
            ),
        };
    }
    let is_config = path
        .extension()
        .is_some_and(|extension| extension == "toml");
    if !is_config {
        let guess = nearby(path, |found| found.join("config.toml").is_file());
        let guess = guess.map(|found| format!("; did you mean {}?", found.display()));
        anyhow::bail!(
            "{}: neither a run directory nor a config (.toml){}",
            path.display(),
            guess.unwrap_or_default()
        );
    }
    let config = Config::load(path, &[])?;
    let run = run_path(None, &config);
    anyhow::ensure!(
        run.is_dir(),
        "{} has no run yet: train it with `{}`",
        path.display(),
        shell::command(["train", &shell::word(path)])
    );
    Ok(run)
}
