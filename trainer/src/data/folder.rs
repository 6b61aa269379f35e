//! Folders of images with a folder for each split: `train`, `val` or `validation`, and
//! `test`. Its classes are one of
//!
//! - folders of images, `split/class/image.*`;
//! - sheets of tiles, `split/class.*`;
//! - labels of a list, `split.csv` with the columns `filename,label`, as Ravi and
//!   Larochelle split miniImageNet. Its images lie in `images`, in the folder itself or in
//!   that of the split.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use mamlet_simulator::rows::{Header, Rows};

use super::source::{entries, file_name, is_image};
use super::{DataError, Group, ImageAt, Problem, Sheets, Source, SourceClass};
use crate::locations;

/// A data set in a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageFolder<'a> {
    /// Where it is, unless the user says otherwise.
    pub path: &'a Path,
    /// How tiles lie in sheets, if classes are sheets; a `sheets.toml` in the
    /// folder where `None`.
    pub sheets: Option<Sheets>,
}

const SPLITS: [(Group, &[&str]); 3] = [
    (Group::Train, &["train", "training"]),
    (Group::Validation, &["val", "validation"]),
    (Group::Test, &["test", "testing"]),
];

/// The split folders that are in a folder.
pub(super) fn split_folders(place: &Path) -> Vec<(Group, PathBuf)> {
    let all = SPLITS.iter().flat_map(|(group, names)| {
        let names = names.iter();
        names.map(|name| (*group, place.join(name)))
    });
    all.filter(|(_, folder)| folder.is_dir()).collect()
}

const REMEDY: &str = "name a folder with --data, MAMLET_DATA or tasks.path that holds train, val \
                      and test, each with a folder of images or a sheet for every class, or \
                      train.csv, val.csv and test.csv (filename,label) and the images";

impl ImageFolder<'_> {
    /// Finds the folder and lists its classes.
    ///
    /// # Errors
    /// [`DataError`] where it is not there or cannot be listed.
    pub fn list(&self) -> Result<Source, DataError> {
        let looked = locations::candidates(self.path);
        let place = looked.iter().find(|place| {
            let names = SPLITS.iter().flat_map(|(_, names)| names.iter());
            let mut names = names.map(|name| place.join(name));
            names.any(|path| path.is_dir() || path.with_extension("csv").is_file())
        });
        let place = place.ok_or_else(|| DataError::NotFound {
            what: "folders or lists of images".into(),
            looked: looked.clone(),
            remedy: REMEDY.into(),
        })?;
        let sheets = match self.sheets {
            Some(sheets) => Some(sheets),
            None => Sheets::in_folder(place)?,
        };
        let mut source = Source {
            name: file_name(place),
            path: place.clone(),
            classes: Vec::new(),
            archives: Vec::new(),
            sheets,
            problems: Vec::new(),
        };
        for (group, names) in SPLITS {
            for name in names {
                let folder = place.join(name);
                let list = place.join(format!("{name}.csv"));
                let list = list.is_file().then(|| read_list(&list)).transpose()?;
                let parts = match folder.is_dir() {
                    true => entries(&folder)?,
                    false => Vec::new(),
                };
                let files = parts.iter().any(|path| path.is_file());
                match (sheets, list) {
                    (Some(sheets), list) => {
                        of_sheets(&mut source, group, &parts, sheets, list.as_deref())
                    }
                    (None, Some(list)) if !parts.iter().any(|path| path.is_dir()) => {
                        let folders = [place.join("images"), folder, place.clone()];
                        of_list(&mut source, group, name, &list, &folders);
                    }
                    (None, _) if files => {
                        return Err(DataError::Read {
                            path: folder,
                            why: "it holds files where class folders are expected; if they are \
                                  sheets of tiles, say how they lie with \
                                  tasks.sheets = { tile = PIXELS, columns = TILES }"
                                .into(),
                        });
                    }
                    (None, _) => of_folders(&mut source, group, &parts)?,
                }
            }
        }
        Ok(source.finish())
    }
}

/// A row of a list.
struct Row {
    line: u64,
    file: String,
    label: String,
    list: PathBuf,
}

fn read_list(path: &Path) -> Result<Vec<Row>, DataError> {
    let mut rows = Rows::open(path, Header::Present)?;
    let column = |name: &str| {
        rows.column(name).map_err(|error| DataError::Read {
            path: path.to_owned(),
            why: format!("{}; expected are filename,label", error.why()),
        })
    };
    let (file, label) = (column("filename")?, column("label")?);
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let line = row.line;
        let wrong = |why: &str| DataError::Read {
            path: path.to_owned(),
            why: format!("line {line}: {why}"),
        };
        if let Some(what) = row.uneven() {
            return Err(wrong(&what));
        }
        let (file, label) = (row.get(file), row.get(label));
        if file.is_empty() || label.is_empty() {
            return Err(wrong("filename or label is empty"));
        }
        all.push(Row {
            line,
            file: file.to_owned(),
            label: label.to_owned(),
            list: path.to_owned(),
        });
    }
    Ok(all)
}

