//! The files of a folder.

use std::path::{Path, PathBuf};

use crate::data::folder::split_folders;
use crate::data::source::{entries, file_name};
use crate::data::{DataError, Group};

/// A file of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::data) struct File {
    pub path: PathBuf,
    /// Its path below the data set's folder or its split's.
    pub below: PathBuf,
    /// The split of its folder, where folders are splits.
    pub group: Option<Group>,
}

/// Folders in folders, at most.
const DEPTH: usize = 8;
/// What names of files of rows end in, and `.gz` after it.
pub(super) const EXTENSIONS: [&str; 4] = ["csv", "json", "tsv", "txt"];

/// Which of these a name ends in.
pub(super) fn extension(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let (_, own) = name.rsplit_once('.')?;
    EXTENSIONS.into_iter().find(|&known| known == own)
}

impl File {
    /// The files of rows in a folder and the folders in it, or in its split folders.
    pub fn all(place: &Path) -> Result<Vec<Self>, DataError> {
        let mut all = Vec::new();
        let folders = split_folders(place);
        if folders.is_empty() {
            add(&mut all, place, None, place, DEPTH)?;
        }
        for (group, folder) in folders {
            add(&mut all, &folder, Some(group), &folder, DEPTH)?;
        }
        Ok(all)
    }
}

fn add(
    all: &mut Vec<File>,
    folder: &Path,
    group: Option<Group>,
    root: &Path,
    depth: usize,
) -> Result<(), DataError> {
    for path in entries(folder)? {
        if path.is_dir() {
            if depth > 0 {
                add(all, &path, group, root, depth - 1)?;
            }
        } else if extension(&file_name(&path)).is_some() {
            let below = path.strip_prefix(root).unwrap_or(&path).to_owned();
            all.push(File { path, below, group });
        }
    }
    Ok(())
}

/// Which files a layout asks for.
pub(in crate::data) struct Files {
    pattern: glob::Pattern,
    /// Whether it is compared with paths, not with names.
    of_paths: bool,
}

impl Files {
    pub fn new(pattern: &str) -> Option<Self> {
        Some(Self {
            pattern: glob::Pattern::new(pattern).ok()?,
            of_paths: pattern.contains('/'),
        })
    }

    /// The places of the files that it asks for. A name asks for files of folders only
    /// where the data set's own has none.
    pub fn choose(&self, files: &[File]) -> Vec<usize> {
        let asked = files.iter().enumerate().filter(|(_, file)| self.has(file));
        let mut asked: Vec<usize> = asked.map(|(at, _)| at).collect();
        let own = |at: &usize| files[*at].below.components().count() == 1;
        if !self.of_paths && asked.iter().any(own) {
            asked.retain(own);
        }
        asked
    }

    fn has(&self, file: &File) -> bool {
        let options = glob::MatchOptions {
            case_sensitive: false,
            require_literal_separator: true,
            require_literal_leading_dot: false,
        };
        let text = match self.of_paths {
            true => {
                let parts = file.below.iter().map(|part| part.to_string_lossy());
                parts.collect::<Vec<_>>().join("/")
            }
            false => file_name(&file.below),
        };
        let packed = text
            .len()
            .checked_sub(3)
            .and_then(|at| text.split_at_checked(at));
        let unpacked = packed.filter(|(_, end)| end.eq_ignore_ascii_case(".gz"));
        let matches = |text: &str| self.pattern.matches_with(text, options);
        matches(&text) || unpacked.is_some_and(|(name, _)| matches(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::Fixture;

    fn found(names: &[&str], pattern: &str) -> Vec<String> {
        let fixture = Fixture::empty();
        for name in names {
            fixture.put(name, b"");
        }
        let files = File::all(fixture.path()).unwrap();
        let chosen = Files::new(pattern).unwrap().choose(&files).into_iter();
        let below = chosen.map(|at| files[at].below.to_string_lossy().replace('\\', "/"));
        below.collect()
    }

    #[test]
    fn files_are_found_by_name_or_path() {
        let flat = [
            "A.CSV", "b.csv", "c.csv.gz", "d.CSV.GZ", "notes.md", ".e.csv",
        ];
        let all = ["A.CSV", "b.csv", "c.csv.gz", "d.CSV.GZ"];
        assert_eq!(found(&flat, "*.csv"), all);
        assert_eq!(found(&flat, "c*.csv"), ["c.csv.gz"]);
        assert_eq!(found(&["wave.1.json"], "*.json"), ["wave.1.json"]);
        let deep = [
            "anna/1_sw.csv",
            "anna/1_hw.csv",
            "bert/3_sw.csv",
            "bert/old/2_sw.csv",
        ];
        assert_eq!(
            found(&deep, "*/*_sw.csv"),
            ["anna/1_sw.csv", "bert/3_sw.csv"]
        );
        assert_eq!(found(&deep, "**/*_sw.csv").len(), 3);
        assert_eq!(found(&deep, "*_sw.csv").len(), 3);
        assert_eq!(found(&["a.csv", "more/b.csv"], "*.csv"), ["a.csv"]);
        assert_eq!(found(&["a.csv"], "b*"), [""; 0]);
    }

    #[test]
    fn split_folders_are_searched_alike() {
        let fixture = Fixture::empty();
        for name in ["list.csv", "train/a.csv", "test/anna/b.csv"] {
            fixture.put(name, b"");
        }
        let found: Vec<_> = (File::all(fixture.path()).unwrap().into_iter())
            .map(|file| (file.group, file.below))
            .collect();
        let expected = [
            (Some(Group::Train), "a.csv".into()),
            (Some(Group::Test), "anna/b.csv".into()),
        ];
        assert_eq!(found, expected);
    }
}
