//! What a user should know although a command goes on.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// Says `text` on standard error, once in the life of the process.
pub(crate) fn notice(text: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.insert(text.to_owned()) {
        say(format_args!("warning: {text}"));
    }
}

/// A line on standard error. Where nobody reads it any more, as after a terminal was closed,
/// that is no reason to stop.
pub(crate) fn say(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
