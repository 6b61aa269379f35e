//! From files to bytes of one size.

use std::fs;
use std::io::{Cursor, Read};
use std::sync::Arc;

use image::DynamicImage;
use image::imageops::FilterType;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

use super::picture::{self, Found, Ground};
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
    /// What shows where images are transparent.
    pub ground: Ground,
    /// Bits of values that are stored in 16; by the largest of them all where `None`.
    pub depth: Option<u32>,
}

/// An archive in memory: its copies share the bytes and the list of entries.
type Archive = zip::ZipArchive<Cursor<Arc<[u8]>>>;

/// Images of every class, `[images, size, size, channels]`.
pub(super) type Classes = Vec<Vec<u8>>;

/// Decodes all images of every class on all cores; resized by Lanczos where they are of
/// another size.
///
/// # Errors
/// [`DataError::Problems`] with every file that cannot be decoded.
pub(super) fn classes(source: &Source, pixels: Pixels) -> Result<(Classes, Found), DataError> {
    let archives = open(source)?;
    let of_bits = |bits| with_depth(source, pixels, bits, &archives);
    let (classes, found) = of_bits(pixels.depth.unwrap_or(u16::BITS))?;
    // Only all of them say how deep each is.
    match found.deep > 0 && pixels.depth.is_none() && found.needed() < u16::BITS {
        true => of_bits(found.needed()),
        false => Ok((classes, found)),
    }
}

fn with_depth(
    source: &Source,
    pixels: Pixels,
    bits: u32,
    archives: &[Archive],
) -> Result<(Classes, Found), DataError> {
    let bar = ProgressBar::new(source.images() as u64).with_style(
        ProgressStyle::with_template("decoding {msg} {wide_bar} {pos}/{len} {eta} left")
            // The template is constant and tested by every decoding.
            .expect("a valid template"),
    );
    bar.set_message(source.name.clone());
    let decoded: Vec<Result<Decoded, Vec<Problem>>> = source
        .classes
        .par_iter()
        .map(|class| {
            let result = of_class(source, class, pixels, bits, archives);
            bar.inc(class.images.len() as u64);
            result
        })
        .collect();
    bar.finish_and_clear();
    let mut problems = source.problems.clone();
    let mut classes = Vec::with_capacity(decoded.len());
    let mut found = Found::default();
    for of_class in decoded {
        match of_class {
            Ok((bytes, own)) => {
                classes.push(bytes);
                found = found.and(own);
            }
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        return Ok((classes, found));
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

/// The values of the images of a class, and what was found in their files.
type Decoded = (Vec<u8>, Found);

/// Decodes the images of one class; a sheet only once.
fn of_class(
    source: &Source,
    class: &SourceClass,
    pixels: Pixels,
    bits: u32,
    archives: &[Archive],
) -> Result<Decoded, Vec<Problem>> {
    let mut all = Found::default();
    let mut decode = |bytes: Vec<u8>| {
        let (image, found) = picture::decode(&bytes, pixels.ground, bits)?;
        all = all.and(found);
        Ok(image)
    };
    let mut archives = archives.to_vec();
    let mut bytes = Vec::new();
    let mut problems = Vec::new();
    let mut sheet: Option<(std::path::PathBuf, DynamicImage)> = None;
    for at in &class.images {
        let image = match at {
            ImageAt::File(path) => file(path).and_then(&mut decode),
            ImageAt::Zip { archive, entry } => match archives.get_mut(*archive) {
                Some(archive) => in_archive(archive, entry).and_then(&mut decode),
                None => Err("its archive is not open".into()),
            },
            ImageAt::Tile { sheet: path, tile } => {
                if sheet.as_ref().is_none_or(|(open, _)| open != path) {
                    match file(path).and_then(&mut decode) {
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
        true => Ok((bytes, all)),
        false => Err(problems),
    }
}

fn file(path: &std::path::Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| error.to_string())
}

fn in_archive(archive: &mut Archive, entry: &str) -> Result<Vec<u8>, String> {
    let mut file = archive.by_name(entry).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    // Reading to the end compares the entry's checksum.
    file.read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    Ok(bytes)
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
