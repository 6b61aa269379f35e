//! Pools: one value from the window at every place, channel by channel.
//!
//! Shapes: `x [T, B, positions·C]`, `y [T, B, places·C]`.
//!
//! Max pool decides once which position wins at every place; from then on it is
//! a linear gather, its backward the scatter of the same index, and each the
//! other's derivative. Average pool is linear to begin with.

use std::sync::Arc;

use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData, backend::Backend};

use super::patches::{IndexCache, Patches};
use super::rows;

/// Picks winners.
#[derive(Clone, Debug)]
pub(super) struct MaxPool {
    patches: Patches,
    cache: Arc<IndexCache>,
}

impl MaxPool {
    pub fn new(patches: Patches) -> Self {
        Self {
            patches,
            cache: Arc::default(),
        }
    }

    /// `y[c] = max_k x[k, c]`, and the winning rows of `x [T·B·positions, C]`,
    /// `[T·B·places, C]`. The first of equal values wins.
    pub fn forward<B: Backend>(&self, x: Tensor<B, 3>) -> (Tensor<B, 3>, Tensor<B, 2, Int>) {
        let [tasks, examples, _] = x.dims();
        let (window, channels) = (self.patches.window(), self.patches.channels());
        let images = tasks * examples;
        let places = images * window.places();
        let rows: Tensor<B, 2> = x.reshape([images * window.positions(), channels]);
        let index = self.rows::<B>(images, &rows.device());
        let values = rows.clone().detach();
        let candidate = |k: usize| {
            let index = index.clone().slice(k * places..(k + 1) * places);
            let value = values.clone().select(0, index.clone());
            let row: Tensor<B, 2, Int> = index.reshape([places, 1]);
            (value, row.repeat_dim(1, channels))
        };
        let (mut best, mut winners) = candidate(0);
        for k in 1..window.size() {
            let (value, row) = candidate(k);
            let better = value.clone().greater(best.clone());
            best = best.mask_where(better.clone(), value);
            winners = winners.mask_where(better, row);
        }
        let y = rows.gather(0, winners.clone());
        let width = window.places() * channels;
        (y.reshape([tasks, examples, width]), winners)
    }

    /// `dx` is `dy` at the winners and 0 elsewhere; a position that wins at
    /// several places receives their sum.
    pub fn input_gradient<B: Backend>(
        &self,
        winners: &Tensor<B, 2, Int>,
        dy: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        let [tasks, examples, _] = dy.dims();
        let (window, channels) = (self.patches.window(), self.patches.channels());
        let images = tasks * examples;
        let dy: Tensor<B, 2> = dy.reshape([images * window.places(), channels]);
        Tensor::zeros([images * window.positions(), channels], &dy.device())
            .scatter(0, winners.clone(), dy, IndexingUpdateOp::Add)
            .reshape([tasks, examples, window.positions() * channels])
    }

    /// The row for `[size, images, places]`. Where the window reaches over the
    /// edge it holds its first inner position once more, which cannot win twice.
    fn rows<B: Backend>(&self, images: usize, device: &B::Device) -> Tensor<B, 1, Int> {
        let window = self.patches.window();
        self.cache.get(images, device, || {
            let windows = || self.patches.positions().chunks_exact(window.size());
            (0..window.size())
                .flat_map(|k| (0..images).map(move |image| (k, image)))
                .flat_map(|(k, image)| {
                    windows().map(move |of_place| {
                        let first = of_place.iter().flatten().next();
                        // Padding never covers a whole window: it is at most
                        // the kernel less one.
                        let position = of_place[k].as_ref().or(first).expect("a position");
                        image * window.positions() + position
                    })
                })
                .collect()
        })
    }
}

/// `y[c] = Σ_k x[k, c] / n` with `n` the number of positions inside.
pub(super) fn average<B: Backend>(patches: &Patches, x: Tensor<B, 3>) -> Tensor<B, 3> {
    let [tasks, examples, _] = x.dims();
    let planes = patches.gather_planes(x);
    let [size, places, channels] = planes.dims();
    let planes: Tensor<B, 2> = planes.reshape([size, places * channels]);
    let width = patches.window().places() * channels;
    divide(patches, planes.sum_dim(0).reshape([tasks, examples, width]))
}

/// `dx = scatter(dy / n)`.
pub(super) fn average_backward<B: Backend>(patches: &Patches, dy: Tensor<B, 3>) -> Tensor<B, 3> {
    let tasks = dy.dims()[0];
    patches.scatter_planes(patches.in_planes(divide(patches, dy)), tasks)
}

/// Divides `[T, B, places·C]` by the number of positions inside each window.
fn divide<B: Backend>(patches: &Patches, y: Tensor<B, 3>) -> Tensor<B, 3> {
    let counts: Vec<usize> = patches
        .positions()
        .chunks_exact(patches.window().size())
        .map(|of_place| of_place.iter().flatten().count())
        .collect();
    if counts.iter().all(|&count| count == counts[0]) {
        return y.div_scalar(counts[0] as f32);
    }
    let factors: Vec<f32> = counts
        .iter()
        .flat_map(|&count| std::iter::repeat_n(1.0 / count as f32, patches.channels()))
        .collect();
    let dims = [1, 1, factors.len()];
    let factors = Tensor::from_data(TensorData::new(factors, dims), &y.device());
    y * factors
}

/// The mean over all positions, `[T, B, C]`.
pub(super) fn global_average<B: Backend>(channels: usize, x: Tensor<B, 3>) -> Tensor<B, 3> {
    let [tasks, examples, width] = x.dims();
    x.reshape([tasks * examples, width / channels, channels])
        .mean_dim(1)
        .reshape([tasks, examples, channels])
}

/// `dx = dy / positions` at every position.
pub(super) fn global_average_backward<B: Backend>(
    positions: usize,
    dy: Tensor<B, 3>,
) -> Tensor<B, 3> {
    rows::repeat(dy.div_scalar(positions as f32), positions)
}
