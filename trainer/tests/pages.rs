//! The pages of the project: what they name is there.

use std::fs;
use std::path::{Path, PathBuf};

/// A README is read to its end in two minutes.
const README_BYTES: usize = 10_240;

fn root() -> PathBuf {
    let trainer = Path::new(env!("CARGO_MANIFEST_DIR"));
    trainer.parent().unwrap().to_owned()
}

/// The files below a folder with one of these extensions.
fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                found.extend(files(&path, extensions));
            }
        } else if extensions
            .iter()
            .any(|&own| path.extension() == Some(own.as_ref()))
        {
            found.push(path);
        }
    }
    found
}

/// The files of all packages, and the README.
fn everything(extensions: &[&str]) -> Vec<PathBuf> {
    let packages = ["firmware-examples", "formats", "runtime", "trainer"];
    let mut all = vec![root().join("README.md")];
    all.extend(
        packages
            .iter()
            .flat_map(|package| files(&root().join(package), extensions)),
    );
    all
}

fn pages() -> Vec<PathBuf> {
    let pages = everything(&["md"]);
    assert!(pages.len() > 12, "{pages:?}");
    pages
}

/// The lines of a page that are not in a code fence.
fn prose(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let mut fenced = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push(line.to_owned());
        }
    }
    lines
}

/// What stands between `open` and `close`, wherever that is.
fn between<'a>(line: &'a str, open: &str, close: char) -> Vec<&'a str> {
    let parts = line.split(open).skip(1);
    parts.filter_map(|part| part.split(close).next()).collect()
}

/// The anchors of a page's headings, made as GitHub makes them.
fn anchors(page: &Path) -> Vec<String> {
    let headings = prose(page).into_iter().filter(|line| line.starts_with('#'));
    headings
        .map(|heading| {
            let title = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
            title
                .chars()
                .filter(kept)
                .collect::<String>()
                .replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let mut links = 0;
    for page in pages() {
        for line in prose(&page) {
            let mut targets = between(&line, "](", ')');
            targets.extend(between(&line, "src=\"", '"'));
            targets.extend(between(&line, "srcset=\"", '"'));
            for target in targets.into_iter().filter(|link| !link.contains("://")) {
                let at = format!("{}: {target}", page.display());
                let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
                let file = match path.is_empty() {
                    true => page.clone(),
                    false => page.parent().unwrap().join(path),
                };
                assert!(file.exists(), "{at}: there is no such file");
                if !anchor.is_empty() {
                    let anchors = anchors(&file);
                    assert!(
                        anchors.iter().any(|heading| heading == anchor),
                        "{at}: its headings are {anchors:?}"
                    );
                }
                links += 1;
            }
        }
    }
    assert!(links > 100, "{links}");
}

#[test]
fn every_config_that_is_named_is_there() {
    const FOLDER: &str = "trainer/configs/";
    let mut named = 0;
    for file in everything(&["md", "rs", "toml"]) {
        let text = fs::read_to_string(&file).unwrap();
        for rest in text.split(FOLDER).skip(1) {
            let of_path = |c: char| c.is_alphanumeric() || "-_./".contains(c);
            let path = rest.split(|c| !of_path(c)).next().unwrap_or_default();
            // With a `*` or a variable it is not a path.
            if path.ends_with(".toml") {
                let path = root().join(FOLDER).join(path);
                assert!(path.is_file(), "{}: {}", file.display(), path.display());
                named += 1;
            }
        }
    }
    assert!(named > 50, "{named}");
}

#[test]
fn the_readme_is_short() {
    let bytes = fs::read(root().join("README.md")).unwrap().len();
    assert!(bytes <= README_BYTES, "{bytes} of {README_BYTES} bytes");
}
