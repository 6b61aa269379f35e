//! Data sets: images, which are found, decoded once and cached; recordings and tables
//! of numbers, which are read row by row.
//!
//! ```text
//! folder, zips, sheets ──► Source: classes and where their images are
//!                            │ decoded and resized in parallel, once
//!                            ▼
//!                          Bank: one byte a value, in memory ◄──► cache file
//!                            │ by index
//!                            ▼
//!                          support and query sets
//! ```
//!
//! A file that is missing, damaged or in the wrong class is named, all of them
//! together. A damaged cache is made again.

mod augment;
mod bank;
mod cache;
mod decode;
mod examples;
mod faults;
mod folder;
mod omniglot;
mod picture;
mod recordings;
mod resident;
mod sheets;
mod source;
mod tables;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use mamlet_simulator::rows::RowsError;

pub use augment::{Augment, Distortion};
pub use bank::{Bank, ClassImages, Normalise};
pub use decode::Pixels;
pub use examples::{Examples, Normalisation, Pick};
pub use folder::ImageFolder;
pub use omniglot::{OmniglotPart, omniglot};
pub use picture::{Found, Ground};
pub use recordings::{
    Boundary, ClockUnit, Layout, Proposal, Recording, Recordings, Twins, Without,
};
pub use sheets::Sheets;
pub use source::{Group, ImageAt, Source, SourceClass};
pub use tables::{Columns, Row, Table};

/// Why a data set cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// There is none where it was looked for.
    #[error("no {what}: looked in {}; {remedy}", listed(looked))]
    NotFound {
        /// The data set.
        what: String,
        /// All paths that were tried.
        looked: Vec<PathBuf>,
        /// How to get it.
        remedy: String,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {}: {why}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system or the format's reader says.
        why: String,
    },
    /// Files or rows that cannot be used.
    #[error(
        "{} of {what} cannot be used:{}",
        counted(faults(problems), unit),
        lines(problems)
    )]
    Problems {
        /// The data set.
        what: String,
        /// `file` or `row`.
        unit: &'static str,
        /// Every one of them.
        problems: Vec<Problem>,
    },
    /// The data set has no such part, or too little of it.
    #[error("{what} has {has}, but {needs}")]
    TooFew {
        /// The data set, split or class.
        what: String,
        /// What there is.
        has: String,
        /// What is needed, and by what.
        needs: String,
    },
}

/// A file, or a row of one, that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, and the entry where it is an archive, or the line.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
    /// How many rows more it stands for, which have the same fault.
    pub alike: usize,
}

impl Problem {
    /// A problem of one file or row.
    pub fn new(file: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            what: what.into(),
            alike: 0,
        }
    }
}

impl From<RowsError> for DataError {
    fn from(error: RowsError) -> Self {
        Self::Read {
            why: error.why(),
            path: error.path,
        }
    }
}

/// Files or rows that problems are of.
pub(crate) fn faults(problems: &[Problem]) -> usize {
    problems.iter().map(|problem| 1 + problem.alike).sum()
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.what)
    }
}

/// Problems that a message spells out.
const SPELLED_OUT: usize = 10;

fn lines(problems: &[Problem]) -> String {
    let shown = problems.iter().take(SPELLED_OUT);
    let mut text: String = shown.map(|problem| format!("\n  {problem}")).collect();
    if problems.len() > SPELLED_OUT {
        text += &format!(
            "\n  and {} more; `mamlet data check` lists them all",
            problems.len() - SPELLED_OUT
        );
    }
    text
}

fn listed(paths: &[PathBuf]) -> String {
    let shown = paths.iter().map(|path| path.display().to_string());
    shown.collect::<Vec<_>>().join(", ")
}

/// Names that differ in case or in blanks alone, in a sentence.
pub(crate) fn lookalikes(what: &str, names: &[String]) -> Option<String> {
    let mut by_letters: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in names {
        let words: Vec<&str> = name.split_whitespace().collect();
        let letters = words.concat().to_lowercase();
        by_letters.entry(letters).or_default().push(name);
    }
    let alike = by_letters.into_values().filter(|names| names.len() > 1);
    let alike: Vec<String> = alike.map(|names| names.join(" and ")).collect();
    let all = alike.join("; ");
    (!alike.is_empty()).then(|| format!("{what} that differ in case or blanks alone: {all}"))
}

/// `1 file`, `2 files`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    let plural = match (what.strip_suffix("class"), what.strip_suffix("query")) {
        (Some(stem), _) => format!("{stem}classes"),
        (_, Some(stem)) => format!("{stem}queries"),
        (None, None) => format!("{what}s"),
    };
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {plural}"),
    }
}

/// `5`, or `3 to 5`.
pub(crate) fn range(fewest: Option<usize>, most: Option<usize>) -> String {
    match (fewest, most) {
        (Some(fewest), Some(most)) if fewest < most => format!("{fewest} to {most}"),
        (_, most) => most.unwrap_or(0).to_string(),
    }
}

/// `error` as a [`DataError::Read`] of `path`.
fn read_error(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> DataError {
    let path = path.into();
    move |error| DataError::Read {
        path,
        why: error.to_string(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
