//! `mamlet runs`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::flags::Format;
use super::{Usage, exit, output};
use crate::nearby::folders_in;
use crate::run::{BestFigure, RunDir, Standing};

/// List runs: how far each has come, its best validation and how long it took.
///
/// A run is running while a process writes it, stopped where it can be resumed, or finished.
/// The figure is that of the best validation, after the steps that the run is kept by; what
/// test tasks say is `mamlet evaluate`. The time is that of the last start to the end.
#[derive(Debug, Args)]
#[command(
    mut_arg("json", |json| json.help("Print one JSON array")),
    after_help = "\
Examples:
  mamlet runs
  mamlet runs runs/estimators --json")]
pub(super) struct Arguments {
    /// Folders that hold runs, or folders of runs
    #[arg(default_value = "runs", value_name = "FOLDER")]
    folders: Vec<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// A run in the list.
#[derive(Debug, Serialize)]
struct Listed {
    run: PathBuf,
    #[serde(flatten)]
    standing: Option<Standing>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let mut all = Vec::new();
        for folder in &self.folders {
            if !folder.is_dir() {
                let why = format!("{}: there is no such folder", folder.display());
                return Err(Usage::new(why));
            }
            gather(folder, &mut all);
        }
        self.format.print(|| &all, || table(&all))?;
        Ok(exit::SUCCESS)
    }
}

/// The runs of a folder, and of the folders in it that are no runs.
fn gather(folder: &Path, all: &mut Vec<Listed>) {
    if folder.join("config.toml").is_file() {
        let standing = RunDir::open(folder).and_then(|run| run.standing());
        let (standing, error) = match standing {
            Ok(standing) => (Some(standing), None),
            Err(error) => (None, Some(error.to_string())),
        };
        all.push(Listed {
            run: folder.to_owned(),
            standing,
            error,
        });
        return;
    }
    for inner in folders_in(folder) {
        gather(&inner, all);
    }
}

fn table(all: &[Listed]) -> String {
    if all.is_empty() {
        return "no runs".to_owned();
    }
    let head = ["run", "state", "iterations", "best validation", "time"];
    let rows = all.iter().map(|listed| {
        let run = listed.run.display().to_string();
        let Some(standing) = &listed.standing else {
            let error = listed.error.clone().unwrap_or_default();
            return vec![run, "unreadable".to_owned(), String::new(), error];
        };
        vec![
            run,
            standing.state.name().to_owned(),
            format!("{} of {}", standing.iteration, standing.iterations),
            standing.best.as_ref().map_or("–".to_owned(), figure),
            standing.seconds.map_or("–".to_owned(), duration),
        ]
    });
    output::table(&head.map(str::to_owned), &rows.collect::<Vec<_>>())
}

/// A figure with where it comes from.
pub(super) fn figure(best: &BestFigure) -> String {
    let value = match best.measure {
        "accuracy" => format!("{:.2} %", 100.0 * best.value),
        _ => format!("{:.4}", best.value),
    };
    format!("{} {value} at {}", best.measure, best.iteration)
}

fn duration(seconds: f64) -> String {
    // Below a second there is nothing to compare.
    humantime::format_duration(Duration::from_secs(seconds.round() as u64)).to_string()
}
