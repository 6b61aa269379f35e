//! How recordings lie in CSV files.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::files::Files;
use crate::data::{DataError, read_error};

/// How recordings lie in CSV files: in a config as `[tasks.layout]`, or as
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
    /// Column of the class.
    pub label: String,
    /// Columns that, like the class, are the same in all rows of a recording.
    /// Where one of them changes, another recording begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recording: Vec<String>,
    /// Rows of every recording, where recordings of one class follow one another
    /// without anything to tell them apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// Column of the person or unit; the name of the file if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Rows a second.
    pub rate: f64,
    /// Which files: `*` stands for any characters, `?` for one.
    #[serde(default = "default_files")]
    pub files: String,
}

fn default_files() -> String {
    "*.csv".into()
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
                why: "it is not there, and the config has no [tasks.layout]: one of them must say \
                      which column is the `label`, and the `rate`"
                    .into(),
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
        if !(self.rate.is_finite() && self.rate > 0.0) {
            Some(("rate", "a number above 0, of rows a second"))
        } else if self.rows == Some(0) {
            Some(("rows", "at least 1"))
        } else if self.asks_for().is_none() {
            Some(("files", "a name in which * stands for any characters"))
        } else {
            None
        }
    }

    /// Which files it asks for; none where that is no pattern.
    pub(super) fn asks_for(&self) -> Option<Files> {
        Files::new(&self.files)
    }
}

/// Columns that are likely to be the class.
const LABELS: [&str; 7] = [
    "label", "class", "gesture", "activity", "target", "name", "what",
];

/// A proposal of a `recordings.toml` for a file with these columns and this first row.
pub(super) fn proposal(file: &Path, columns: &[String], row: &[String]) -> String {
    let known = |name: &&String| LABELS.contains(&name.to_lowercase().as_str());
    let words = columns.iter().zip(row);
    let words = words.filter(|(_, value)| value.parse::<f64>().is_err());
    let label = columns.iter().find(known);
    let label = label.or(words.map(|(name, _)| name).next());
    let label = label.or(columns.first()).map_or("label", |name| name);
    format!(
        "it is not there. It says which column of {} ({}) is the class, which others are the same in \
         all rows of a recording, and how many rows there are in a second; for example\n\n\
         label = {label:?}\n\
         recording = []   # such as [\"take\"]: where one changes, another recording begins\n\
         rate = 50.0\n\n\
         A file is a person or device, unless `user = \"column\"` names one",
        file.display(),
        columns.join(", "),
    )
}
