//! All images of a data set in memory, one byte a value, and sets of them by
//! index.

use std::any::Any;
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use burn::tensor::{ElementConversion, Int, Tensor, TensorData, backend::Backend};
use serde::{Deserialize, Serialize};

use super::cache::{self, Decoded};
use super::decode::{self, Pixels};
use super::{DataError, Group, Source, places};
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
    images: Arc<Decoded>,
    /// Factor and summand of every channel.
    affine: Vec<[f32; 2]>,
    /// Copies on devices, each a [`Resident`].
    resident: Mutex<Vec<Box<dyn Any + Send>>>,
}

/// The images on a device: words `[images, words]` of four bytes each, and for
/// each number of quarter turns where every value of an image comes from.
struct Resident<B: Backend> {
    device: B::Device,
    words: Tensor<B, 2, Int>,
    turns: Tensor<B, 2, Int>,
    affine: [Tensor<B, 2>; 2],
}

impl<B: Backend> Clone for Resident<B> {
    fn clone(&self) -> Self {
        Self {
            device: self.device.clone(),
            words: self.words.clone(),
            turns: self.turns.clone(),
            affine: self.affine.clone(),
        }
    }
}

/// Banks in use, so that opening one again costs nothing.
static OPEN: Mutex<Vec<Weak<Bank>>> = Mutex::new(Vec::new());

impl Bank {
    /// The images of a source: those in use, or the cached, or decoded and then
    /// cached.
    ///
    /// # Errors
    /// [`DataError`] with every file that cannot be used. A cache that cannot
    /// be read or written is no error; it is said on standard error.
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

    fn features(&self) -> usize {
        self.images.size * self.images.size * self.images.channels
    }

    /// The bytes of an image, `[height, width, channels]`.
    pub fn bytes(&self, image: usize) -> &[u8] {
        &self.images.pixels[image * self.features()..][..self.features()]
    }

    /// Appends what a network is shown of an image.
    fn append(&self, pick: Pick, turns: &[Vec<u32>; 4], values: &mut Vec<f32>) {
        let bytes = self.bytes(pick.image as usize);
        let channels = self.images.channels;
        let value = |(at, from): (usize, &u32)| {
            let [factor, summand] = self.affine[at % channels];
            f32::from(bytes[*from as usize]) * factor + summand
        };
        let from = &turns[usize::from(pick.quarter_turns % 4)];
        values.extend(from.iter().enumerate().map(value));
    }

