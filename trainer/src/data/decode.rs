//! From files to bytes of one size.

use std::fs;
use std::io::{Cursor, Read};
use std::sync::Arc;

use image::imageops::FilterType;
use image::{DynamicImage, ImageReader};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

use super::{DataError, ImageAt, Problem, Source, SourceClass, read_error};

/// What images become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Width and height.
    pub size: usize,
    /// 1, grey, or 3, red, green, blue.
    pub channels: usize,
    /// Whether white becomes 0, so that ink is what counts.
    pub inverted: bool,
}

/// An archive in memory: its copies share the bytes and the list of entries.
type Archive = zip::ZipArchive<Cursor<Arc<[u8]>>>;

/// Decodes all images of every class, `[images, size, size, channels]`, on all
/// cores; resized by Lanczos where they are of another size.
///
/// # Errors
/// [`DataError::Problems`] with every file that cannot be decoded.
pub(super) fn classes(source: &Source, pixels: Pixels) -> Result<Vec<Vec<u8>>, DataError> {
    let archives = open(source)?;
    let bar = ProgressBar::new(source.images() as u64).with_style(
        ProgressStyle::with_template("decoding {msg} {wide_bar} {pos}/{len} {eta} left")
            // The template is constant and tested by every decoding.
            .expect("a valid template"),
    );
    bar.set_message(source.name.clone());
    let decoded: Vec<Result<Vec<u8>, Vec<Problem>>> = source
        .classes
        .par_iter()
        .map(|class| {
            let result = of_class(source, class, pixels, &archives);
            bar.inc(class.images.len() as u64);
            result
        })
        .collect();
    bar.finish_and_clear();
    let mut problems = source.problems.clone();
    let mut classes = Vec::with_capacity(decoded.len());
    for of_class in decoded {
        match of_class {
            Ok(bytes) => classes.push(bytes),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        return Ok(classes);
    }
    Err(DataError::Problems {
        what: format!("{} ({})", source.name, source.path.display()),
        unit: "file",
        problems,
    })
}

fn open(source: &Source) -> Result<Vec<Archive>, DataError> {
    let open = |path: &std::path::PathBuf| {
        let bytes: Arc<[u8]> = fs::read(path).map_err(read_error(path))?.into();
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| DataError::Read {
            path: path.clone(),
            why: error.to_string(),
        })
    };
    source.archives.iter().map(open).collect()
}

/// Decodes the images of one class; a sheet only once.
fn of_class(
    source: &Source,
    class: &SourceClass,
    pixels: Pixels,
    archives: &[Archive],
) -> Result<Vec<u8>, Vec<Problem>> {
    let mut archives = archives.to_vec();
    let mut bytes = Vec::new();
    let mut problems = Vec::new();
    let mut sheet: Option<(std::path::PathBuf, DynamicImage)> = None;
    for at in &class.images {
        let image = match at {
            ImageAt::File(path) => file(path),
            ImageAt::Zip { archive, entry } => match archives.get_mut(*archive) {
                Some(archive) => in_archive(archive, entry),
                None => Err("its archive is not open".into()),
            },
            ImageAt::Tile { sheet: path, tile } => {
                if sheet.as_ref().is_none_or(|(open, _)| open != path) {
                    match file(path) {
                        Ok(image) => sheet = Some((path.clone(), image)),
                        Err(what) => {
                            let file = path.display().to_string();
                            problems.push(Problem::new(file, what));
                            // One line for all of its tiles.
                            return Err(problems);
                        }
                    }
                }
                match (&sheet, source.sheets) {
                    (Some((_, image)), Some(sheets)) => {
                        let side = sheets.tile as u32;
                        let [x, y] = [tile % sheets.columns, tile / sheets.columns];
                        Ok(image.crop_imm(x as u32 * side, y as u32 * side, side, side))
                    }
                    _ => Err("it is not known how tiles lie".into()),
                }
            }
        };
        match image {
            Ok(image) => append(&mut bytes, &image, pixels),
            Err(what) => {
                let file = source.describe(at);
                problems.push(Problem::new(file, what));
            }
        }
    }
    match problems.is_empty() {
        true => Ok(bytes),
        false => Err(problems),
    }
}

fn file(path: &std::path::Path) -> Result<DynamicImage, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    from_bytes(&bytes)
}

fn in_archive(archive: &mut Archive, entry: &str) -> Result<DynamicImage, String> {
    let mut file = archive.by_name(entry).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    // Reading to the end compares the entry's checksum.
    file.read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    from_bytes(&bytes)
}

/// The content says what the format is; names lie more often.
fn from_bytes(bytes: &[u8]) -> Result<DynamicImage, String> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let reader = reader.map_err(|error| error.to_string())?;
    reader.decode().map_err(|error| error.to_string())
}

fn append(bytes: &mut Vec<u8>, image: &DynamicImage, pixels: Pixels) {
    let size = pixels.size as u32;
    let of_size = |image: DynamicImage| match (image.width(), image.height()) == (size, size) {
        true => image,
        false => image.resize_exact(size, size, FilterType::Lanczos3),
    };
    let start = bytes.len();
    match pixels.channels {
        1 => bytes.extend(of_size(image.to_luma8().into()).into_luma8().into_raw()),
        _ => bytes.extend(of_size(image.to_rgb8().into()).into_rgb8().into_raw()),
    }
    if pixels.inverted {
        for value in &mut bytes[start..] {
            *value = 255 - *value;
        }
    }
}
