//! The run directory: everything a run was made of and everything it produced.
//!
//! ```text
//! runs/<name>/
//!   config.toml        the resolved config, every default spelled out
//!   run.json           seed, commit, device, version, digest, command line, start
//!   data.json          a digest of the data, where tasks come from data
//!   metrics.jsonl      one JSON object per line, addressed by iteration
//!   events.out.tfevents.mamlet   the same for TensorBoard, where that was asked for
//!   checkpoints/       the last two, named by iteration
//!   statistics.json    stored statistics of batch norms, where there are any
//!   result.json        written when training has ended
//!   lock               who writes here, while someone does
//! ```
//!
//! `config.toml` and `run.json` are there before the first iteration. Files
//! are replaced whole: written beside, flushed to the disk, renamed. What is
//! under its final name is complete, whenever the power fails.
//!
//! A run takes its place when it has a first checkpoint. Until then its files lie
//! beside, and what it replaces stands.

mod checkpoint;
mod error;
mod events;
mod lock;
mod metrics;
mod stage;
mod standing;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::{Config, difference};
use crate::nn::LayerStatistics;
use crate::notice::notice;
use crate::tasks::DataDigest;

pub use checkpoint::{ActingState, Best, Checkpoint, CheckpointError, EmaState};
pub use error::RunError;
pub(crate) use error::io;
pub use events::Events;
pub use lock::Lock;
pub use metrics::{Line, Metrics, Returns, Validation};
pub use standing::{BestFigure, Standing, State};

use stage::Claim;

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

/// A run on disk. One that was created or resumed is locked until the last clone of it
/// is dropped.
#[derive(Clone, Debug)]
pub struct RunDir {
    path: PathBuf,
    claim: Option<Arc<Claim>>,
}

impl RunDir {
    /// Starts a run: locks the directory and writes `config.toml` and `run.json`. An
    /// existing run is only replaced with `overwrite`, and stands until this one has a
    /// first checkpoint.
    ///
    /// # Errors
    /// [`RunError::Held`] where another process writes there, and
    /// [`RunError::Exists`] where there is a run that is not to be replaced.
    pub fn create(
        path: &Path,
        config: &Config,
        manifest: &Manifest,
        overwrite: bool,
    ) -> Result<Self, RunError> {
        let lock = Lock::acquire(path)?;
        stage::recover(path)?;
        let there = Self::at(path);
        if there.holds_run() && !there.list_checkpoints()?.is_empty() && !overwrite {
            return Err(RunError::Exists(path.to_owned()));
        }
        let run = Self {
            claim: Some(Arc::new(Claim::staged(path, lock))),
            ..there
        };
        let checkpoints = run.checkpoints();
        fs::create_dir_all(&checkpoints).map_err(io("create", &checkpoints))?;
        write_atomically(&run.file("config.toml"), config.to_toml().as_bytes())?;
        write_atomically(&run.file("run.json"), to_json(manifest).as_bytes())?;
        Ok(run)
    }

