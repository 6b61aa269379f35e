//! Why a file has no rows.

use std::io;
use std::path::{Path, PathBuf};

/// A file that cannot be read as rows, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {fault}", path.display(), at(*line))]
pub struct RowsError {
    /// The file.
    pub path: PathBuf,
    /// The line, where one is at fault.
    pub line: Option<u64>,
    /// What is wrong.
    pub fault: Fault,
}

fn at(line: Option<u64>) -> String {
    line.map_or(String::new(), |line| format!(", line {line}"))
}

/// What is wrong with a file, and what helps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The system says so.
    #[error("{0}")]
    Io(String),
    /// It has no rows.
    #[error("it is empty: write a header and rows into it, or delete it")]
    Empty,
    /// It is no text.
    #[error("{0}")]
    NoText(&'static str),
    /// Some rows are UTF-8, this one is not.
    #[error("letters that are not UTF-8, as others of the file are: save it as UTF-8")]
    Letters,
    /// A cell that does not end.
    #[error("a quote (\") that is not closed: close or delete it")]
    Quote,
    /// There is no such column.
    #[error("no column {name:?}; there are {columns}")]
    NoColumn {
        /// What was looked for.
        name: String,
        /// What there is.
        columns: String,
    },
    /// A name that would stand for two columns.
    #[error("column {0} twice: rename one of them")]
    Twice(String),
    /// JSON, but not of sensors.
    #[error("no JSON of sensors as Edge Impulse writes it: {0}")]
    Sensors(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

impl RowsError {
    pub(super) fn new(path: &Path, line: Option<u64>, fault: Fault) -> Self {
        Self {
            path: path.to_owned(),
            line,
            fault,
        }
    }

    /// Line and fault, for those who have named the file.
    pub fn why(&self) -> String {
        match self.line {
            Some(line) => format!("line {line}: {}", self.fault),
            None => self.fault.to_string(),
        }
    }
}

/// Why these are not the first bytes of a text.
pub(super) fn no_text(head: &[u8]) -> Option<Fault> {
    let fault = if head.starts_with(b"PK\x03\x04") {
        "a workbook or a zip archive: save the sheet as CSV, or unpack the archive"
    } else if head.contains(&0) {
        "no text, or UTF-16 without a byte order mark: save it as UTF-8"
    } else {
        return None;
    };
    Some(Fault::NoText(fault))
}
