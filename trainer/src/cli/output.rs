//! Writing to the terminal.

use std::io::{self, Write};
use std::path::Path;

use super::Usage;

/// Writes a line to standard output; a closed pipe becomes an error that
/// [`is_closed_pipe`] knows, instead of a panic.
pub(super) fn line(text: impl std::fmt::Display) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
}

/// That a file can be written there in one of some formats, by its extension; before anything
/// is computed for it. No formats are all of them.
pub(super) fn check_file(path: &Path, formats: &[&str]) -> anyhow::Result<()> {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let known = formats
        .iter()
        .any(|format| extension.eq_ignore_ascii_case(format));
    anyhow::ensure!(
        known || formats.is_empty(),
        Usage(format!(
            "{}: it is written as .{}; name such a file",
            path.display(),
            formats.join(" or .")
        ))
    );
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let what = match folder {
        Some(folder) if !folder.is_dir() => format!("there is no folder {}", folder.display()),
        _ if path.is_dir() => "it is a folder".to_owned(),
        _ => return Ok(()),
    };
    Err(Usage::new(format!(
        "cannot write {}: {what}",
        path.display()
    )))
}

/// Whether whoever read our output has left, as `head` does: no error.
pub(super) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A table with aligned columns, the first to the left, the others to the
/// right; rules below the head.
pub(super) fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter()
            .chain(std::iter::once(&head.to_vec()))
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &[String]| {
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| {
                if column == 0 {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let rule = "-".repeat(widths.iter().sum::<usize>() + 2 * (widths.len().max(1) - 1));
    let mut lines = vec![line(head), rule];
    lines.extend(rows.iter().map(|row| line(row)));
    lines.join("\n")
}
