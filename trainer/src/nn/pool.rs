//! Pools: one value from the window at every place, channel by channel.
//!
//! Shapes: `x [T, B, positions·C]`, `y [T, B, places·C]`.
//!
//! Max pool decides once which position wins at every place and keeps that, as a mask
//! of the planes or as [`host::pool`] has it; from then on it is linear, its backward the
//! adjoint. Average pool is linear to begin with.

use burn::tensor::{Int, Tensor, TensorData, backend::Backend};

use super::patches::Patches;
use super::{host, rows};
use crate::device::is_host;

/// Picks winners.
#[derive(Clone, Debug)]
pub(super) struct MaxPool {
    patches: Patches,
}

impl MaxPool {
    pub fn new(patches: Patches) -> Self {
        Self { patches }
    }

    /// `y[c] = max_k x[k, c]`, and the winners: 1 in the planes
    /// `[size, T·B·places, C]` where the maximum is, 0 elsewhere. The first of equal
    /// values wins, and what is beyond the edge never.
    pub fn forward<B: Backend>(&self, x: Tensor<B, 3>) -> (Tensor<B, 3>, Tensor<B, 3>) {
        if let Some(result) = host::pool::forward(&self.patches, &x) {
            return result;
        }
        let [tasks, examples, _] = x.dims();
        let planes = self.patches.gather_planes_over(x, f32::MIN);
        let (y, winners) = if is_host::<B>() {
            compared(planes)
        } else {
            reduced(planes)
        };
        let width = self.patches.window().places() * self.patches.channels();
        (y.reshape([tasks, examples, width]), winners)
    }

    /// What stands at the winners.
    pub fn pick<B: Backend>(&self, winners: &Tensor<B, 3>, x: Tensor<B, 3>) -> Tensor<B, 3> {
        if let Some(picked) = host::pool::pick(&self.patches, winners, &x) {
            return picked;
        }
        let [tasks, examples, _] = x.dims();
        let width = self.patches.window().places() * self.patches.channels();
        (self.patches.gather_planes(x) * winners.clone())
            .sum_dim(0)
            .reshape([tasks, examples, width])
    }

    /// `dx` is `dy` at the winners and 0 elsewhere; a position that wins at
    /// several places receives their sum.
    pub fn input_gradient<B: Backend>(
        &self,
        winners: &Tensor<B, 3>,
        dy: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        if let Some(dx) = host::pool::input_gradient(&self.patches, winners, &dy) {
            return dx;
        }
        let tasks = dy.dims()[0];
        let planes = self.patches.in_planes(dy) * winners.clone();
        self.patches.scatter_planes(planes, tasks)
    }
}

/// The maximum over planes `[size, N, C]`, `[1, N, C]`, and where it is, plane after
/// plane: contiguous passes, which the host is fast at.
fn compared<B: Backend>(planes: Tensor<B, 3>) -> (Tensor<B, 3>, Tensor<B, 3>) {
    let size = planes.dims()[0];
    let plane = |k: usize| planes.clone().narrow(0, k, 1);
    let mut best = plane(0);
    let mut turn = best.clone().detach().zeros_like();
    for k in 1..size {
        let better = plane(k).greater(best.clone());
        best = best.mask_where(better.clone(), plane(k));
        turn = turn.mask_fill(better, k as f32);
    }
    let winners = (0..size).map(|k| turn.clone().equal_elem(k as f32).float());
    (best, Tensor::cat(winners.collect(), 0))
}

/// The same by a reduction: few kernels, which other devices are fast at.
fn reduced<B: Backend>(planes: Tensor<B, 3>) -> (Tensor<B, 3>, Tensor<B, 3>) {
    let size = planes.dims()[0];
    let turns = TensorData::new((0..size as i32).collect(), [size, 1, 1]);
    let turns: Tensor<B, 3, Int> = Tensor::from_data(turns, &planes.device());
    let first = planes.clone().detach().argmax(0);
    let winners = first.equal(turns).float();
    ((planes * winners.clone()).sum_dim(0), winners)
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

#[cfg(test)]
mod tests {
    use burn::backend::{Autodiff, Flex};
    use burn::tensor::Distribution;

    use super::super::shape::{Extent, Padding, Shape, Window};
    use super::*;

    #[test]
    fn the_maximum_is_the_same_however_it_is_found() {
        // Whole numbers, so that there are ties.
        let values = Distribution::Uniform(-2.0, 2.0);
        let planes = Tensor::<Flex, 3>::random([6, 40, 3], values, &Default::default()).floor();
        let (best, winners) = compared(planes.clone());
        let (also_best, also_winners) = reduced(planes.clone());
        assert_eq!(best.to_data(), also_best.to_data());
        assert_eq!(winners.to_data(), also_winners.to_data());
        assert_eq!(best.to_data(), planes.max_dim(0).to_data());
        let ones = winners.sum_dim(0);
        assert_eq!(ones.to_data(), ones.ones_like().to_data());
    }

    #[test]
    fn winners_are_the_same_however_they_are_kept() {
        let device = Default::default();
        let values = Distribution::Uniform(-2.0, 2.0);
        let image = Shape::Image {
            height: 7,
            width: 6,
            channels: 3,
        };
        for (kernel, stride, padding) in [
            (2, 2, Padding::Valid),
            (3, 2, Padding::Same),
            (3, 1, Padding::Same),
            (2, 3, Padding::Same),
        ] {
            let [square, step] = [kernel, stride].map(Extent::Square);
            let window = Window::new(&image, square, step, padding).unwrap();
            let width = window.places() * 3;
            let pool = MaxPool::new(Patches::new(window, 3));
            // Whole numbers, so that there are ties.
            let x = Tensor::<Flex, 3>::random([2, 2, 7 * 6 * 3], values, &device).floor();
            let direction = Tensor::random([2, 2, 7 * 6 * 3], values, &device);
            let dy = Tensor::random([2, 2, width], values, &device);
            let too = Tensor::<Autodiff<Flex>, 3>::from_inner;

            let (y, winners) = pool.forward(x.clone());
            let (y_too, winners_too) = pool.forward(too(x));
            assert_eq!(y.to_data(), y_too.to_data(), "{kernel} {stride}");
            let picked = pool.pick(&winners, direction.clone());
            let picked_too = pool.pick(&winners_too, too(direction));
            assert_eq!(picked.to_data(), picked_too.to_data(), "{kernel} {stride}");
            let dx = pool.input_gradient(&winners, dy.clone());
            let dx_too = pool.input_gradient(&winners_too, too(dy)).inner();
            let most = (dx - dx_too).abs().max().into_scalar();
            assert!(most < 1e-5, "{kernel} {stride}: {most}");
        }
    }
}
