//! All images of a data set in memory, one byte a value.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::{Deserialize, Serialize};

use super::cache::{self, Decoded};
use super::decode::{self, Pixels};
use super::picture::Found;
use super::{DataError, Group, Pick, Problem, Source, SourceClass};
use crate::locations;
use crate::nn::Shape;

/// One class of a bank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassImages {
    /// Its name.
    pub name: String,
    /// The part of the data set it was found in.
    pub group: Group,
    /// Index of its first image.
    pub first: usize,
    /// Number of its images.
    pub count: usize,
    /// Sum and sum of squares of its values, per channel.
    sums: Vec<[u64; 2]>,
}

/// How bytes become what a network is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalise {
    /// `x / 255`, in [0, 1].
    #[default]
    Unit,
    /// `(x / 255 − mean) / σ`, with mean and standard deviation of each channel
    /// over the training classes.
    Standard,
}

/// All images of a data set.
pub struct Bank {
    identity: (u64, Normalise),
    pub(super) images: Arc<Decoded>,
    /// Factor and summand of every channel.
    pub(super) affine: Vec<[f32; 2]>,
    /// Copies on devices, each a [`Resident`](super::resident::Resident).
    pub(super) resident: Mutex<Vec<Box<dyn Any + Send>>>,
}

/// Banks in use, so that opening one again costs nothing.
static OPEN: Mutex<Vec<Weak<Bank>>> = Mutex::new(Vec::new());

impl Bank {
    /// The images of a source: those in use, else those of the cache, else decoded
    /// and then cached.
    ///
    /// # Errors
    /// [`DataError`] with every file that cannot be used. A cache that cannot
    /// be read or written is no error; it is reported on standard error.
    pub fn open(
        source: &Source,
        pixels: Pixels,
        normalise: Normalise,
    ) -> Result<Arc<Self>, DataError> {
        let mut digest = cache::CRC.digest();
        digest.update(&source.digest()?.to_le_bytes());
        digest.update(format!("{pixels:?}").as_bytes());
        let identity = (digest.finalize(), normalise);
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|bank| bank.strong_count() > 0);
        let used: Vec<Arc<Self>> = open.iter().filter_map(Weak::upgrade).collect();
        if let Some(bank) = used.iter().find(|bank| bank.identity == identity) {
            return Ok(bank.clone());
        }
        let same = used.iter().find(|bank| bank.identity.0 == identity.0);
        let images = match same {
            Some(bank) => bank.images.clone(),
            None => Arc::new(decoded(source, pixels, identity.0)?),
        };
        let blank = blank_classes(&images, source);
        if !blank.is_empty() {
            return Err(DataError::Problems {
                what: format!("{} ({})", source.name, source.path.display()),
                unit: "class",
                problems: blank,
            });
        }
        let bank = Arc::new(Self {
            identity,
            affine: affine(&images, normalise),
            images,
            resident: Mutex::default(),
        });
        open.push(Arc::downgrade(&bank));
        Ok(bank)
    }

    /// Its classes, training classes first.
    pub fn classes(&self) -> &[ClassImages] {
        &self.images.classes
    }

    /// Shape of one image.
    pub fn shape(&self) -> Shape {
        Shape::Image {
            height: self.images.size,
            width: self.images.size,
            channels: self.images.channels,
        }
    }

    pub(super) fn features(&self) -> usize {
        self.images.size * self.images.size * self.images.channels
    }

    /// What the images turned out to be.
    pub fn found(&self) -> Found {
        self.images.found
    }

    /// Images that are of one value all over, each as the index of its class and its
    /// place there.
    pub fn blank(&self) -> Vec<(usize, usize)> {
        let of_class = |(index, class): (usize, &ClassImages)| {
            let blank = (0..class.count).filter(|at| self.images.value(class.first + at).is_some());
            blank.map(move |at| (index, at)).collect::<Vec<_>>()
        };
        let classes = self.images.classes.iter().enumerate();
        classes.flat_map(of_class).collect()
    }

    /// The bytes of an image, `[height, width, channels]`.
    pub fn bytes(&self, image: usize) -> &[u8] {
        &self.images.pixels[image * self.features()..][..self.features()]
    }

    /// Appends what a network is shown of an image.
    pub(super) fn append(&self, pick: Pick, turns: &[Vec<u32>; 4], values: &mut Vec<f32>) {
        let bytes = self.bytes(pick.image as usize);
        let (size, channels) = (self.images.size, self.images.channels);
        let from = &turns[usize::from(pick.quarter_turns % 4)];
        let byte = |at: usize| f32::from(bytes[from[at] as usize]);
        let normalised = |at: usize, byte: f32| {
            let [factor, summand] = self.affine[at % channels];
            byte * factor + summand
        };
        let Some(distortion) = pick.distortion else {
            values.extend((0..from.len()).map(|at| normalised(at, byte(at))));
            return;
        };
        for pixel in 0..size * size {
            let sources = distortion.sources(size, pixel / size, pixel % size);
            for channel in 0..channels {
                let mixed = sources.map(|(from, share)| share * byte(from * channels + channel));
                values.push(normalised(channel, mixed.iter().sum()));
            }
        }
    }

    /// For 0 to 3 quarter turns against the clock, where every value of a
    /// turned image comes from.
    pub(super) fn turns(&self) -> [Vec<u32>; 4] {
        let (size, channels) = (self.images.size, self.images.channels);
        let turned = |row: usize, column: usize, turns: usize| {
            (0..turns).fold([row, column], |[row, column], _| [column, size - 1 - row])
        };
        std::array::from_fn(|turns| {
            let positions = (0..size).flat_map(|row| (0..size).map(move |column| (row, column)));
            let from = positions.flat_map(|(row, column)| {
                let [row, column] = turned(row, column, turns);
                (0..channels).map(move |channel| (row * size + column) * channels + channel)
            });
            from.map(|at| at as u32).collect()
        })
    }
}

