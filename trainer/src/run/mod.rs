//! The run directory: everything a run was made of and everything it produced.
//!
//! ```text
//! runs/<name>/
//!   config.toml        the resolved config, every default spelled out
//!   run.json           seed, commit, device, version, digest, command line, start
//!   metrics.jsonl      one JSON object per line, addressed by iteration
//!   checkpoints/       the last two, named by iteration
//!   statistics.json    stored statistics of batch norms, where there are any
//!   result.json        written when training has ended
//! ```
//!
//! `config.toml` and `run.json` are there before the first iteration. Files
//! are replaced whole: written beside, flushed to the disk, renamed. What is
//! under its final name is complete, whenever the power fails.

mod checkpoint;
mod metrics;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::{Config, ConfigError, Difference, difference};
use crate::nn::LayerStatistics;

pub use checkpoint::{Best, Checkpoint, CheckpointError, EmaState};
pub use metrics::{Line, Metrics, Validation};

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
    /// There is no run.
    #[error("{} holds no run; start it with `mamlet train CONFIG`", .0.display())]
    Absent(PathBuf),
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
    /// The run's own config is unreadable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A checkpoint is unreadable.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
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

/// What `run.json` says about a run's start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the trainer.
    pub version: String,
    /// Source revision of the trainer, `unknown` outside a checkout.
    pub commit: String,
    /// Name of the run.
    pub name: String,
    /// Seed of every random number.
    pub seed: u64,
    /// Device the run was started on.
    pub device: String,
    /// Protocol followed.
    pub protocol: String,
    /// CRC-64/XZ of `config.toml`, hexadecimal.
    pub config_digest: String,
    /// The command that started it.
    pub command: Vec<String>,
    /// When, in UTC.
    pub started: String,
}

impl Manifest {
    /// Describes a run of `config` that starts now.
    pub fn new(config: &Config, device: &str, command: Vec<String>) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            commit: env!("MAMLET_COMMIT").into(),
            name: config.name.clone(),
            seed: config.seed,
            device: device.into(),
            protocol: config.protocol.name().into(),
            config_digest: format!("{:016x}", config.digest()),
            command,
            started: humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string(),
        }
    }
}

/// What `result.json` says about a run's end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Iterations of the whole run.
    pub iterations: u64,
    /// Iterations since the last start.
    pub iterations_here: u64,
    /// Seconds since the last start, validation and checkpoints included.
    pub seconds: f64,
    /// Iteration of the parameters that are the result.
    pub chosen_iteration: u64,
    /// Validation loss of that iteration after each number of steps; `null` if not
    /// finite.
    pub validation: Vec<Option<f64>>,
}

/// What `statistics.json` holds: the stored statistics of batch norms, measured
/// when training has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredStatistics {
    /// Iteration of the parameters they were measured with.
    pub iteration: u64,
    /// Layer by layer.
    pub layers: Vec<LayerStatistics>,
}

