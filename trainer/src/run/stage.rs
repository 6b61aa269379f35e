//! How a run takes its place.
//!
//! ```text
//! RUN/.new/       a run without a checkpoint yet; what is in RUN stands
//! RUN/.moving/    the same, once what was in RUN is removed, on its way to RUN
//! ```
//!
//! Wherever this is cut off, the next process that locks the folder goes on from there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Lock, RunError, io};

const NEW: &str = ".new";
const MOVING: &str = ".moving";
const CHECKPOINTS: &str = "checkpoints";

/// All that a run writes but checkpoints, in the order in which it takes its place.
const FILES: [&str; 7] = [
    "result.json",
    "statistics.json",
    "metrics.jsonl",
    super::events::NAME,
    "data.json",
    "run.json",
    "config.toml",
];

/// A locked run, and where its files lie.
#[derive(Debug)]
pub(super) struct Claim {
    path: PathBuf,
    staged: AtomicBool,
    _lock: Lock,
}

impl Claim {
    /// Of a run that is to take this place.
    pub fn staged(path: &Path, lock: Lock) -> Self {
        Self::new(path, lock, true)
    }

    /// Of the run in this place.
    pub fn settled(path: &Path, lock: Lock) -> Self {
        Self::new(path, lock, false)
    }

    fn new(path: &Path, lock: Lock, staged: bool) -> Self {
        Self {
            path: path.to_owned(),
            staged: AtomicBool::new(staged),
            _lock: lock,
        }
    }

    pub fn is_staged(&self) -> bool {
        self.staged.load(Ordering::Acquire)
    }

    /// Where its files lie.
    pub fn folder(&self) -> PathBuf {
        match self.is_staged() {
            true => self.path.join(NEW),
            false => self.path.clone(),
        }
    }

    /// Takes its place.
    pub fn settle(&self) -> Result<(), RunError> {
        settle(&self.path)?;
        self.staged.store(false, Ordering::Release);
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.is_staged() {
            // It came to nothing; what is left of it is removed by the next.
            let _ = fs::remove_dir_all(self.path.join(NEW));
        }
    }
}

/// Whether a run was cut off while it took its place.
pub(super) fn is_cut_off(path: &Path) -> bool {
    path.join(MOVING).is_dir() || path.join(NEW).is_dir()
}

/// Goes on with what was cut off in a folder that is locked.
pub(super) fn recover(path: &Path) -> Result<(), RunError> {
    let new = path.join(NEW);
    if path.join(MOVING).is_dir() {
        return finish(path);
    }
    if !new.is_dir() {
        return Ok(());
    }
    match checkpoints_in(&new.join(CHECKPOINTS))?.is_empty() {
        true => fs::remove_dir_all(&new).map_err(io("remove", &new)),
        false => settle(path),
    }
}

/// Removes what a run has written, and nothing else, and moves the one beside it there.
fn settle(path: &Path) -> Result<(), RunError> {
    let old = FILES.iter().map(|name| path.join(name));
    let checkpoints = checkpoints_in(&path.join(CHECKPOINTS))?;
    for old in old.chain(checkpoints).filter(|old| old.is_file()) {
        fs::remove_file(&old).map_err(io("remove", &old))?;
    }
    let new = path.join(NEW);
    fs::rename(&new, path.join(MOVING)).map_err(io("rename", &new))?;
    finish(path)
}

/// Moves what is on its way.
fn finish(path: &Path) -> Result<(), RunError> {
    let from = path.join(MOVING);
    let checkpoints = path.join(CHECKPOINTS);
    fs::create_dir_all(&checkpoints).map_err(io("create", &checkpoints))?;
    let files = FILES.iter().map(|name| from.join(name));
    let files = files.filter(|file| file.is_file());
    let files = files.map(|file| (file, path.to_owned()));
    let own = checkpoints_in(&from.join(CHECKPOINTS))?.into_iter();
    for (file, to) in files.chain(own.map(|file| (file, checkpoints.clone()))) {
        if let Some(name) = file.file_name() {
            fs::rename(&file, to.join(name)).map_err(io("rename", &file))?;
        }
    }
    fs::remove_dir_all(&from).map_err(io("remove", &from))?;
    super::flush_folder(path).map_err(io("write", path))
}

/// The checkpoints of a folder, sorted by iteration, as the names are.
pub(super) fn checkpoints_in(folder: &Path) -> Result<Vec<PathBuf>, RunError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io("read", folder)(error)),
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
