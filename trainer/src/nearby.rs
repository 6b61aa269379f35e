//! What somebody may have meant by a path that is not there.

use std::path::{Path, PathBuf};

/// How alike two names are, from 0 to 1, that may be meant for one another.
const ALIKE: f64 = 0.85;

/// The path most like one that is not there: beside it, or in `runs`.
pub(crate) fn nearby(path: &Path, wanted: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let name = path.file_stem()?.to_string_lossy().to_lowercase();
    let beside = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new(""),
    };
    let mut best: Option<(f64, PathBuf)> = None;
    for folder in [beside, Path::new("runs")] {
        for found in entries(folder).into_iter().filter(|found| wanted(found)) {
            let own = found.file_stem().unwrap_or_default().to_string_lossy();
            let alike = strsim::jaro_winkler(&name, &own.to_lowercase());
            if alike >= ALIKE && best.as_ref().is_none_or(|(most, _)| alike > *most) {
                best = Some((alike, found));
            }
        }
    }
    best.map(|(_, found)| found)
}

/// The first runs in a folder, by their paths.
pub(crate) fn runs_in(folder: &Path) -> Vec<String> {
    let all = entries(folder).into_iter();
    all.filter(|found| found.join("config.toml").is_file())
        .take(5)
        .map(|found| found.display().to_string())
        .collect()
}

/// The folders in a folder, sorted.
pub(crate) fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let all = entries(folder).into_iter();
    all.filter(|found| found.is_dir()).collect()
}

/// What is in a folder, sorted; nothing where it cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let here = folder.as_os_str().is_empty();
    let read = std::fs::read_dir(if here { Path::new(".") } else { folder });
    let entries = read.into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    let mut all: Vec<PathBuf> = names
        .filter(|name| !name.to_string_lossy().starts_with('.'))
        .map(|name| folder.join(name))
        .collect();
    all.sort();
    all
}