impl Row {
    /// ImageNet's names start with the class; another label is a mistake.
    fn mislabelled(&self) -> Option<Problem> {
        let digits = self.file.strip_prefix('n')?.get(..8)?;
        let named = digits.bytes().all(|byte| byte.is_ascii_digit());
        let of_imagenet = named && self.label.len() == 9 && self.label.starts_with('n');
        (of_imagenet && !self.file.starts_with(&self.label)).then(|| {
            Problem::new(
                format!("{}, line {}", self.list.display(), self.line),
                format!(
                    "mislabelled: {} is of n{digits} by its name, not of {}",
                    self.file, self.label
                ),
            )
        })
    }
}

fn of_folders(source: &mut Source, group: Group, parts: &[PathBuf]) -> Result<(), DataError> {
    for class in parts.iter().filter(|path| path.is_dir()) {
        let (images, others): (Vec<_>, Vec<_>) = entries(class)?
            .into_iter()
            .partition(|path| is_image(&file_name(path)));
        source.problems.extend(
            others
                .iter()
                .map(|path| Problem::new(path.display().to_string(), "no image, by its name")),
        );
        source.classes.push(SourceClass {
            name: file_name(class),
            group,
            images: images.into_iter().map(ImageAt::File).collect(),
        });
    }
    Ok(())
}

fn of_list(source: &mut Source, group: Group, split: &str, list: &[Row], folders: &[PathBuf]) {
    let mut classes: BTreeMap<&str, Vec<ImageAt>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for row in list {
        source.problems.extend(row.mislabelled());
        let found = folders.iter().map(|folder| folder.join(&row.file));
        let mut problem = |what: String| {
            let file = format!("{}, line {}", row.list.display(), row.line);
            source.problems.push(Problem::new(file, what));
        };
        if !seen.insert(&row.file) {
            problem(format!("{} is listed twice", row.file));
            continue;
        }
        match found.into_iter().find(|path| path.is_file()) {
            Some(path) => {
                let images = classes.entry(&row.label).or_default();
                images.push(ImageAt::File(path));
            }
            None => problem(format!(
                "missing: {} is neither in images nor in {split} nor beside the list",
                row.file
            )),
        }
    }
    let classes = classes.into_iter().map(|(name, images)| SourceClass {
        name: name.to_owned(),
        group,
        images,
    });
    source.classes.extend(classes);
}

/// A sheet has as many tiles as fit into it, or as its class has rows in the list.
fn of_sheets(
    source: &mut Source,
    group: Group,
    parts: &[PathBuf],
    sheets: Sheets,
    list: Option<&[Row]>,
) {
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for row in list.unwrap_or_default() {
        source.problems.extend(row.mislabelled());
        *rows.entry(&row.label).or_default() += 1;
    }
    for sheet in parts.iter().filter(|path| is_image(&file_name(path))) {
        let name = sheet.file_stem().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let mut problem = |what: String| {
            let file = sheet.display().to_string();
            source.problems.push(Problem::new(file, what));
        };
        let tiles = match image::image_dimensions(sheet) {
            Ok((width, height)) => {
                let [columns, lines] = [width, height].map(|side| side as usize / sheets.tile);
                if columns != sheets.columns {
                    problem(format!(
                        "{width} pixels wide, where {} tiles of {} are {}",
                        sheets.columns,
                        sheets.tile,
                        sheets.columns * sheets.tile
                    ));
                    continue;
                }
                columns * lines
            }
            Err(error) => {
                problem(error.to_string());
                continue;
            }
        };
        let listed = match list {
            Some(_) => rows.remove(&name[..]),
            None => Some(tiles),
        };
        let images = match listed {
            None => {
                problem("mislabelled: the split's list has no such class".into());
                continue;
            }
            Some(listed) if listed > tiles => {
                problem(format!(
                    "{tiles} tiles, where the split's list has {listed}"
                ));
                tiles
            }
            Some(listed) => listed,
        };
        let tile = |tile| ImageAt::Tile {
            sheet: sheet.clone(),
            tile,
        };
        source.classes.push(SourceClass {
            name,
            group,
            images: (0..images).map(tile).collect(),
        });
    }
    let lists = list.and_then(|rows| rows.first());
    let missing = rows.into_keys().map(|name| {
        let list = lists.map_or(String::new(), |row| row.list.display().to_string());
        let what = format!("missing: the split has no sheet of its class {name}");
        Problem::new(list, what)
    });
    source.problems.extend(missing.collect::<Vec<_>>());
}
