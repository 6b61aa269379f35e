//! Sets of examples: numbers, or images of a bank by index.

use std::borrow::Cow;
use std::sync::Arc;

use burn::tensor::{Tensor, TensorData, backend::Backend};

use super::{Bank, Distortion};

/// An image of a bank and how it is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick {
    /// Index of the image.
    pub image: u32,
    /// Quarter turns against the clock, 0 to 3.
    pub quarter_turns: u8,
    /// What else is done to it, after turning.
    pub distortion: Option<Distortion>,
}

impl Pick {
    /// The same image, seen in a mirror.
    pub(crate) fn mirrored(self) -> Self {
        let distortion = self.distortion.unwrap_or(Distortion::NONE);
        Self {
            distortion: Some(distortion.mirrored()),
            ..self
        }
    }
}

/// `(x − mean) · scale` for every feature, which an artifact carries, so that a board
/// takes what its sensor gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalisation {
    /// The means.
    pub mean: Vec<f32>,
    /// One over the standard deviations.
    pub scale: Vec<f32>,
}

impl Normalisation {
    /// `[examples, features]` as a network sees them.
    pub fn apply(&self, values: &mut [f32]) {
        for example in values.chunks_exact_mut(self.mean.len()) {
            for ((value, mean), scale) in example.iter_mut().zip(&self.mean).zip(&self.scale) {
                *value = (*value - mean) * scale;
            }
        }
    }
}

/// Inputs of examples: numbers, or images by index.
#[derive(Clone, Debug, PartialEq)]
pub enum Examples {
    /// `[examples, features]`, row-major.
    Values(Vec<f32>),
    /// Numbers as a sensor gives them, which a network sees normalised.
    Measured {
        /// `[examples, features]`, row-major.
        values: Vec<f32>,
        /// What a network sees of them.
        normalisation: Arc<Normalisation>,
    },
    /// Images of a bank.
    Images {
        /// Where they are.
        bank: Arc<Bank>,
        /// Which they are.
        picks: Vec<Pick>,
    },
}

impl Examples {
    /// The numbers that a board takes, `[examples, features]`.
    pub fn values(&self) -> Cow<'_, [f32]> {
        match self {
            Self::Values(values) | Self::Measured { values, .. } => Cow::Borrowed(values),
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

    /// The numbers that a network sees, `[examples, features]`.
    pub fn network_values(&self) -> Cow<'_, [f32]> {
        let mut values = self.values();
        if let Self::Measured { normalisation, .. } = self {
            normalisation.apply(values.to_mut());
        }
        values
    }

    /// Number of examples of `features` numbers each.
    pub fn count(&self, features: usize) -> usize {
        match self {
            Self::Values(values) | Self::Measured { values, .. } => values.len() / features,
            Self::Images { picks, .. } => picks.len(),
        }
    }

    /// The first `count` of every `of` examples of `features` numbers.
    pub(crate) fn first_of_every(&self, count: usize, of: usize, features: usize) -> Self {
        fn first<T: Copy>(all: &[T], count: usize, of: usize) -> Vec<T> {
            let parts = all.chunks_exact(of.max(1));
            parts
                .flat_map(|part| &part[..count.min(of)])
                .copied()
                .collect()
        }
        match self {
            Self::Values(values) => Self::Values(first(values, count * features, of * features)),
            Self::Measured {
                values,
                normalisation,
            } => Self::Measured {
                values: first(values, count * features, of * features),
                normalisation: normalisation.clone(),
            },
            Self::Images { bank, picks } => Self::Images {
                bank: bank.clone(),
                picks: first(picks, count, of),
            },
        }
    }

    /// The same with the first `by` examples of `features` numbers last.
    pub(crate) fn rotated(mut self, by: usize, features: usize) -> Self {
        match &mut self {
            Self::Values(values) | Self::Measured { values, .. } => {
                values.rotate_left(by * features);
            }
            Self::Images { picks, .. } => picks.rotate_left(by),
        }
        self
    }

    /// The examples `range`, of `features` numbers each.
    pub(crate) fn range(&self, range: std::ops::Range<usize>, features: usize) -> Self {
        match self {
            Self::Values(values) => {
                Self::Values(values[range.start * features..range.end * features].to_vec())
            }
            Self::Measured {
                values,
                normalisation,
            } => Self::Measured {
                values: values[range.start * features..range.end * features].to_vec(),
                normalisation: normalisation.clone(),
            },
            Self::Images { bank, picks } => Self::Images {
                bank: bank.clone(),
                picks: picks[range].to_vec(),
            },
        }
    }

    /// What a network sees, `[examples, features]`, on a device. A GPU gathers images from
    /// its own copy of the bank, which stays there; the CPU gathers them from the bank.
    pub fn to_device<B: Backend>(self, features: usize, device: &B::Device) -> Tensor<B, 2> {
        let count = self.count(features);
        match self {
            Self::Images { bank, picks } if !B::name(device).contains("flex") => {
                bank.gather(&picks, device)
            }
            examples => {
                let values = examples.network_values().into_owned();
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
    use crate::data::Augment;
    use crate::data::tests::{Fixture, pixels};
    use crate::meta::to_host;
    use crate::random::{Stream, generator};

    #[test]
    fn a_device_gathers_what_the_host_does() {
        let fixture = Fixture::omniglot(3, 4);
        let bank = fixture.bank(pixels(7));
        let augment = Augment {
            rotate: 20.0,
            shift: 1.0,
            ..Augment::default()
        };
        let mut rng = generator(1, Stream::Augment, 0);
        let picks: Vec<Pick> = (0..12)
            .map(|image| Pick {
                image: 11 - image,
                quarter_turns: (image % 4) as u8,
                distortion: (image % 3 > 0).then(|| augment.draw(&mut rng)),
            })
            .collect();
        let device = Default::default();
        let gathered = to_host(bank.gather::<Flex>(&picks, &device));
        let again = to_host(bank.gather::<Flex>(&picks, &device));
        let examples = Examples::Images { bank, picks };
        assert_eq!(examples.count(49), 12);
        for (gathered, value) in gathered.iter().zip(&*examples.values()) {
            assert!((gathered - value).abs() < 1e-6, "{gathered} {value}");
        }
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
