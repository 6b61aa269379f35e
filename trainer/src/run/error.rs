//! Why a run directory cannot be used.

use std::path::{Path, PathBuf};

use super::CheckpointError;
use crate::config::{ConfigError, Difference};
use crate::nearby::nearby;
use crate::shell;

/// Why a run directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// There is a run already.
    #[error(
        "{} already holds a run; continue it with --resume, replace it with --overwrite, or \
         choose another place with --run",
        .0.display()
    )]
    Exists(PathBuf),
    /// Another process writes there.
    #[error("{} is being written by {holder}; wait for it, or choose another place", path.display())]
    Held {
        /// The folder.
        path: PathBuf,
        /// Who, since when and with which command.
        holder: String,
    },
    /// There is no run.
    #[error(
        "{} holds no run{}; start one with `{}`",
        .0.display(), instead(.0), shell::command(["train", "CONFIG"])
    )]
    Absent(PathBuf),
    /// A file is named where a run is meant.
    #[error("{} is a file; a run is a directory, such as runs/NAME", .0.display())]
    File(PathBuf),
    /// The config differs from that of the run to be resumed.
    #[error(
        "the config differs from that of {}, so it cannot be resumed:\n{}",
        path.display(),
        differences.iter().map(|d| format!("  {d}")).collect::<Vec<_>>().join("\n")
    )]
    Changed {
        /// The run.
        path: PathBuf,
        /// Key by key, the run's value first.
        differences: Vec<Difference>,
    },
    /// The data differs from that of the run.
    #[error(
        "the data differs from that of {}:\n{}",
        path.display(),
        differences.iter().map(|d| format!("  {d}")).collect::<Vec<_>>().join("\n")
    )]
    OtherData {
        /// The run.
        path: PathBuf,
        /// What differs, in words.
        differences: Vec<String>,
    },
    /// The run's own config is unreadable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A checkpoint is unreadable.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The run has ended, and the checkpoint of its last iteration is damaged or missing.
    #[error(
        "{lost}, and with it the result of {}; the checkpoint of iteration {iteration} is intact, \
         so train it to its end again with `{}`",
        path.display(), shell::command(["train", "--resume", "--run", &shell::word(path)])
    )]
    ResultLost {
        /// The run.
        path: PathBuf,
        /// The checkpoint that held the result.
        lost: CheckpointError,
        /// Iteration of the newest intact checkpoint.
        iteration: u64,
    },
    /// Reading or writing failed.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// `read` or `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

pub(crate) fn io(
    what: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> RunError + use<> {
    let path = path.to_owned();
    move |source| RunError::Io { what, path, source }
}

/// A run that may be meant.
fn instead(path: &Path) -> String {
    if path.exists() {
        return String::new();
    }
    let found = nearby(path, |found| found.join("config.toml").is_file());
    found.map_or(String::new(), |found| {
        format!(" (did you mean {}?)", found.display())
    })
}
