//! Recordings of sensors in CSV files: who was recorded, what it was, and the
//! samples.
//!
//! ```text
//! FOLDER/recordings.toml      how they lie, unless the config says it
//! FOLDER/*.csv                one person or unit a file, split by the config
//! FOLDER/{train,val,test}/*.csv   or split by folders
//! ```
//!
//! Every file has one header. A row is a sample; rows of one recording follow one
//! another.

mod files;
mod layout;
mod read;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) use files::{File, Files};
pub use layout::Layout;

use super::{DataError, Group, Problem};
use crate::locations;

/// One recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Who or what was recorded, as an index of [`Recordings::users`].
    pub user: usize,
    /// What it is, as an index of [`Recordings::classes`].
    pub class: usize,
    /// Index of its session: what of one user was recorded in one go, by the columns of
    /// [`Layout::recording`].
    pub session: usize,
    /// The folder it was found in, where folders are splits.
    pub group: Option<Group>,
    /// The file, as an index of [`Recordings::files`].
    pub file: usize,
    /// Line of its first row, from 1.
    pub line: u64,
    /// `[rows, channels]`.
    pub samples: Vec<f32>,
}

/// All recordings of a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Recordings {
    /// The folder.
    pub path: PathBuf,
    /// How they lie there.
    pub layout: Layout,
    /// Columns of the channels.
    pub channels: Vec<String>,
    /// All files.
    pub files: Vec<PathBuf>,
    /// All people or units, by name.
    pub users: Vec<String>,
    /// All classes, by the value of their column: numbers by size, names by the
    /// alphabet.
    pub classes: Vec<String>,
    /// In the order of files and lines.
    pub recordings: Vec<Recording>,
}

/// Which columns are channels.
enum Channels<'a> {
    Named(&'a [String]),
    AllNumbers,
}

const REMEDY: &str = "name a folder with --data, MAMLET_DATA or tasks.path that holds CSV files, or \
                      folders train, val and test of them";

impl Recordings {
    /// Reads these channels of all recordings of a folder. `layout` may be `None`
    /// where the folder has a `recordings.toml`.
    ///
    /// # Errors
    /// [`DataError`] where there is no such folder or no layout, and with every
    /// row that cannot be used.
    pub fn open(
        path: &Path,
        channels: &[String],
        layout: Option<&Layout>,
    ) -> Result<Arc<Self>, DataError> {
        let looked = locations::candidates(path);
        let found = looked.iter().find_map(|place| {
            let files = File::all(place).ok()?;
            (!files.is_empty()).then_some((place, files))
        });
        let (place, files) = found.ok_or_else(|| DataError::NotFound {
            what: "CSV files with recordings".into(),
            looked: looked.clone(),
            remedy: REMEDY.into(),
        })?;
        let layout = match layout {
            Some(layout) => layout.clone(),
            None => Layout::in_folder(place)?,
        };
        Self::read(place, &files, Channels::Named(channels), layout).map(Arc::new)
    }

    /// Reads every column of numbers of all recordings of a folder with a
    /// `recordings.toml`.
    ///
    /// # Errors
    /// As [`open`](Self::open). Where there is no `recordings.toml`, the error says
    /// what it could be for these files.
    pub fn survey(folder: &Path) -> Result<Self, DataError> {
        let files = File::all(folder)?;
        let Some(File { path: first, .. }) = files.first() else {
            return Err(DataError::NotFound {
                what: "CSV files with recordings".into(),
                looked: vec![folder.to_owned()],
                remedy: "other data is checked with the config of its tasks".into(),
            });
        };
        if !folder.join(Layout::FILE).is_file() {
            let (columns, values) = read::head(first)?;
            return Err(DataError::Read {
                path: folder.join(Layout::FILE),
                why: layout::proposal(first, &columns, &values),
            });
        }
        let layout = Layout::in_folder(folder)?;
        Self::read(folder, &files, Channels::AllNumbers, layout)
    }

    /// Columns of the first file that are neither channels nor part of the layout.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn other_columns(&self) -> Result<Vec<String>, DataError> {
        let Some(first) = self.files.first() else {
            return Ok(Vec::new());
        };
        let (numbers, mut others) = read::channels(&self.layout, first)?;
        let unused = |name: &String| !self.channels.contains(name);
        others.extend(numbers.into_iter().filter(unused));
        Ok(others)
    }

    /// Reads the files whose name the layout asks for.
    fn read(
        place: &Path,
        files: &[File],
        channels: Channels<'_>,
        layout: Layout,
    ) -> Result<Self, DataError> {
        let chosen = layout.asks_for().map(|asked| asked.choose(files));
        let files: Vec<File> = (chosen.unwrap_or_default().into_iter())
            .map(|at| files[at].clone())
            .collect();
        let Some(File { path: first, .. }) = files.first() else {
            return Err(DataError::TooFew {
                what: place.display().to_string(),
                has: "no file of that name".into(),
                needs: format!("files = {:?} asks for one", layout.files),
            });
        };
        let channels = match channels {
            Channels::Named(names) => names.to_vec(),
            Channels::AllNumbers => read::channels(&layout, first)?.0,
        };
        if channels.is_empty() {
            return Err(DataError::TooFew {
                what: first.display().to_string(),
                has: "no column of numbers in its first row".into(),
                needs: "recordings need at least one beside those of the layout".into(),
            });
        }
        let mut reader = read::Reader::new(&layout, &channels);
        for File { group, path, .. } in &files {
            reader.file(*group, path)?;
        }
        let (recordings, problems) = reader.finish();
        if !problems.is_empty() {
            return Err(DataError::Problems {
                what: place.display().to_string(),
                unit: "row",
                problems,
            });
        }
        Ok(Self {
            path: place.to_owned(),
            files: files.into_iter().map(|file| file.path).collect(),
            layout,
            ..recordings
        })
    }

    /// Rows of a recording.
    pub fn rows(&self, recording: &Recording) -> usize {
        recording.samples.len() / self.channels.len()
    }

    /// Whether folders are splits.
    pub fn is_split(&self) -> bool {
        self.recordings.iter().any(|r| r.group.is_some())
    }

    /// File and first line of a recording, in words.
    pub fn place(&self, recording: &Recording) -> String {
        let file = self.files.get(recording.file);
        let file = file.map_or(String::new(), |file| file.display().to_string());
        format!("{file}, line {}", recording.line)
    }
}

/// A row that cannot be used.
pub(super) fn problem(file: &Path, line: u64, what: impl Into<String>) -> Problem {
    Problem::new(format!("{}, line {line}", file.display()), what)
}

#[cfg(test)]
mod tests;
