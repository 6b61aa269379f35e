//! Who writes to a folder of runs: one process at a time.
//!
//! The lock is the operating system's, on a file of the folder, so a process that died
//! holds none. The file says who holds it, for messages.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{RunError, io};
use crate::shell;

const NAME: &str = "lock";

/// The right to write to a folder, until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: PathBuf,
    /// Folders that were made for it, the innermost first.
    made: Vec<PathBuf>,
    /// Open for as long as it is locked.
    _open: File,
}

impl Lock {
    /// Locks a folder, which is made if it is not there, and removed again if nothing is
    /// in it once the lock is dropped.
    ///
    /// # Errors
    /// [`RunError::Held`] with who holds it.
    pub fn acquire(folder: &Path) -> Result<Self, RunError> {
        let above = folder
            .ancestors()
            .filter(|path| !path.as_os_str().is_empty());
        let made: Vec<PathBuf> = above
            .take_while(|path| !path.exists())
            .map(Path::to_owned)
            .collect();
        let path = folder.join(NAME);
        let cannot = || io("write", &path);
        loop {
            fs::create_dir_all(folder).map_err(io("create", folder))?;
            let mut options = OpenOptions::new();
            let options = options.read(true).write(true).create(true).truncate(false);
            let mut file = options.open(&path).map_err(cannot())?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(RunError::Held {
                        path: folder.to_owned(),
                        holder: holder(&mut file),
                    });
                }
                // Not every network drive has locks.
                Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => return Err(cannot()(error)),
            }
            // Whoever held it may have removed the file between opening and locking.
            if !lies_at(&file, &path) {
                continue;
            }
            file.set_len(0).map_err(cannot())?;
            file.write_all(myself().as_bytes()).map_err(cannot())?;
            return Ok(Self {
                file: path,
                made,
                _open: file,
            });
        }
    }

    /// Whether a process writes to a folder.
    pub fn is_held(folder: &Path) -> bool {
        let file = File::open(folder.join(NAME));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // What cannot be removed is in nobody's way.
        let _ = fs::remove_file(&self.file);
        for folder in &self.made {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// This process in words.
fn myself() -> String {
    let host = gethostname::gethostname();
    let since = humantime::format_rfc3339_seconds(SystemTime::now());
    format!(
        "process {} on {} since {since}: {}\n",
        std::process::id(),
        host.to_string_lossy(),
        shell::given()
    )
}

/// Whoever wrote to a locked file.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    // Where locks keep readers out as well, the holder stays unknown.
    let _ = file.read_to_string(&mut text);
    match text.trim() {
        "" => "another process".to_owned(),
        holder => holder.to_owned(),
    }
}

/// Whether an open file is the one that is found at a path.
#[cfg(unix)]
fn lies_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// Elsewhere an open file is not removed.
#[cfg(not(unix))]
fn lies_at(_file: &File, _path: &Path) -> bool {
    true
}
