//! `mamlet sweep`.

mod local;
mod slurm;
mod table;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;

use super::flags::{Compute, Format};
use super::{Usage, exit};
use crate::config::Config;
use crate::notice::say;
use crate::run::{RunDir, State};
use crate::shell;
use crate::sweep::{Cell, Sweep};

/// Train a grid of runs: seeds, rates, layers or whatever a config says.
///
/// The file names a config, the changes for all runs and the values that keys take; each choice
/// of values is a run of its own, in runs/NAME/CHOICE beside the log of its training. Runs that
/// have finished stay, and those that were stopped go on, so the same command goes on with a
/// sweep. At the end stands a table, a row for all seeds of a choice. A run that failed is named
/// with the command that repeats it alone.
///
/// Under mpirun or srun, each process takes its share of the runs.
#[derive(Debug, Args)]
#[command(
    mut_arg("json", |json| json.help("Print the table as one JSON array")),
    after_help = "\
A sweep file:
  config = \"../paper/navigation.toml\"      # beside this file
  set = [\"meta.iterations=100\"]            # for all runs
  [vary]
  seed = [1, 2, 3]
  \"policy.estimator\" = [\"ratio\", \"dice\"]
  \"policy.outer\" = [{ kind = \"clipped\", epochs = 5 }, { kind = \"trpo\" }]

Examples:
  mamlet sweep estimators.toml --jobs 2
  mpirun -n 4 mamlet sweep estimators.toml
  mamlet sweep estimators.toml --slurm          # hands an array job to sbatch
  mamlet sweep estimators.toml --cell 3         # the fourth run alone
  mamlet sweep estimators.toml --show           # the table of what there is")]
pub(super) struct Arguments {
    /// The sweep, a TOML file
    file: PathBuf,
    /// The folder of its runs [default: runs/NAME]
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Trainings at once; they share the processor's cores
    #[arg(long, value_name = "N", default_value = "1")]
    jobs: NonZeroUsize,
    /// Train one run alone, counted from 0 in the order of --show
    #[arg(long, value_name = "K", conflicts_with_all = ["show", "slurm"])]
    cell: Option<usize>,
    /// Write a script for a Slurm array, a job a run, and give it to sbatch
    #[arg(long, conflicts_with = "show")]
    slurm: bool,
    /// A further line for that script, such as --slurm-line "--time=02:00:00"
    #[arg(
        long = "slurm-line",
        value_name = "OPTION",
        requires = "slurm",
        allow_hyphen_values = true
    )]
    slurm_lines: Vec<String>,
    /// Print the table of what there is, and train nothing
    #[arg(long)]
    show: bool,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    format: Format,
}

/// What is to be trained.
struct Plan {
    /// The file that says so.
    file: PathBuf,
    sweep: Sweep,
    cells: Vec<Cell>,
    /// Where the runs are.
    folder: PathBuf,
    /// What computes.
    device: String,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let sweep = Sweep::load(&self.file).map_err(|error| Usage::new(error.to_string()))?;
        let default = || Path::new("runs").join(sweep.name());
        let plan = Plan {
            folder: self.run.clone().unwrap_or_else(default),
            cells: sweep.cells(),
            file: self.file.clone(),
            device: self.compute.device.to_string(),
            sweep,
        };
        plan.check()?;
        if self.slurm {
            return slurm::submit(&plan, &self.slurm_lines);
        }
        if self.show {
            self.format
                .print(|| table::rows(&plan), || table::render(&plan))?;
            return Ok(exit::SUCCESS);
        }
        let all = plan.cells.len();
        let (mine, shared) = match (self.cell, share()) {
            (Some(cell), _) if cell >= all => {
                let why = format!("--cell {cell}: the sweep has runs 0 to {}", all - 1);
                return Err(Usage::new(why));
            }
            (Some(cell), _) => (vec![cell], true),
            (None, None) => ((0..all).collect(), false),
            (None, Some((rank, of))) => ((rank..all).step_by(of).collect::<Vec<_>>(), of > 1),
        };
        let ended = local::train(&plan, &mine, self.jobs)?;
        if !shared {
            self.format
                .print(|| table::rows(&plan), || table::render(&plan))?;
        }
        for failed in &ended.failed {
            say(format_args!("{}", plan.failure(*failed)));
        }
        Ok(match (ended.stopped, ended.failed.is_empty()) {
            (true, _) => exit::INTERRUPTED,
            (false, true) => exit::SUCCESS,
            (false, false) => exit::FAILURE,
        })
    }
}

/// The place of this process among those that mpirun or srun started, and their number.
fn share() -> Option<(usize, usize)> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<usize>().ok();
    let names = [
        ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
        ("PMI_RANK", "PMI_SIZE"),
        ("SLURM_PROCID", "SLURM_NTASKS"),
    ];
    let found = names
        .iter()
        .find_map(|(rank, size)| Some((number(rank)?, number(size)?)));
    found.filter(|(rank, size)| rank < size)
}

impl Plan {
    /// That every run has a config, before the first is trained.
    fn check(&self) -> anyhow::Result<()> {
        for cell in &self.cells {
            Config::load(self.sweep.config(), &cell.sets).map_err(|error| {
                let file = self.file.display();
                anyhow::Error::new(error).context(format!("{file}, run {}", cell.name))
            })?;
        }
        Ok(())
    }

    /// Where a run is.
    fn path(&self, cell: usize) -> PathBuf {
        self.folder.join(&self.cells[cell].name)
    }

    /// Where what its training prints is kept.
    fn log(&self, cell: usize) -> PathBuf {
        self.folder.join(format!("{}.log", self.cells[cell].name))
    }

    /// How far a run has come; `None` where there is none.
    fn state(&self, cell: usize) -> Option<State> {
        let run = RunDir::open(&self.path(cell)).ok()?;
        Some(run.standing().ok()?.state)
    }

    /// The words behind `mamlet` that train a run, or go on with it.
    fn words(&self, cell: usize) -> Vec<String> {
        let path = shell::word(&self.path(cell));
        let mut words = vec!["train".to_owned()];
        match self.state(cell) {
            Some(_) => words.push("--resume".to_owned()),
            None => {
                words.push(shell::word(self.sweep.config()));
                let sets = self.cells[cell].sets.iter();
                words.extend(sets.flat_map(|set| ["--set".to_owned(), set.clone()]));
            }
        }
        words.extend(["--run".to_owned(), path]);
        words.extend(["--device".to_owned(), self.device.clone()]);
        words
    }

    /// What to say of a run that failed.
    fn failure(&self, cell: usize) -> String {
        let log = std::fs::read_to_string(self.log(cell)).unwrap_or_default();
        let last = log.lines().rev().find(|line| line.starts_with("error"));
        format!(
            "run {cell}, {}, failed: {}\n  what it printed is in {}; it alone:\n  {}",
            self.cells[cell].name,
            last.unwrap_or("it printed no error"),
            self.log(cell).display(),
            shell::command(self.words(cell))
        )
    }
}
