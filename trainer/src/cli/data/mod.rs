//! `mamlet data`.

mod draft;
mod folder;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{exit, output};
use crate::config::Config;
use crate::data::{DataError, counted, faults};
use crate::tasks::{Contents, TasksError};

/// Look at data sets.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Check),
}

/// Read the data of a config, or a folder of recordings, and say what is there.
///
/// Of a config, prints classes and examples of every split, or every file that is
/// missing, damaged or in the wrong class. Images that were read are kept in the
/// cache, so that training starts at once.
///
/// Of a folder of recordings, prints every class, or every row that cannot be used,
/// and with --write drafts a config that trains on it. Without a `recordings.toml`,
/// proposes one and reads the files by it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mamlet data check trainer/configs/paper/omniglot-5way-1shot.toml --data FOLDER_OF_THE_ZIPS
  mamlet data check trainer/configs/paper/miniimagenet-5way-1shot.toml --json
  mamlet data check trainer/configs/calibration/calibration-raingauge.toml --data FOLDER
  mamlet data check FOLDER --write mine.toml

Exit codes: 0 all of it can be used, 1 it cannot, 2 wrong usage")]
struct Check {
    /// The config whose tasks need the data, or a folder of recordings
    #[arg(value_name = "CONFIG|FOLDER")]
    config: PathBuf,
    /// Override a value of the config, e.g. --set tasks.sheets.tile=84
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Draft a config that trains on the recordings of a folder
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let Command::Check(check) = self.command;
        check.run()
    }
}

impl Check {
    fn run(self) -> anyhow::Result<u8> {
        if self.config.is_dir() {
            anyhow::ensure!(self.set.is_empty(), "--set changes a config, not a folder");
            return folder::check(&self.config, self.write.as_deref(), self.json);
        }
        anyhow::ensure!(
            self.write.is_none(),
            "--write drafts a config for a folder: give one"
        );
        let config = Config::load(&self.config, &self.set)?;
        let Some(contents) = usable(config.tasks.contents())? else {
            output::line("its tasks come from formulas: there is no data to check")?;
            return Ok(exit::SUCCESS);
        };
        let enough = usable(crate::train::open(&config).map(drop));
        let Contents {
            head,
            rows,
            lines,
            json,
        } = contents;
        if self.json {
            let name = ("config", config.name.into());
            let pairs = std::iter::once(name).chain(json);
            let pairs = pairs.map(|(key, value)| (key.to_owned(), value));
            output::line(serde_json::Value::Object(pairs.collect()))?;
        } else {
            output::line(output::table(&head, &rows))?;
            for line in lines {
                output::line(line)?;
            }
        }
        enough.map(|()| exit::SUCCESS)
    }
}

/// What was opened, or every problem on a line of its own.
fn usable<T>(opened: Result<T, TasksError>) -> anyhow::Result<T> {
    match opened {
        Err(TasksError::Data(DataError::Problems { what, problems, .. })) => {
            for problem in &problems {
                output::line(problem)?;
            }
            anyhow::bail!(
                "{what}: {}, named above",
                counted(faults(&problems), "problem")
            )
        }
        opened => Ok(opened?),
    }
}
