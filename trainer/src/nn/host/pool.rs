//! Max pool: see [`super::super::pool`]. Winners are the number of a position under the
//! window, `[T, B, places·C]`.

use burn::tensor::{Tensor, backend::Backend};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::super::patches::Patches;
use super::{Numbers, at_once, tensor};

/// The maximum at every place, and which position has it.
pub fn forward<B: Backend>(
    patches: &Patches,
    x: &Tensor<B, 3>,
) -> Option<(Tensor<B, 3>, Tensor<B, 3>)> {
    let numbers = Numbers::of(x)?;
    let [tasks, examples, features] = x.dims();
    let width = patches.window().places() * patches.channels();
    let mut best = vec![0.0; tasks * examples * width];
    let mut winners = vec![0.0; best.len()];
    let images_at_once = at_once(features);
    let shares = numbers
        .par_chunks(images_at_once * features)
        .zip(best.par_chunks_mut(images_at_once * width))
        .zip(winners.par_chunks_mut(images_at_once * width));
    shares.for_each(|((images, best), winners)| {
        let images = images
            .chunks_exact(features)
            .zip(best.chunks_exact_mut(width))
            .zip(winners.chunks_exact_mut(width));
        for ((image, best), winners) in images {
            Arch::new().dispatch(Image {
                patches,
                image,
                best,
                winners,
            });
        }
    });
    let dims = [tasks, examples, width];
    let device = x.device();
    Some((tensor(best, dims, &device), tensor(winners, dims, &device)))
}

/// [`forward`] of one image.
struct Image<'a> {
    patches: &'a Patches,
    image: &'a [f32],
    best: &'a mut [f32],
    winners: &'a mut [f32],
}

impl WithSimd for Image<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let channels = self.patches.channels();
        let windows = self.patches.positions();
        let places = self
            .best
            .chunks_exact_mut(channels)
            .zip(self.winners.chunks_exact_mut(channels));
        let size = self.patches.window().size();
        for ((best, winners), window) in places.zip(windows.chunks_exact(size)) {
            let mut first = true;
            for (k, position) in window.iter().enumerate() {
                let Some(position) = position else { continue };
                let x = &self.image[position * channels..][..channels];
                if std::mem::take(&mut first) {
                    best.copy_from_slice(x);
                    winners.fill(k as f32);
                    continue;
                }
                for ((best, winner), &x) in best.iter_mut().zip(&mut *winners).zip(x) {
                    let better = x > *best;
                    *best = if better { x } else { *best };
                    *winner = if better { k as f32 } else { *winner };
                }
            }
        }
    }
}

/// What stands at the winners.
pub fn pick<B: Backend>(
    patches: &Patches,
    winners: &Tensor<B, 3>,
    x: &Tensor<B, 3>,
) -> Option<Tensor<B, 3>> {
    let (numbers, dims, features) = (Numbers::of(x)?, winners.dims(), x.dims()[2]);
    let winners = Numbers::of(winners)?;
    let mut picked = vec![0.0; winners.len()];
    let width = patches.window().places() * patches.channels();
    let images_at_once = at_once(features);
    let shares = numbers
        .par_chunks(images_at_once * features)
        .zip(winners.par_chunks(images_at_once * width))
        .zip(picked.par_chunks_mut(images_at_once * width));
    shares.for_each(|((numbers, winners), picked)| {
        let mut at = Winners::new(patches, features, winners);
        for picked in picked.chunks_exact_mut(patches.channels()) {
            at.next(|channel, from| picked[channel] = numbers[from]);
        }
    });
    Some(tensor(picked, dims, &x.device()))
}

/// `dy` added up at the winners.
pub fn input_gradient<B: Backend>(
    patches: &Patches,
    winners: &Tensor<B, 3>,
    dy: &Tensor<B, 3>,
) -> Option<Tensor<B, 3>> {
    let (winners, numbers) = (Numbers::of(winners)?, Numbers::of(dy)?);
    let [tasks, examples, _] = dy.dims();
    let features = patches.window().positions() * patches.channels();
    let mut dx = vec![0.0; tasks * examples * features];
    let width = patches.window().places() * patches.channels();
    let images_at_once = at_once(features);
    let shares = dx
        .par_chunks_mut(images_at_once * features)
        .zip(winners.par_chunks(images_at_once * width))
        .zip(numbers.par_chunks(images_at_once * width));
    shares.for_each(|((dx, winners), dy)| {
        let mut at = Winners::new(patches, features, winners);
        for dy in dy.chunks_exact(patches.channels()) {
            at.next(|channel, to| dx[to] += dy[channel]);
        }
    });
    Some(tensor(dx, [tasks, examples, features], &dy.device()))
}

/// Walks over the winners, place after place.
struct Winners<'a> {
    patches: &'a Patches,
    features: usize,
    winners: &'a [f32],
    next: usize,
}

impl<'a> Winners<'a> {
    /// Of images with so many features each.
    fn new(patches: &'a Patches, features: usize, winners: &'a [f32]) -> Self {
        Self {
            patches,
            features,
            winners,
            next: 0,
        }
    }

    /// Visits every channel of the next place with where its winner is in the input.
    fn next(&mut self, mut visit: impl FnMut(usize, usize)) {
        let (size, channels) = (self.patches.window().size(), self.patches.channels());
        let places = self.patches.window().places();
        let [image, place] = [self.next / places, self.next % places];
        let window = &self.patches.positions()[place * size..][..size];
        let winners = &self.winners[self.next * channels..][..channels];
        for (channel, &winner) in winners.iter().enumerate() {
            if let Some(position) = window[winner as usize] {
                visit(
                    channel,
                    image * self.features + position * channels + channel,
                );
            }
        }
        self.next += 1;
    }
}
