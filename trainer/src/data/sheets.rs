//! Classes as sheets: one image a class, of tiles in rows without gaps.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{DataError, read_error};

/// How tiles lie in a sheet. Written in the config, or as `sheets.toml` beside
/// the splits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheets {
    /// Width and height of a tile in pixels.
    pub tile: usize,
    /// Tiles of a row.
    pub columns: usize,
}

impl Sheets {
    /// The manifest in a folder, if there is one.
    pub(super) fn in_folder(folder: &Path) -> Result<Option<Self>, DataError> {
        let path = folder.join("sheets.toml");
        if !path.is_file() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&path).map_err(read_error(&path))?;
        let wrong = |why: String| DataError::Read {
            path: path.clone(),
            why,
        };
        let sheets: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if sheets.tile == 0 || sheets.columns == 0 {
            return Err(wrong("tile and columns must be at least 1".into()));
        }
        Ok(Some(sheets))
    }
}
