//! Decoded images as one file, so that a data set is decoded once.
//!
//! ```text
//! "mamlet images 2\n"   what it is
//! u64                   identity of the source and of how it was decoded
//! u32                   length of the list
//! postcard              the list: shape, classes, what images turned out to be
//! bytes                 pixels
//! u64                   CRC-64/XZ of all before it
//! ```
//!
//! All numbers little-endian. A file that is cut off, damaged or of another
//! source is written again.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::bank::ClassImages;
use super::picture::Found;

const MAGIC: &[u8; 16] = b"mamlet images 2\n";

/// The checksum of caches and of the identity of sources.
pub(super) const CRC: crc::Crc<u64, crc::Table<16>> =
    crc::Crc::<u64, crc::Table<16>>::new(&crc::CRC_64_XZ);

/// What is decoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Decoded {
    /// Height and width.
    pub size: usize,
    pub channels: usize,
    pub classes: Vec<ClassImages>,
    pub found: Found,
    #[serde(skip)]
    pub pixels: Vec<u8>,
}

impl Decoded {
    /// The value of an image, one a channel, where all its pixels have the same.
    pub fn value(&self, image: usize) -> Option<&[u8]> {
        let length = self.size * self.size * self.channels;
        let bytes = self.pixels.get(image * length..(image + 1) * length)?;
        let first = bytes.get(..self.channels)?;
        let mut pixels = bytes.chunks(self.channels);
        pixels.all(|pixel| pixel == first).then_some(first)
    }

    /// Bytes that the classes should have.
    fn bytes(&self) -> Option<u64> {
        let last = self.classes.last();
        let images = last.map_or(Some(0), |class| class.first.checked_add(class.count))?;
        let of_image = self
            .size
            .checked_mul(self.size)?
            .checked_mul(self.channels)?;
        u64::try_from(images.checked_mul(of_image)?).ok()
    }
}

/// The file of a data set in a cache folder.
pub(super) fn file(folder: &Path, name: &str, digest: u64) -> PathBuf {
    folder.join(format!("{name}-{digest:016x}.images"))
}

/// The images in a file, or why there are none.
pub(super) fn read(path: &Path, digest: u64) -> io::Result<Decoded> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut reader = BufReader::new(file);
    let mut sum = CRC.digest();
    let mut head = [0; 28];
    reader.read_exact(&mut head)?;
    sum.update(&head);
    let number = |from: usize, to: usize| {
        let bytes = head[from..to].iter().rev();
        bytes.fold(0u64, |number, &byte| number << 8 | u64::from(byte))
    };
    if &head[..16] != MAGIC || number(16, 24) != digest {
        return Err(wrong("it is no cache of this data set"));
    }
    let list = number(24, 28);
    if list > length {
        return Err(wrong("it is cut off"));
    }
    let mut text = vec![0; list as usize];
    reader.read_exact(&mut text)?;
    sum.update(&text);
    let mut decoded: Decoded =
        postcard::from_bytes(&text).map_err(|_| wrong("its list is damaged"))?;
    let pixels = decoded
        .bytes()
        .filter(|pixels| 28 + list + pixels + 8 == length);
    let pixels = pixels.ok_or_else(|| wrong("it is cut off"))?;
    decoded.pixels = vec![0; pixels as usize];
    reader.read_exact(&mut decoded.pixels)?;
    sum.update(&decoded.pixels);
    let mut expected = [0; 8];
    reader.read_exact(&mut expected)?;
    if sum.finalize() != u64::from_le_bytes(expected) {
        return Err(wrong("its checksum is wrong"));
    }
    Ok(decoded)
}

/// Writes a file beside its place and renames it.
pub(super) fn write(path: &Path, digest: u64, decoded: &Decoded) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let beside = path.with_extension(format!("images.{}", std::process::id()));
    let list = postcard::to_stdvec(decoded).map_err(io::Error::other)?;
    let mut head = Vec::with_capacity(28 + list.len());
    head.extend(MAGIC);
    head.extend(digest.to_le_bytes());
    head.extend((list.len() as u32).to_le_bytes());
    head.extend(&list);
    let mut sum = CRC.digest();
    sum.update(&head);
    sum.update(&decoded.pixels);
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(&head)?;
        file.write_all(&decoded.pixels)?;
        file.write_all(&sum.finalize().to_le_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}