/// A run on disk.
#[derive(Clone, Debug)]
pub struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// Starts a run: makes the directory and writes `config.toml` and
    /// `run.json`. An existing run is only replaced with `overwrite`.
    pub fn create(
        path: &Path,
        config: &Config,
        manifest: &Manifest,
        overwrite: bool,
    ) -> Result<Self, RunError> {
        let run = Self {
            path: path.to_owned(),
        };
        if run.holds_run() {
            if !overwrite {
                return Err(RunError::Exists(path.to_owned()));
            }
            run.clear()?;
        }
        let checkpoints = run.checkpoints();
        fs::create_dir_all(&checkpoints).map_err(io("create", &checkpoints))?;
        write_atomically(&run.file("config.toml"), config.to_toml().as_bytes())?;
        write_atomically(&run.file("run.json"), to_json(manifest).as_bytes())?;
        Ok(run)
    }

    /// Opens an existing run.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let run = Self {
            path: path.to_owned(),
        };
        if run.holds_run() {
            Ok(run)
        } else {
            Err(RunError::Absent(path.to_owned()))
        }
    }

    /// Opens an existing run to continue it with `config`, which must be its
    /// own.
    pub fn resume(path: &Path, config: &Config) -> Result<Self, RunError> {
        let run = Self::open(path)?;
        let differences = difference(&run.config()?, config);
        if differences.is_empty() {
            return Ok(run);
        }
        Err(RunError::Changed {
            path: path.to_owned(),
            differences,
        })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The resolved config.
    pub fn config(&self) -> Result<Config, RunError> {
        Ok(Config::load(&self.file("config.toml"), &[])?)
    }

    /// What was recorded at the start, if readable.
    pub fn manifest(&self) -> Option<Manifest> {
        serde_json::from_slice(&fs::read(self.file("run.json")).ok()?).ok()
    }

    /// What was recorded at the end, if it has ended.
    pub fn outcome(&self) -> Option<Outcome> {
        serde_json::from_slice(&fs::read(self.file("result.json")).ok()?).ok()
    }

    /// Records the end.
    pub fn write_outcome(&self, outcome: &Outcome) -> Result<(), RunError> {
        write_atomically(&self.file("result.json"), to_json(outcome).as_bytes())
    }

    /// Records the stored statistics of batch norms.
    pub fn write_statistics(&self, statistics: &StoredStatistics) -> Result<(), RunError> {
        write_atomically(
            &self.file("statistics.json"),
            to_json(statistics).as_bytes(),
        )
    }

    /// The stored statistics of batch norms, if they were measured.
    pub fn statistics(&self) -> Option<StoredStatistics> {
        serde_json::from_slice(&fs::read(self.file("statistics.json")).ok()?).ok()
    }

    /// Writes a checkpoint and removes all but it and the one before.
    pub fn write_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), RunError> {
        let path = self
            .checkpoints()
            .join(format!("{:09}.ckpt", checkpoint.iteration));
        write_atomically(&path, &checkpoint.to_bytes())?;
        let mut all = self.list_checkpoints()?;
        all.truncate(all.len().saturating_sub(2));
        for old in all {
            fs::remove_file(&old).map_err(io("remove", &old))?;
        }
        Ok(())
    }

    /// The newest checkpoint that is intact, `None` if there never was one.
    pub fn latest_checkpoint(&self) -> Result<Option<Checkpoint>, RunError> {
        let mut first_error = None;
        for path in self.list_checkpoints()?.into_iter().rev() {
            let bytes = fs::read(&path).map_err(io("read", &path))?;
            match Checkpoint::from_bytes(&bytes, &path) {
                Ok(checkpoint) => return Ok(Some(checkpoint)),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        first_error.map_or(Ok(None), |error| Err(error.into()))
    }

    /// The metrics file, continued after `iteration`: later lines are dropped.
    pub fn metrics(&self, iteration: Option<u64>) -> Result<Metrics, RunError> {
        Metrics::open(&self.file("metrics.jsonl"), iteration)
    }

    /// All metrics recorded so far.
    pub fn read_metrics(&self) -> Result<Vec<Line>, RunError> {
        Metrics::read(&self.file("metrics.jsonl"))
    }

    fn holds_run(&self) -> bool {
        self.file("config.toml").is_file()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn checkpoints(&self) -> PathBuf {
        self.file("checkpoints")
    }

    /// Sorted by iteration, as the names are.
    fn list_checkpoints(&self) -> Result<Vec<PathBuf>, RunError> {
        let folder = self.checkpoints();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io("read", &folder)(error)),
        };
        let mut paths: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "ckpt")
            })
            .collect();
        paths.sort();
        Ok(paths)
    }

    /// Removes what a run has written, and nothing else.
    fn clear(&self) -> Result<(), RunError> {
        for name in [
            "metrics.jsonl",
            "statistics.json",
            "result.json",
            "run.json",
            "config.toml",
        ] {
            let path = self.file(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(io("remove", &path)(error));
                }
                _ => {}
            }
        }
        for path in self.list_checkpoints()? {
            fs::remove_file(&path).map_err(io("remove", &path))?;
        }
        Ok(())
    }
}

/// Pretty-printed, with a final newline.
fn to_json(value: &impl Serialize) -> String {
    // Plain structs of numbers and strings.
    serde_json::to_string_pretty(value).expect("serialisable") + "\n"
}

/// Replaces `path` by `bytes`: writes beside it, flushes to the disk, renames.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        // A bare name lies in the current folder.
        _ => Path::new("."),
    };
    let write = || -> std::io::Result<()> {
        let mut beside = beside().tempfile_in(folder)?;
        beside.write_all(bytes)?;
        beside.as_file().sync_all()?;
        beside.persist(path).map_err(|error| error.error)?;
        // The rename itself is only on the disk once its folder is.
        if cfg!(unix) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    };
    write().map_err(io("write", path))
}

/// A temporary file that may stay: whoever may read other new files may read it.
fn beside() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(".part");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}