    /// Opens an existing run to read it.
    ///
    /// # Errors
    /// [`RunError::Absent`] where there is none, [`RunError::File`] where a file is.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let run = Self::at(path);
        if !run.holds_run() && stage::is_cut_off(path) {
            let _lock = Lock::acquire(path)?;
            stage::recover(path)?;
        }
        match run.holds_run() {
            true => Ok(run),
            false if path.is_file() => Err(RunError::File(path.to_owned())),
            false => Err(RunError::Absent(path.to_owned())),
        }
    }

    /// Opens an existing run to continue it with `config`, which must be its
    /// own, and locks it.
    ///
    /// # Errors
    /// As [`RunDir::open`], [`RunError::Changed`] where the config is another, and
    /// [`RunError::Held`] where another process writes there.
    pub fn resume(path: &Path, config: &Config) -> Result<Self, RunError> {
        if !path.is_dir() {
            Self::open(path)?;
        }
        let lock = Lock::acquire(path)?;
        stage::recover(path)?;
        let run = Self {
            claim: Some(Arc::new(Claim::settled(path, lock))),
            ..Self::open(path)?
        };
        run.check_config(config)?;
        Ok(run)
    }

    fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            claim: None,
        }
    }

    /// That the run is of this config.
    ///
    /// # Errors
    /// [`RunError::Changed`] with the keys that differ.
    pub fn check_config(&self, config: &Config) -> Result<(), RunError> {
        let differences = difference(&self.config()?, config);
        if differences.is_empty() {
            return Ok(());
        }
        Err(RunError::Changed {
            path: self.path.clone(),
            differences,
        })
    }

    /// That the run was trained on this data; whether that is known, as it is not of runs
    /// without a digest.
    ///
    /// # Errors
    /// [`RunError::OtherData`] with what differs.
    pub fn check_data(&self, data: Option<&DataDigest>) -> Result<bool, RunError> {
        let Some(data) = data else {
            // Formulas do not change.
            return Ok(true);
        };
        let Some(own) = self.data() else {
            return Ok(false);
        };
        let differences = own.differences(data);
        if differences.is_empty() {
            return Ok(true);
        }
        Err(RunError::OtherData {
            path: self.path.clone(),
            differences,
        })
    }

    /// Records the data that the run is trained on.
    pub fn write_data(&self, data: &DataDigest) -> Result<(), RunError> {
        let text = serde_json::to_string(data).expect("serialisable") + "\n";
        write_atomically(&self.file("data.json"), text.as_bytes())
    }

    /// The data that the run was trained on, if that was recorded.
    pub fn data(&self) -> Option<DataDigest> {
        serde_json::from_slice(&fs::read(self.file("data.json")).ok()?).ok()
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The resolved config.
    pub fn config(&self) -> Result<Config, RunError> {
        self.config_with(&[])
    }

    /// The resolved config with `KEY=VALUE` overrides.
    pub fn config_with(&self, sets: &[String]) -> Result<Config, RunError> {
        Ok(Config::load(&self.file("config.toml"), sets)?)
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

    /// Writes a checkpoint and removes all but it and the one before. With its first one, a
    /// run takes its place.
    pub fn write_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), RunError> {
        let path = self.checkpoint_file(checkpoint.iteration);
        write_atomically(&path, &checkpoint.to_bytes())?;
        if let Some(claim) = self.claim.as_ref().filter(|claim| claim.is_staged()) {
            return claim.settle();
        }
        let mut all = self.list_checkpoints()?;
        all.truncate(all.len().saturating_sub(2));
        for old in all {
            fs::remove_file(&old).map_err(io("remove", &old))?;
        }
        Ok(())
    }

    /// The newest checkpoint that is intact, `None` if there never was one. A newer one that
    /// is damaged is named on standard error.
    pub fn latest_checkpoint(&self) -> Result<Option<Checkpoint>, RunError> {
        Ok(self.newest_intact()?.map(Intact::with_notice))
    }

    /// The checkpoint that the result of the run is in: its last one, or as
    /// [`RunDir::latest_checkpoint`] where the run has not ended.
    ///
    /// # Errors
    /// [`RunError::ResultLost`] where the run has ended and only older ones are intact.
    pub fn result_checkpoint(&self) -> Result<Option<Checkpoint>, RunError> {
        let Some(newest) = self.newest_intact()? else {
            return Ok(None);
        };
        let iteration = newest.checkpoint.iteration;
        match self.outcome() {
            Some(outcome) if iteration < outcome.iterations => Err(RunError::ResultLost {
                path: self.path.clone(),
                lost: newest.damaged.unwrap_or_else(|| CheckpointError {
                    path: self.checkpoint_file(outcome.iterations),
                    what: "missing",
                }),
                iteration,
            }),
            _ => Ok(Some(newest.with_notice())),
        }
    }

    fn newest_intact(&self) -> Result<Option<Intact>, RunError> {
        let mut damaged: Option<CheckpointError> = None;
        for path in self.list_checkpoints()?.into_iter().rev() {
            let bytes = fs::read(&path).map_err(io("read", &path))?;
            match Checkpoint::from_bytes(&bytes, &path) {
                Ok(checkpoint) => {
                    return Ok(Some(Intact {
                        checkpoint,
                        damaged,
                    }));
                }
                Err(error) => damaged = damaged.or(Some(error)),
            }
        }
        damaged.map_or(Ok(None), |error| Err(error.into()))
    }

    /// The metrics file, continued after `iteration`: later lines are dropped.
    pub fn metrics(&self, iteration: Option<u64>) -> Result<Metrics, RunError> {
        Metrics::open(&self.file("metrics.jsonl"), iteration)
    }

    /// The metrics for TensorBoard, continued after the latest checkpoint.
    ///
    /// # Errors
    /// [`RunError`] where a file cannot be read or written.
    pub fn events(&self) -> Result<Events, RunError> {
        let checkpoint = self.newest_intact()?.map(|newest| newest.checkpoint);
        let measure = match self.config()?.tasks.acts() {
            true => "return",
            false => "loss",
        };
        Events::open(
            &self.file(events::NAME),
            &self.file("metrics.jsonl"),
            checkpoint.map(|checkpoint| checkpoint.iteration),
            measure,
        )
    }

    /// All metrics recorded so far.
    pub fn read_metrics(&self) -> Result<Vec<Line>, RunError> {
        Metrics::read(&self.file("metrics.jsonl"))
    }

    fn holds_run(&self) -> bool {
        self.file("config.toml").is_file()
    }

    fn file(&self, name: &str) -> PathBuf {
        match &self.claim {
            Some(claim) => claim.folder().join(name),
            None => self.path.join(name),
        }
    }

    fn checkpoints(&self) -> PathBuf {
        self.file("checkpoints")
    }

    fn checkpoint_file(&self, iteration: u64) -> PathBuf {
        self.checkpoints().join(format!("{iteration:09}.ckpt"))
    }

    /// Sorted by iteration, as the names are.
    fn list_checkpoints(&self) -> Result<Vec<PathBuf>, RunError> {
        stage::checkpoints_in(&self.checkpoints())
    }
}

/// The newest checkpoint that is intact.
struct Intact {
    checkpoint: Checkpoint,
    /// What is wrong with the newest one of all, if that is another.
    damaged: Option<CheckpointError>,
}

impl Intact {
    /// The checkpoint, once standard error says which newer one it stands for.
    fn with_notice(self) -> Checkpoint {
        if let Some(error) = self.damaged {
            let iteration = self.checkpoint.iteration;
            notice(&format!("{error}; that of iteration {iteration} is used"));
        }
        self.checkpoint
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
        flush_folder(folder)
    };
    write().map_err(io("write", path))
}

/// A rename is only on the disk once its folder is.
fn flush_folder(folder: &Path) -> std::io::Result<()> {
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

/// A temporary file that may stay: whoever may read other new files may read it.
fn beside() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(".part");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}
