//! Max pool: see [`super::super::layers::MaxPool`]. The argmax is the number of a position under
//! the window, `[T, B, places·C]`.

use burn::tensor::{Tensor, backend::Backend};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::super::patches::Patches;
use super::{Numbers, per_chunk, tensor};

/// The maximum at every place, and which position has it.
pub fn forward<B: Backend>(
    patches: &Patches,
    x: &Tensor<B, 3>,
) -> Option<(Tensor<B, 3>, Tensor<B, 3>)> {
    let numbers = Numbers::of(x)?;
    let [tasks, examples, features] = x.dims();
    let width = patches.window().places() * patches.channels();
    let mut best = vec![0.0; tasks * examples * width];
    let mut argmax = vec![0.0; best.len()];
    let images_per_chunk = per_chunk(features);
    let chunks = numbers
        .par_chunks(images_per_chunk * features)
        .zip(best.par_chunks_mut(images_per_chunk * width))
        .zip(argmax.par_chunks_mut(images_per_chunk * width));
    chunks.for_each(|((images, best), argmax)| {
        let images = images
            .chunks_exact(features)
            .zip(best.chunks_exact_mut(width))
            .zip(argmax.chunks_exact_mut(width));
        for ((image, best), argmax) in images {
            Arch::new().dispatch(Image {
                patches,
                image,
                best,
                argmax,
            });
        }
    });
    let dims = [tasks, examples, width];
    let device = x.device();
    Some((tensor(best, dims, &device), tensor(argmax, dims, &device)))
}

/// [`forward`] of one image.
struct Image<'a> {
    patches: &'a Patches,
    image: &'a [f32],
    best: &'a mut [f32],
    argmax: &'a mut [f32],
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
            .zip(self.argmax.chunks_exact_mut(channels));
        let size = self.patches.window().size();
        for ((best, argmax), window) in places.zip(windows.chunks_exact(size)) {
            let mut first = true;
            for (k, position) in window.iter().enumerate() {
                let Some(position) = position else { continue };
                let x = &self.image[position * channels..][..channels];
                if std::mem::take(&mut first) {
                    best.copy_from_slice(x);
                    argmax.fill(k as f32);
                    continue;
                }
                for ((best, largest), &x) in best.iter_mut().zip(&mut *argmax).zip(x) {
                    let better = x > *best;
                    *best = if better { x } else { *best };
                    *largest = if better { k as f32 } else { *largest };
                }
            }
        }
    }
}

/// What stands at the argmax.
pub fn pick<B: Backend>(
    patches: &Patches,
    argmax: &Tensor<B, 3>,
    x: &Tensor<B, 3>,
) -> Option<Tensor<B, 3>> {
    let (numbers, dims, features) = (Numbers::of(x)?, argmax.dims(), x.dims()[2]);
    let argmax = Numbers::of(argmax)?;
    let mut picked = vec![0.0; argmax.len()];
    let width = patches.window().places() * patches.channels();
    let images_per_chunk = per_chunk(features);
    let chunks = numbers
        .par_chunks(images_per_chunk * features)
        .zip(argmax.par_chunks(images_per_chunk * width))
        .zip(picked.par_chunks_mut(images_per_chunk * width));
    chunks.for_each(|((numbers, argmax), picked)| {
        let mut at = ArgMax::new(patches, features, argmax);
        for picked in picked.chunks_exact_mut(patches.channels()) {
            at.next(|channel, from| picked[channel] = numbers[from]);
        }
    });
    Some(tensor(picked, dims, &x.device()))
}

/// `dy` added up at the argmax.
pub fn input_gradient<B: Backend>(
    patches: &Patches,
    argmax: &Tensor<B, 3>,
    dy: &Tensor<B, 3>,
) -> Option<Tensor<B, 3>> {
    let (argmax, numbers) = (Numbers::of(argmax)?, Numbers::of(dy)?);
    let [tasks, examples, _] = dy.dims();
    let features = patches.window().positions() * patches.channels();
    let mut dx = vec![0.0; tasks * examples * features];
    let width = patches.window().places() * patches.channels();
    let images_per_chunk = per_chunk(features);
    let chunks = dx
        .par_chunks_mut(images_per_chunk * features)
        .zip(argmax.par_chunks(images_per_chunk * width))
        .zip(numbers.par_chunks(images_per_chunk * width));
    chunks.for_each(|((dx, argmax), dy)| {
        let mut at = ArgMax::new(patches, features, argmax);
        for dy in dy.chunks_exact(patches.channels()) {
            at.next(|channel, to| dx[to] += dy[channel]);
        }
    });
    Some(tensor(dx, [tasks, examples, features], &dy.device()))
}

/// Walks over the argmax, place after place.
struct ArgMax<'a> {
    patches: &'a Patches,
    features: usize,
    argmax: &'a [f32],
    next: usize,
}

impl<'a> ArgMax<'a> {
    /// Of images with so many features each.
    fn new(patches: &'a Patches, features: usize, argmax: &'a [f32]) -> Self {
        Self {
            patches,
            features,
            argmax,
            next: 0,
        }
    }

    /// Visits every channel of the next place with where its largest value is in the input.
    fn next(&mut self, mut visit: impl FnMut(usize, usize)) {
        let (size, channels) = (self.patches.window().size(), self.patches.channels());
        let places = self.patches.window().places();
        let [image, place] = [self.next / places, self.next % places];
        let window = &self.patches.positions()[place * size..][..size];
        let argmax = &self.argmax[self.next * channels..][..channels];
        for (channel, &largest) in argmax.iter().enumerate() {
            if let Some(position) = window[largest as usize] {
                visit(
                    channel,
                    image * self.features + position * channels + channel,
                );
            }
        }
        self.next += 1;
    }
}
