//! What a data set holds before anything is decoded.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::{DataError, Problem, read_error};

/// The part of a data set that a class was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Group {
    /// `train`, or Omniglot's background set.
    Train,
    /// `val` or `validation`.
    Validation,
    /// `test`, or Omniglot's evaluation set.
    Test,
}

impl Group {
    /// All of them; `group as usize` is the index of each.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];
}

/// Where one image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageAt {
    /// A file of its own.
    File(PathBuf),
    /// An entry of [`Source::archives`].
    Zip {
        /// Index of the archive.
        archive: usize,
        /// Name of the entry.
        entry: String,
    },
    /// A tile of a sheet, row by row from 0.
    Tile {
        /// The sheet.
        sheet: PathBuf,
        /// Index of the tile.
        tile: usize,
    },
}

/// One class and its images, in an order that is the same on every machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceClass {
    /// Its name, unique in the data set.
    pub name: String,
    /// The part of the data set it lies in.
    pub group: Group,
    /// Its images.
    pub images: Vec<ImageAt>,
}

/// What a data set holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// The folder it was found in.
    pub path: PathBuf,
    /// All classes, sorted by group and name.
    pub classes: Vec<SourceClass>,
    /// Archives that images lie in.
    pub archives: Vec<PathBuf>,
    /// Sizes of a tile and of a row of tiles, where images lie in sheets.
    pub sheets: Option<super::Sheets>,
    /// Files whose names show that they cannot be used.
    pub problems: Vec<Problem>,
}

impl Source {
    /// Images of all classes.
    pub fn images(&self) -> usize {
        self.classes.iter().map(|class| class.images.len()).sum()
    }

    /// Sorts classes and finds names that are there twice.
    pub(super) fn finish(mut self) -> Self {
        self.classes
            .sort_by(|a, b| (a.group as u8, &a.name).cmp(&(b.group as u8, &b.name)));
        let mut names: Vec<&str> = self.classes.iter().map(|class| &class.name[..]).collect();
        names.sort_unstable();
        let twice = names.windows(2).filter(|pair| pair[0] == pair[1]);
        let what = "the class is in two splits, which must be disjoint";
        let twice = twice.map(|pair| Problem::new(pair[0], what));
        let twice: Vec<Problem> = twice.collect();
        self.problems.extend(twice);
        self
    }

    /// Identity of what is to be decoded: a checksum of names, sizes and times of all
    /// files, and of how they are decoded.
    pub(super) fn digest(&self) -> Result<u64, DataError> {
        let crc = super::cache::CRC;
        let mut digest = crc.digest();
        let mut add = |text: &str| {
            digest.update(text.as_bytes());
            digest.update(&[0]);
        };
        add(&format!("{:?}", self.sheets));
        for archive in &self.archives {
            add(&stamp(archive)?);
        }
        for class in &self.classes {
            add(&format!("{:?} {}", class.group, class.name));
            let mut last: Option<&Path> = None;
            for image in &class.images {
                match image {
                    ImageAt::File(path) => add(&stamp(path)?),
                    ImageAt::Zip { archive, entry } => add(&format!("{archive} {entry}")),
                    ImageAt::Tile { sheet, tile } => {
                        // A sheet is one file for all of its tiles.
                        if last != Some(sheet) {
                            add(&stamp(sheet)?);
                            last = Some(sheet);
                        }
                        add(&tile.to_string());
                    }
                }
            }
        }
        Ok(digest.finalize())
    }

    /// The image in words.
    pub(crate) fn describe(&self, image: &ImageAt) -> String {
        match image {
            ImageAt::File(path) => path.display().to_string(),
            ImageAt::Zip { archive, entry } => format!(
                "{}: {entry}",
                self.archives
                    .get(*archive)
                    .map_or(String::new(), |path| path.display().to_string())
            ),
            ImageAt::Tile { sheet, tile } => format!("{}, tile {tile}", sheet.display()),
        }
    }
}

/// Name, size and time of a file.
fn stamp(path: &Path) -> Result<String, DataError> {
    let data = fs::metadata(path).map_err(read_error(path))?;
    let modified = data.modified().ok();
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok(format!(
        "{} {} {}",
        path.display(),
        data.len(),
        since.map_or(0, |since| since.as_nanos())
    ))
}

/// What a folder holds, sorted by name, without hidden files and what archivers
/// leave behind.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(read_error(folder))? {
        let path = entry.map_err(read_error(folder))?.path();
        if !hidden(&file_name(&path)) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Whether a name is one that no data set means.
pub(super) fn hidden(name: &str) -> bool {
    name.starts_with('.') || name == "__MACOSX" || name == "Thumbs.db"
}

/// The last part of a path as text.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or(String::new(), |name| name.to_string_lossy().into_owned())
}

/// The name of a file of rows without what it ends in, `.csv` or `.csv.gz`.
pub(super) fn stem(path: &Path) -> String {
    let name = file_name(path);
    let (stem, end) = name.rsplit_once('.').unwrap_or((&name, ""));
    let packed = end.eq_ignore_ascii_case("gz");
    let inner = stem.rsplit_once('.').filter(|_| packed);
    inner.map_or(stem, |(stem, _)| stem).to_owned()
}

/// Whether the name is that of an image that can be read.
pub(super) fn is_image(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    image::ImageFormat::from_extension(extension).is_some_and(|format| format.reading_enabled())
}
