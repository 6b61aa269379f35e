//! How recordings lie in CSV files.

use std::path::Path;

use serde::{Deserialize, Serialize};

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
    /// Column of the person or device; the name of the file if absent.
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

/// The file that holds a layout.
const MANIFEST: &str = "recordings.toml";

impl Layout {
    /// The layout that lies beside the files.
    pub(super) fn in_folder(folder: &Path) -> Result<Self, DataError> {
        let path = folder.join(MANIFEST);
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
        } else if self.pattern().is_err() {
            Some(("files", "a name in which * stands for any characters"))
        } else {
            None
        }
    }

    pub(super) fn pattern(&self) -> Result<glob::Pattern, String> {
        glob::Pattern::new(&self.files).map_err(|error| format!("files: {error}"))
    }
}
