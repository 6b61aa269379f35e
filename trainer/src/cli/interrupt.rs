//! Ctrl-C and its relatives: SIGTERM, which ends a job, and SIGHUP, which a closed terminal
//! sends.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

use super::exit;
use crate::notice::say;

/// Whether somebody looks at [`STOP`].
static HEEDED: AtomicBool = AtomicBool::new(false);
static STOP: AtomicBool = AtomicBool::new(false);

/// While it lives, a first signal sets its flag and a second one ends the program. Without
/// it, the first one does.
pub(super) struct Heed;

impl Heed {
    /// Heeds signals from here on.
    ///
    /// # Errors
    /// Where they cannot be watched for.
    pub(super) fn signals() -> anyhow::Result<Self> {
        static WATCHED: OnceLock<()> = OnceLock::new();
        if WATCHED.set(()).is_ok() {
            ctrlc::set_handler(|| {
                let heeded = HEEDED.load(Ordering::Relaxed);
                if !heeded || STOP.swap(true, Ordering::Relaxed) {
                    std::process::exit(i32::from(exit::INTERRUPTED));
                }
                say(format_args!(
                    "\nfinishing the iteration; Ctrl-C again to stop at once"
                ));
            })
            .context("cannot watch for signals")?;
        }
        HEEDED.store(true, Ordering::Relaxed);
        Ok(Self)
    }

    /// The flag.
    pub(super) fn flag(&self) -> &'static AtomicBool {
        &STOP
    }
}

impl Drop for Heed {
    fn drop(&mut self) {
        HEEDED.store(false, Ordering::Relaxed);
    }
}