    /// For 0 to 3 quarter turns against the clock, where every value of a
    /// turned image comes from.
    fn turns(&self) -> [Vec<u32>; 4] {
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

    /// The copy of the images on a device, made when first asked for.
    fn resident<B: Backend>(&self, device: &B::Device) -> Resident<B> {
        let mut resident = self.resident.lock().unwrap_or_else(PoisonError::into_inner);
        let known = resident.iter().filter_map(|copy| copy.downcast_ref());
        let mut known = known.filter(|copy: &&Resident<B>| copy.device == *device);
        if let Some(copy) = known.next() {
            return copy.clone();
        }
        let features = self.features();
        let words = features.div_ceil(4);
        let word = |bytes: &[u8]| {
            let bytes = bytes.iter().rev();
            bytes.fold(0u32, |word, &byte| word << 8 | u32::from(byte)) as i32
        };
        let rows = self.images.pixels.chunks_exact(features);
        let images = rows.len();
        let packed: Vec<i32> = rows.flat_map(|row| row.chunks(4).map(word)).collect();
        let turns = self.turns().concat().into_iter();
        let turns: Vec<i32> = turns.map(|from| from as i32).collect();
        let channel = |at: usize| {
            let values: Vec<f32> = self.affine.iter().map(|affine| affine[at]).collect();
            Tensor::from_data(TensorData::new(values, [1, self.affine.len()]), device)
        };
        let copy = Resident::<B> {
            device: device.clone(),
            words: Tensor::from_data(TensorData::new(packed, [images, words]), device),
            turns: Tensor::from_data(TensorData::new(turns, [4, features]), device),
            affine: [channel(0), channel(1)],
        };
        resident.push(Box::new(copy.clone()));
        copy
    }

    /// `[picks, features]`, gathered on the device.
    fn gather<B: Backend>(&self, picks: &[Pick], device: &B::Device) -> Tensor<B, 2> {
        let resident = self.resident::<B>(device);
        let indices = |of: fn(&Pick) -> i32| {
            let indices: Vec<i32> = picks.iter().map(of).collect();
            Tensor::<B, 1, Int>::from_data(TensorData::new(indices, [picks.len()]), device)
        };
        let words = (resident.words).select(0, indices(|pick| pick.image as i32));
        let bytes: Vec<Tensor<B, 3, Int>> = (0..4)
            .map(|byte| {
                let shifted = words.clone().bitwise_right_shift_scalar((8 * byte).elem());
                shifted.bitwise_and_scalar(255.elem()).unsqueeze_dim(2)
            })
            .collect();
        let [count, features, channels] = [picks.len(), self.features(), self.images.channels];
        let mut values: Tensor<B, 2, Int> = Tensor::cat(bytes, 2).reshape([count as i32, -1]);
        // The last word may be filled up.
        if values.dims()[1] > features {
            values = values.narrow(1, 0, features);
        }
        if picks.iter().any(|pick| pick.quarter_turns % 4 > 0) {
            let turns = indices(|pick| i32::from(pick.quarter_turns % 4));
            values = values.gather(1, resident.turns.select(0, turns));
        }
        let values = values.float().reshape([-1, channels as i32]);
        let [factor, summand] = resident.affine;
        (values * factor + summand).reshape([count, features])
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
    let place = places::cache().map(|folder| cache::file(&folder, &source.name, digest));
    // What names alone tell is wrong is reported together with the rest.
    if let Some(path) = place.as_ref().filter(|_| source.problems.is_empty()) {
        match cache::read(path, digest) {
            Ok(decoded) => return Ok(decoded),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => eprintln!("{}: {error}; decoding again", path.display()),
        }
    }
    let classes = decode::classes(source, pixels)?;
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

/// An image of a bank and how far it is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pick {
    /// Index of the image.
    pub image: u32,
    /// Quarter turns against the clock, 0 to 3.
    pub quarter_turns: u8,
}

/// Inputs of examples: numbers, or images by index.
#[derive(Clone, Debug, PartialEq)]
pub enum Examples {
    /// `[examples, features]`, row-major.
    Values(Vec<f32>),
    /// Images of a bank.
    Images {
        /// Where they are.
        bank: Arc<Bank>,
        /// Which they are.
        picks: Vec<Pick>,
    },
}

impl Examples {
    /// The numbers, `[examples, features]`.
    pub fn values(&self) -> Cow<'_, [f32]> {
        match self {
            Self::Values(values) => Cow::Borrowed(values),
            Self::Images { bank, picks } => {
                let turns = bank.turns();
                let mut values = Vec::with_capacity(picks.len() * bank.features());
                for &pick in picks {
                    bank.append(pick, &turns, &mut values);
                }
                Cow::Owned(values)
            }
        }
    }

    /// Number of examples of `features` numbers each.
    pub fn count(&self, features: usize) -> usize {
        match self {
            Self::Values(values) => values.len() / features,
            Self::Images { picks, .. } => picks.len(),
        }
    }

    /// The first `kept` of every `of` examples of `features` numbers.
    pub(crate) fn first_of_every(&self, kept: usize, of: usize, features: usize) -> Self {
        fn keep<T: Copy>(all: &[T], kept: usize, of: usize) -> Vec<T> {
            let parts = all.chunks_exact(of.max(1));
            parts
                .flat_map(|part| &part[..kept.min(of)])
                .copied()
                .collect()
        }
        match self {
            Self::Values(values) => Self::Values(keep(values, kept * features, of * features)),
            Self::Images { bank, picks } => Self::Images {
                bank: bank.clone(),
                picks: keep(picks, kept, of),
            },
        }
    }

    /// The examples `range`, of `features` numbers each.
    pub(crate) fn range(&self, range: std::ops::Range<usize>, features: usize) -> Self {
        match self {
            Self::Values(values) => {
                Self::Values(values[range.start * features..range.end * features].to_vec())
            }
            Self::Images { bank, picks } => Self::Images {
                bank: bank.clone(),
                picks: picks[range].to_vec(),
            },
        }
    }

    /// `[examples, features]` on a device. Images are gathered there from a copy
    /// that stays; in the memory of the CPU they are gathered as they are.
    pub fn to_device<B: Backend>(self, features: usize, device: &B::Device) -> Tensor<B, 2> {
        let count = self.count(features);
        match self {
            Self::Images { bank, picks } if !B::name(device).contains("flex") => {
                bank.gather(&picks, device)
            }
            examples => {
                let values = examples.values().into_owned();
                Tensor::from_data(TensorData::new(values, [count, features]), device)
            }
        }
    }
}

impl From<Vec<f32>> for Examples {
    fn from(values: Vec<f32>) -> Self {
        Self::Values(values)
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;
    use crate::data::tests::{Fixture, pixels};
    use crate::meta::to_host;

    #[test]
    fn a_device_gathers_what_the_host_does() {
        let fixture = Fixture::omniglot(3, 4);
        let bank = fixture.bank(pixels(7));
        let picks: Vec<Pick> = (0..12)
            .map(|image| Pick {
                image: 11 - image,
                quarter_turns: (image % 4) as u8,
            })
            .collect();
        let device = Default::default();
        let gathered = to_host(bank.gather::<Flex>(&picks, &device));
        let again = to_host(bank.gather::<Flex>(&picks, &device));
        let examples = Examples::Images { bank, picks };
        assert_eq!(examples.count(49), 12);
        assert_eq!(gathered, &*examples.values());
        assert_eq!(again, gathered);
    }

    #[test]
    fn quarter_turns_are_against_the_clock() {
        let fixture = Fixture::omniglot(1, 1);
        let bank = fixture.bank(pixels(3));
        let [none, once, twice, thrice] = bank.turns();
        assert_eq!(none, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(once, [2, 5, 8, 1, 4, 7, 0, 3, 6]);
        assert_eq!(twice, [8, 7, 6, 5, 4, 3, 2, 1, 0]);
        assert_eq!(thrice, [6, 3, 0, 7, 4, 1, 8, 5, 2]);
    }
}
