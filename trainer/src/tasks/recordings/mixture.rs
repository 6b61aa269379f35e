//! Classes that are made of two others: a movement that begins as one and ends as the
//! other, or that is both at once.
//!
//! A network that learns few-shot classification overfits to the classes that it is
//! trained on long before it overfits to their recordings. Tasks between tasks help
//! (Yao, Zhang & Finn 2022, *Meta-Learning with Fewer Tasks through Task Interpolation*).
//! They interpolate features; here recordings are mixed.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::SensorAugment;

/// How two classes become a third, the same for all recordings of a task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mixture {
    /// The first class up to this share of the time, the second from there on.
    Spliced(f32),
    /// `(1 − share) · first + share · second`.
    Blended(f32),
}

impl Mixture {
    /// Draws whether a class of a task is a mixture, and of which kind.
    pub(super) fn draw(rng: &mut ChaCha8Rng, augment: &SensorAugment) -> Option<Self> {
        let (splice, blend) = (augment.splice, augment.blend);
        if splice + blend == 0.0 {
            return None;
        }
        let kind: f64 = rng.random();
        if kind < splice {
            Some(Self::Spliced(rng.random_range(0.3..0.7)))
        } else if kind < splice + blend {
            Some(Self::Blended(rng.random_range(0.3..0.7)))
        } else {
            None
        }
    }

    /// Changes an example of the first class, `[length, channels]`, by one of the
    /// second.
    pub(super) fn apply(self, first: &mut [f32], second: &[f32], channels: usize) {
        match self {
            Self::Spliced(share) => {
                let rows = first.len() / channels;
                let from = (share * rows as f32) as usize * channels;
                first[from..].copy_from_slice(&second[from..]);
            }
            Self::Blended(share) => {
                for (first, second) in first.iter_mut().zip(second) {
                    *first += share * (second - *first);
                }
            }
        }
    }
}
