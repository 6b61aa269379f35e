//! Writing to the terminal.

use std::io::{self, Write};

/// Writes a line to standard output; a closed pipe becomes an error that
/// [`is_closed_pipe`] knows, instead of a panic.
pub(super) fn line(text: impl std::fmt::Display) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
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
