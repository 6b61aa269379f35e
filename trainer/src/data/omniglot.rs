//! Omniglot (Lake, Salakhutdinov, Tenenbaum 2015): 1623 characters of 50
//! alphabets, each drawn by 20 people.
//!
//! Read from the two archives of the official release, or from their extracted
//! folders: `images_background/ALPHABET/characterNN/CCCC_DD.png` and the same in
//! `images_evaluation`, with the number `CCCC` of the character and `DD` of who
//! drew it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use super::source::{entries, file_name, hidden, is_image};
use super::{DataError, Group, ImageAt, Problem, Source, SourceClass, read_error};
use crate::locations;

/// One of the two parts that Omniglot comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OmniglotPart {
    /// 964 characters of 30 alphabets.
    Background,
    /// 659 characters of 20 alphabets.
    Evaluation,
}

impl OmniglotPart {
    /// Name of the folder, and of the archive without `.zip`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Background => "images_background",
            Self::Evaluation => "images_evaluation",
        }
    }

    fn group(self) -> Group {
        match self {
            Self::Background => Group::Train,
            Self::Evaluation => Group::Test,
        }
    }
}

const PARTS: [OmniglotPart; 2] = [OmniglotPart::Background, OmniglotPart::Evaluation];

const REMEDY: &str = "put images_background.zip and images_evaluation.zip, from the folder `python` \
                      of https://github.com/brendenlake/omniglot, into a folder and name it with \
                      --data, MAMLET_DATA or tasks.path";

/// Finds Omniglot at `path`, or where the user said, and lists its characters.
///
/// # Errors
/// [`DataError`] where either part is missing or cannot be listed.
pub fn omniglot(path: &Path) -> Result<Source, DataError> {
    let looked = locations::candidates(path);
    let there = |place: &Path, part: OmniglotPart| {
        place.join(part.name()).is_dir() || archive(place, part).is_file()
    };
    let not_found = |what: String| DataError::NotFound {
        what,
        looked: looked.clone(),
        remedy: REMEDY.into(),
    };
    let place = looked
        .iter()
        .find(|place| PARTS.iter().any(|&part| there(place, part)))
        .ok_or_else(|| not_found("Omniglot".into()))?;
    let mut source = Source {
        name: "omniglot".into(),
        path: place.clone(),
        classes: Vec::new(),
        archives: Vec::new(),
        sheets: None,
        problems: Vec::new(),
    };
    for part in PARTS {
        if !there(place, part) {
            let what = format!("{} of Omniglot, folder or .zip", part.name());
            return Err(not_found(what));
        }
        let folder = place.join(part.name());
        let images = match folder.is_dir() {
            true => in_folder(&folder, part)?,
            false => in_archive(&archive(place, part), source.archives.len())?,
        };
        if images.is_empty() {
            return Err(not_found(format!("images in {} of Omniglot", part.name())));
        }
        if !folder.is_dir() {
            source.archives.push(archive(place, part));
        }
        collect(&mut source, images, part);
    }
    Ok(source.finish())
}

fn archive(place: &Path, part: OmniglotPart) -> std::path::PathBuf {
    place.join(format!("{}.zip", part.name()))
}

/// Images with their names `ALPHABET/characterNN/CCCC_DD.png`.
type Named = Vec<(String, ImageAt)>;

fn in_folder(folder: &Path, part: OmniglotPart) -> Result<Named, DataError> {
    // Some extract the archive into a folder of its name.
    let inner = folder.join(part.name());
    let folder = if inner.is_dir() { &inner } else { folder };
    let mut images = Named::new();
    for alphabet in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        for character in entries(&alphabet)?.into_iter().filter(|path| path.is_dir()) {
            for image in entries(&character)? {
                let names = [&alphabet, &character, &image].map(|path| file_name(path));
                images.push((names.join("/"), ImageAt::File(image)));
            }
        }
    }
    Ok(images)
}

fn in_archive(path: &Path, archive: usize) -> Result<Named, DataError> {
    let file = File::open(path).map_err(read_error(path))?;
    let zip =
        zip::ZipArchive::new(std::io::BufReader::new(file)).map_err(|error| DataError::Read {
            path: path.to_owned(),
            why: format!("{error}; the archive may be cut off, download it again"),
        })?;
    let images = zip.file_names().filter_map(|entry| {
        let mut names: Vec<&str> = entry.rsplit('/').take(3).collect();
        names.reverse();
        let meant = names.len() == 3 && !entry.split('/').any(hidden) && !names[2].is_empty();
        meant.then(|| {
            let entry = entry.to_owned();
            (names.join("/"), ImageAt::Zip { archive, entry })
        })
    });
    Ok(images.collect())
}

/// Images become classes; the number in a file's name must be that of its
/// character.
fn collect(source: &mut Source, images: Named, part: OmniglotPart) {
    let mut characters: BTreeMap<String, Vec<(String, ImageAt)>> = BTreeMap::new();
    for (name, image) in images {
        let Some((character, file)) = name.rsplit_once('/') else {
            continue;
        };
        let of = characters.entry(character.to_owned()).or_default();
        of.push((file.to_owned(), image));
    }
    let mut numbers: BTreeMap<String, String> = BTreeMap::new();
    for (character, mut images) in characters {
        images.sort_by(|a, b| a.0.cmp(&b.0));
        let number = |file: &str| file.split('_').next().unwrap_or("").to_owned();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (file, _) in &images {
            *counts.entry(number(file)).or_default() += 1;
        }
        // The number that most of the files carry.
        let own = counts.iter().max_by_key(|(_, count)| **count);
        let own = own.map_or(String::new(), |(number, _)| number.clone());
        let mut problem = |image: &ImageAt, what: String| {
            let file = source.describe(image);
            source.problems.push(Problem::new(file, what));
        };
        for (file, image) in &images {
            if !is_image(file) {
                problem(image, "no image, by its name".into());
            } else if number(file) != own {
                problem(
                    image,
                    format!(
                        "mislabelled: character {} by its name, in {character}, whose others are \
                         {own}",
                        number(file)
                    ),
                );
            }
        }
        if let Some(other) = numbers.insert(own.clone(), character.clone())
            && let Some((_, image)) = images.first()
        {
            problem(
                image,
                format!("mislabelled: {character} and {other} are both character {own}"),
            );
        }
        source.classes.push(SourceClass {
            name: format!("{}/{character}", part.name()),
            group: part.group(),
            images: images.into_iter().map(|(_, image)| image).collect(),
        });
    }
}
