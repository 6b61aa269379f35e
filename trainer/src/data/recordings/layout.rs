//! How recordings lie in files.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::clock::ClockUnit;
use super::files::Files;
use super::names::{self, NamePattern};
use crate::data::{DataError, read_error};

/// How recordings lie in files of rows: in a config as `[tasks.layout]`, or as
/// `recordings.toml` beside the files.
///
/// ```
/// use mamlet_trainer::data::Layout;
/// let layout: Layout = toml::from_str(
///     r#"
///     label = "gesture"
///     recording = ["take"]
///     rate = 62.5
///     "#,
/// )?;
/// assert_eq!(layout.files, "*.csv");
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Column of the class, where [`path`](Self::path) does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Columns that, like the class, are the same in all rows of a recording.
    /// Where one of them changes, another recording begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recording: Vec<String>,
    /// Rows of every recording, where recordings of one class follow one another
    /// without anything to tell them apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// Column of the person or unit. If absent, [`path`](Self::path) says it, or the name
    /// of the file is it, or all is of one where the path says the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Rows a second; if absent, those of the clock, or of files that say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Which files, by name or, where it has a `/`, by the path below the folder: `*`
    /// stands for any characters, `?` for one.
    #[serde(default = "default_files")]
    pub files: String,
    /// What the end of a file's path says, with `{label}`, `{user}` and `{take}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether a line names the columns; if not, they are `c1`, `c2` and so on.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub header: bool,
    /// What else ends a recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<Boundary>,
    /// Column of the time of each row, by which rows that are not evenly spaced are
    /// resampled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
    /// What the clock counts, where its name does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_unit: Option<ClockUnit>,
    /// Recordings of fewer rows are left out; of fewer than 2 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<usize>,
    /// Who and what is left out.
    #[serde(default, skip_serializing_if = "Without::is_empty")]
    pub without: Without,
}

/// What ends a recording beside a change of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// A blank line.
    Blank,
    /// A clock that goes back.
    Clock,
}

/// Who and what is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Without {
    /// People or units, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Classes, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
}

impl Without {
    /// Whether nothing is left out.
    fn is_empty(&self) -> bool {
        self.users.is_empty() && self.classes.is_empty()
    }
}

pub(super) fn default_files() -> String {
    "*.csv".into()
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

impl Layout {
    /// The file that holds a layout.
    pub const FILE: &str = "recordings.toml";

    /// The layout that lies beside the files.
    pub(super) fn in_folder(folder: &Path) -> Result<Self, DataError> {
        let path = folder.join(Self::FILE);
        if !path.is_file() {
            return Err(DataError::Read {
                path,
                why: format!(
                    "it is not there, and the config has no [tasks.layout]; `mamlet data check {}` \
                     proposes one",
                    folder.display()
                ),
            });
        }
        let text = std::fs::read_to_string(&path).map_err(read_error(&path))?;
        let wrong = |why: String| DataError::Read {
            path: path.clone(),
            why,
        };
        let layout: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        match layout.fault() {
            Some((key, why)) => Err(wrong(format!("{key}: {why}"))),
            None => Ok(layout),
        }
    }

    /// The key that has no usable value, and what it needs.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        let named = self.names();
        let named_by = |has: fn(&NamePattern) -> bool| named.as_ref().is_some_and(has);
        if self.path.is_some() && named.is_none() {
            Some(("path", names::EXPECTED))
        } else if self.label.is_none() && !named_by(NamePattern::has_label) {
            Some((
                "label",
                "the column of the class, or path = \"{label}\" where names of files say it",
            ))
        } else if self.label.is_some() && named_by(NamePattern::has_label) {
            Some(("label", "no such key where path has {label}"))
        } else if self.user.is_some() && named_by(NamePattern::has_user) {
            Some(("user", "no such key where path has {user}"))
        } else if (self.rate).is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
            Some(("rate", "a number above 0, of rows a second"))
        } else if self.rows == Some(0) {
            Some(("rows", "at least 1"))
        } else if self.least == Some(0) {
            Some(("least", "at least 1"))
        } else if self.clock.is_none() && self.boundary == Some(Boundary::Clock) {
            Some(("boundary", "\"blank\" where there is no clock"))
        } else if self.clock.is_none() && self.clock_unit.is_some() {
            Some(("clock_unit", "no such key where there is no clock"))
        } else if self.asks_for().is_none() {
            Some(("files", "a name in which * stands for any characters"))
        } else {
            None
        }
    }

    /// What names of files say, where the layout has such a pattern.
    pub(super) fn names(&self) -> Option<NamePattern> {
        NamePattern::parse(self.path.as_ref()?)
    }

    /// The unit of the clock.
    pub(super) fn unit(&self) -> Option<ClockUnit> {
        let named = || ClockUnit::named(self.clock.as_ref()?);
        self.clock_unit.or_else(named)
    }

    /// Rows below which a recording is left out.
    pub(super) fn least(&self) -> usize {
        self.least.unwrap_or_else(|| self.rows.unwrap_or(2).min(2))
    }

    /// Which files it asks for, where that is a pattern.
    pub(super) fn asks_for(&self) -> Option<Files> {
        Files::new(&self.files)
    }

    /// Columns that are no channels.
    pub(super) fn columns(&self) -> impl Iterator<Item = &String> {
        let single = [&self.label, &self.user, &self.clock];
        self.recording
            .iter()
            .chain(single.into_iter().filter_map(Option::as_ref))
    }
}
