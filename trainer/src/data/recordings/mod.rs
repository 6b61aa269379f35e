//! Recordings of sensors in files of rows: who was recorded, what it was, and the
//! samples.
//!
//! ```text
//! FOLDER/recordings.toml      how they lie, unless the config says it
//! FOLDER/*.csv                one person or unit a file, split by the config
//! FOLDER/{train,val,test}/*.csv   or split by folders
//! ```
//!
//! A row is a sample; rows of one recording follow one another.

mod clock;
mod columns;
mod files;
mod keys;
mod layout;
mod names;
mod paths;
mod proposal;
mod read;
mod twins;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use clock::ClockUnit;
pub(super) use files::{File, Files};
pub use layout::{Boundary, Layout, Without};
pub use proposal::Proposal;
pub use twins::Twins;

use super::{DataError, Group, Problem, lookalikes};
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
    /// Rows a second.
    pub rate: f64,
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
    /// What is to be known of them beside that, in sentences.
    pub notes: Vec<String>,
}

/// Which columns are channels.
enum Channels<'a> {
    Named(&'a [String]),
    AllNumbers,
}

const REMEDY: &str = "name a folder with --data, MAMLET_DATA or tasks.path that holds files of \
                      rows (.csv, .tsv, .txt, .json, or these with .gz), or folders of them";

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
        let (place, files) = found.ok_or_else(|| not_found(looked.clone(), REMEDY))?;
        let layout = match layout {
            Some(layout) => layout.clone(),
            None => Layout::in_folder(place)?,
        };
        Self::read(place, &files, Channels::Named(channels), layout).map(Arc::new)
    }

    /// What the `recordings.toml` of a folder could be; `None` where it has one.
    ///
    /// # Errors
    /// [`DataError`] where there are no files, and where nothing says what they are.
    pub fn proposal(folder: &Path) -> Result<Option<Proposal>, DataError> {
        match folder.join(Layout::FILE).is_file() {
            true => Ok(None),
            false => proposal::proposal(folder, &Self::files_of(folder)?).map(Some),
        }
    }

    /// Reads every column of numbers of all recordings of a folder. `layout` may be
    /// `None` where it has a `recordings.toml`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn survey(folder: &Path, layout: Option<&Layout>) -> Result<Self, DataError> {
        let files = Self::files_of(folder)?;
        let layout = match layout {
            Some(layout) => layout.clone(),
            None => Layout::in_folder(folder)?,
        };
        Self::read(folder, &files, Channels::AllNumbers, layout)
    }

    fn files_of(folder: &Path) -> Result<Vec<File>, DataError> {
        let files = File::all(folder)?;
        let remedy = "other data is checked with the config of its tasks";
        match files.is_empty() {
            true => Err(not_found(vec![folder.to_owned()], remedy)),
            false => Ok(files),
        }
    }

    /// Reads the files that the layout asks for.
    fn read(
        place: &Path,
        files: &[File],
        channels: Channels<'_>,
        layout: Layout,
    ) -> Result<Self, DataError> {
        let chosen = layout.asks_for().map(|asked| asked.choose(files));
        let chosen: Vec<File> = (chosen.unwrap_or_default().into_iter())
            .map(|at| files[at].clone())
            .collect();
        let Some(first) = chosen.first() else {
            let names = files
                .iter()
                .take(3)
                .map(|file| file.below.display().to_string());
            return Err(DataError::TooFew {
                what: place.display().to_string(),
                has: "no file of that name".into(),
                needs: format!(
                    "files = {:?} asks for one; there are {}",
                    layout.files,
                    names.collect::<Vec<_>>().join(", ")
                ),
            });
        };
        let (channels, mut notes) = match channels {
            Channels::Named(names) => (names.to_vec(), Vec::new()),
            Channels::AllNumbers => columns::channels(&layout, &chosen)?,
        };
        if channels.is_empty() {
            return Err(DataError::TooFew {
                what: first.path.display().to_string(),
                has: "no column of numbers".into(),
                needs: "recordings need at least one beside those of the layout".into(),
            });
        }
        let mut reader = read::Reader::new(&layout, &channels, place);
        for file in &chosen {
            reader.file(file)?;
        }
        let (mut recordings, problems) = reader.finish(&chosen)?;
        if !problems.is_empty() {
            return Err(DataError::Problems {
                what: place.display().to_string(),
                unit: "row",
                problems,
            });
        }
        if recordings.recordings.is_empty() {
            return Err(DataError::TooFew {
                what: place.display().to_string(),
                has: format!("no recording of {} rows or more", layout.least()),
                needs: "a column of `recording` may differ from row to row, or least be too much; \
                        or all is left out by `without`"
                    .into(),
            });
        }
        recordings.path = place.to_owned();
        notes.append(&mut recordings.notes);
        notes.extend(recordings.note_of_twins());
        for (what, names) in [
            ("classes", &recordings.classes),
            ("users", &recordings.users),
        ] {
            notes.extend(lookalikes(what, names));
        }
        recordings.notes = notes;
        Ok(recordings)
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

fn not_found(looked: Vec<PathBuf>, remedy: &str) -> DataError {
    DataError::NotFound {
        what: "files with recordings".into(),
        looked,
        remedy: remedy.into(),
    }
}

/// A row that cannot be used.
pub(super) fn problem(file: &Path, line: u64, what: impl Into<String>) -> Problem {
    Problem::new(format!("{}, line {line}", file.display()), what)
}

#[cfg(test)]
mod tests;