impl PartialEq for Bank {
    fn eq(&self, other: &Self) -> bool {
        self.identity == other.identity
    }
}

impl std::fmt::Debug for Bank {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bank")
            .field("classes", &self.images.classes.len())
            .field("shape", &self.shape())
            .finish_non_exhaustive()
    }
}

fn decoded(source: &Source, pixels: Pixels, digest: u64) -> Result<Decoded, DataError> {
    let place = locations::cache().map(|folder| cache::file(&folder, &source.name, digest));
    // What names alone tell is wrong is reported together with the rest.
    if let Some(path) = place.as_ref().filter(|_| source.problems.is_empty()) {
        match cache::read(path, digest) {
            Ok(decoded) => return Ok(decoded),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => eprintln!("{}: {error}; decoding again", path.display()),
        }
    }
    let (classes, found) = decode::classes(source, pixels)?;
    let mut first = 0;
    let list = source.classes.iter().zip(&classes).map(|(class, bytes)| {
        let mut sums = vec![[0; 2]; pixels.channels];
        for (at, &byte) in bytes.iter().enumerate() {
            let [sum, squares] = &mut sums[at % pixels.channels];
            *sum += u64::from(byte);
            *squares += u64::from(byte) * u64::from(byte);
        }
        let count = class.images.len();
        first += count;
        ClassImages {
            name: class.name.clone(),
            group: class.group,
            first: first - count,
            count,
            sums,
        }
    });
    let decoded = Decoded {
        size: pixels.size,
        channels: pixels.channels,
        classes: list.collect(),
        found,
        pixels: classes.concat(),
    };
    if let Some(path) = place
        && let Err(error) = cache::write(&path, digest, &decoded)
    {
        eprintln!(
            "cannot write {}: {error}; the data is decoded again next time (--cache says where to \
             keep it)",
            path.display()
        );
    }
    Ok(decoded)
}

/// Classes of several images that are one value all over, and the same in each.
fn blank_classes(images: &Decoded, source: &Source) -> Vec<Problem> {
    let of =
        |(class, files): (&ClassImages, &SourceClass)| {
            let value = images.value(class.first).filter(|_| class.count > 1)?;
            let mut others = class.first..class.first + class.count;
            let first = files.images.first().map(|image| source.describe(image));
            others.all(|image| images.value(image) == Some(value)).then(|| {
            Problem::new(
                first.unwrap_or_default(),
                format!(
                    "this and all other images of class {} are one value all over, {value:?}: \
                     look at the files; if they are transparent, tasks.ground says on what they \
                     are shown",
                    class.name
                ),
            )
        })
        };
    let classes = images.classes.iter().zip(&source.classes);
    classes.filter_map(of).collect()
}

/// Factor and summand of every channel.
fn affine(images: &Decoded, normalise: Normalise) -> Vec<[f32; 2]> {
    let unit = [1.0 / 255.0, 0.0];
    if normalise == Normalise::Unit {
        return vec![unit; images.channels];
    }
    let training = images.classes.iter();
    let training: Vec<_> = training
        .filter(|class| class.group == Group::Train)
        .collect();
    let count: usize = training.iter().map(|class| class.count).sum();
    let values = (count * images.size * images.size).max(1) as f64;
    let of_channel = |channel: usize| {
        let sum = |at: usize| {
            let sums = training.iter().map(|class| class.sums[channel][at] as f64);
            sums.sum::<f64>() / values
        };
        let (mean, squares) = (sum(0), sum(1));
        // A channel that is the same everywhere stays as it is.
        let sigma = (squares - mean * mean).max(0.0).sqrt();
        let sigma = if sigma > 0.0 { sigma } else { 1.0 };
        [(1.0 / sigma) as f32, (-mean / sigma) as f32]
    };
    (0..images.channels).map(of_channel).collect()
}
