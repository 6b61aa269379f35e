//! Convolution without patches: see [`super::super::layers::Conv`].
//!
//! What is missing at the edges is written out once, `p [T, B, padded·channels]`. A row
//! of the kernel then covers `kw·channels` numbers that lie side by side, and
//!
//! ```text
//! y[place, f]  = Σ_row Σ_j p[start(place) + row·width + j] W[row, j, f] + b[f]
//! dW[row, j, f] = Σ_place p[start(place) + row·width + j] dy[place, f]
//! ```
//!
//! are computed for a few places, or a few `j`, and a few filters at a time, whose sums
//! stay in registers.

use burn::tensor::{Tensor, backend::Backend};
use pulp::{Arch, Simd, WithSimd, bytemuck};
use rayon::prelude::*;

use super::super::shape::Window;
use super::grid::Grid;
use super::{Numbers, PerGroup, add_up, per_chunk, tensor};

/// `p`; `x` itself where no window reaches over an edge.
pub fn pad<B: Backend>(window: &Window, channels: usize, x: &Tensor<B, 3>) -> Option<Tensor<B, 3>> {
    let [tasks, examples, _] = x.dims();
    let grid = Grid::of(window, channels);
    let numbers = Numbers::of(x)?;
    if grid.is_whole(window) {
        return Some(x.clone());
    }
    let padded = grid.padded(&numbers, window);
    Some(tensor(padded, [tasks, examples, grid.image], &x.device()))
}

/// `y [T, B, places·F]` of `p`, for `W [T or 1, k·channels, F]` and `b [T or 1, 1, F]`.
pub fn product<B: Backend>(
    (window, channels): (&Window, usize),
    p: &Tensor<B, 3>,
    weight: &Tensor<B, 3>,
    bias: Option<&Tensor<B, 3>>,
) -> Option<Tensor<B, 3>> {
    let [tasks, examples, _] = p.dims();
    let filters = weight.dims()[2];
    let grid = Grid::of(window, channels);
    let (numbers, weights) = (Numbers::of(p)?, PerGroup::of(weight)?);
    let biases = match bias {
        Some(bias) => Some(PerGroup::of(bias)?),
        None => None,
    };
    let dims @ [_, _, width] = [tasks, examples, window.places() * filters];
    let mut y = vec![0.0; tasks * examples * width];
    let tasks = numbers
        .chunks_exact(examples * grid.image)
        .zip(y.chunks_exact_mut(examples * width));
    for (task, (images, y)) in tasks.enumerate() {
        let product = Product {
            grid: &grid,
            images,
            weight: weights.group(task),
            bias: biases.as_ref().map(|biases| biases.group(task)),
            filters,
        };
        product.write_in_chunks(y);
    }
    Some(tensor(y, dims, &p.device()))
}

/// `dW [T, k·channels, F]` of `p` and `dy [T, B, places·F]`.
pub fn weight_gradient<B: Backend>(
    (window, channels): (&Window, usize),
    p: &Tensor<B, 3>,
    dy: &Tensor<B, 3>,
) -> Option<Tensor<B, 3>> {
    let [tasks, examples, width] = dy.dims();
    let filters = width / window.places();
    let grid = Grid::of(window, channels);
    let (numbers, gradients) = (Numbers::of(p)?, Numbers::of(dy)?);
    let inputs = window.size() * channels;
    let mut dw = vec![0.0; tasks * inputs * filters];
    let tasks_of = numbers
        .chunks_exact(examples * grid.image)
        .zip(gradients.chunks_exact(examples * width))
        .zip(dw.chunks_exact_mut(inputs * filters));
    let images_per_chunk = per_chunk(width);
    for ((images, dy), dw) in tasks_of {
        add_up(examples.div_ceil(images_per_chunk), dw, |chunk, dw| {
            let start = chunk * images_per_chunk;
            let end = examples.min(start + images_per_chunk);
            Arch::new().dispatch(InTiles(WeightGradient {
                grid: &grid,
                images: &images[start * grid.image..end * grid.image],
                dy: &dy[start * width..end * width],
                filters,
                dw,
            }));
        });
    }
    Some(tensor(dw, [tasks, inputs, filters], &dy.device()))
}

/// `dx [T, B, positions·channels]` of `dy [T, B, places·F]`.
pub fn input_gradient<B: Backend>(
    (window, channels): (&Window, usize),
    weight: &Tensor<B, 3>,
    dy: &Tensor<B, 3>,
) -> Option<Tensor<B, 3>> {
    let [tasks, examples, width] = dy.dims();
    let (size, positions) = (window.size(), window.positions());
    let filters = width / window.places();
    let weights = PerGroup::of(weight)?;
    let gradients = Numbers::of(dy)?;
    let features = positions * channels;
    let mut dx = vec![0.0; tasks * examples * features];
    let tasks_of = gradients
        .chunks_exact(examples * width)
        .zip(dx.chunks_exact_mut(examples * features))
        .enumerate();
    if let Some(back) = window.back() {
        // A convolution with the kernel flipped.
        let grid = Grid::of(&back, filters);
        for (task, (dy, dx)) in tasks_of {
            let mut flipped = Vec::with_capacity(size * filters * channels);
            let of_position = channels * filters;
            for weight in weights.group(task).chunks_exact(of_position).rev() {
                transpose(weight, filters, &mut flipped);
            }
            let product = Product {
                grid: &grid,
                images: &grid.padded(dy, &back),
                weight: &flipped,
                bias: None,
                filters: channels,
            };
            product.write_in_chunks(dx);
        }
    } else {
        let (grid, inputs) = (Grid::of(window, channels), size * channels);
        let rows = Grid::of_rows(window.places(), filters);
        let of_image = window.places() * inputs;
        let images_per_chunk = per_chunk(of_image).min(examples);
        let room = || {
            (
                vec![0.0; images_per_chunk * of_image],
                vec![0.0; grid.image],
            )
        };
        for (task, (dy, dx)) in tasks_of {
            let mut transposed = Vec::with_capacity(filters * inputs);
            transpose(weights.group(task), filters, &mut transposed);
            let chunks = dy
                .par_chunks(images_per_chunk * width)
                .zip(dx.par_chunks_mut(images_per_chunk * features));
            chunks.for_each_init(room, |(dp, padded), (dy, dx)| {
                let product = Product {
                    grid: &rows,
                    images: dy,
                    weight: &transposed,
                    bias: None,
                    filters: inputs,
                };
                let dp = &mut dp[..dy.len() / width * of_image];
                product.write(dp);
                let images = dp.chunks_exact(of_image);
                for (dp, dx) in images.zip(dx.chunks_exact_mut(features)) {
                    padded.fill(0.0);
                    grid.scatter(dp, padded);
                    grid.cut(padded, window, dx);
                }
            });
        }
    }
    Some(tensor(dx, [tasks, examples, features], &dy.device()))
}

/// Appends a row-major matrix of so many columns, column after column.
fn transpose(matrix: &[f32], columns: usize, to: &mut Vec<f32>) {
    let start = to.len();
    let rows = matrix.len() / columns;
    to.resize(start + matrix.len(), 0.0);
    for (index, row) in matrix.chunks_exact(columns).enumerate() {
        let column = to[start + index..].iter_mut().step_by(rows);
        for (to, &value) in column.zip(row) {
            *to = value;
        }
    }
}

/// Places, or inputs, that are worked on at once where registers are many and where
/// they are few: with two vectors of filters for each, what all of them hold leaves room
/// for the operands.
const MANY: usize = 12;
const FEW: usize = 6;

/// A calculation of which so many places or inputs, and vectors of filters, are worked on at
/// once.
trait Tiled {
    fn filters(&self) -> usize;

    /// `N` places or inputs and `V` vectors of filters at a time.
    fn of_vectors<S: Simd, const V: usize, const N: usize>(self, simd: S);
}

/// In tiles as large as the processor has registers for.
struct InTiles<T>(T);

impl<T: Tiled> WithSimd for InTiles<T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (S::F32_LANES >= 16, self.0.filters() > S::F32_LANES) {
            (true, true) => self.0.of_vectors::<S, 2, MANY>(simd),
            (true, false) => self.0.of_vectors::<S, 1, MANY>(simd),
            (false, true) => self.0.of_vectors::<S, 2, FEW>(simd),
            (false, false) => self.0.of_vectors::<S, 1, FEW>(simd),
        }
    }
}

/// Columns of a matrix `[rows, columns]`, a few vectors of them after the other, filled
/// up with zeros: `[columns/(V·lanes), rows, V·lanes]`.
fn panels(matrix: &[f32], columns: usize, of_panel: usize) -> Vec<f32> {
    let rows = matrix.len() / columns;
    let count = columns.div_ceil(of_panel);
    let mut panels = vec![0.0; count * rows * of_panel];
    for (index, panel) in panels.chunks_exact_mut(rows * of_panel).enumerate() {
        let first = index * of_panel;
        let width = of_panel.min(columns - first);
        let rows = matrix.chunks_exact(columns);
        for (row, panel) in rows.zip(panel.chunks_exact_mut(of_panel)) {
            panel[..width].copy_from_slice(&row[first..][..width]);
        }
    }
    panels
}

/// [`product`] for one task.
#[derive(Clone, Copy)]
struct Product<'a> {
    grid: &'a Grid,
    images: &'a [f32],
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    filters: usize,
}

impl Product<'_> {
    /// Computes it into `y`.
    fn write(self, y: &mut [f32]) {
        let product = self;
        Arch::new().dispatch(InTiles(Written { product, y }));
    }

    /// The same, a few images after the other by every core.
    fn write_in_chunks(self, y: &mut [f32]) {
        let image = self.grid.image;
        let width = self.grid.starts.len() * self.filters;
        let images_per_chunk = per_chunk(width);
        let chunks = self
            .images
            .par_chunks(images_per_chunk * image)
            .zip(y.par_chunks_mut(images_per_chunk * width));
        chunks.for_each(|(images, y)| Product { images, ..self }.write(y));
    }
}

/// A product and where it is written to.
struct Written<'a, 'y> {
    product: Product<'a>,
    y: &'y mut [f32],
}

impl Tiled for Written<'_, '_> {
    fn filters(&self) -> usize {
        self.product.filters
    }

    /// `P` places and `V` vectors of filters at a time.
    #[inline(always)]
    fn of_vectors<S: Simd, const V: usize, const P: usize>(self, simd: S) {
        let Product {
            grid,
            images,
            weight,
            bias,
            filters,
        } = self.product;
        let of_panel = V * S::F32_LANES;
        let weights = panels(weight, filters, of_panel);
        let biases = bias.map(|bias| panels(bias, filters, of_panel));
        let starts = grid.all_starts(images.len() / grid.image);
        let of_weights = grid.kernel_rows * grid.run * of_panel;
        let zero = [simd.splat_f32s(0.0); V];
        let mut block = vec![0.0; P * filters];
        for (starts, y) in starts.chunks(P).zip(self.y.chunks_mut(P * filters)) {
            // Where places are missing, the last one again.
            let place = |p: usize| starts[p.min(starts.len() - 1)];
            let from: [usize; P] = std::array::from_fn(place);
            for (index, panel) in weights.chunks_exact(of_weights).enumerate() {
                let first = index * of_panel;
                let bias = biases.as_ref().map_or(zero, |biases| {
                    let bias: &[S::f32s] = bytemuck::cast_slice(&biases[first..][..of_panel]);
                    std::array::from_fn(|v| bias[v])
                });
                let mut sums = [bias; P];
                let rows = panel.chunks_exact(grid.run * of_panel).enumerate();
                for (row, panel) in rows {
                    let runs: [&[f32]; P] =
                        std::array::from_fn(|p| &images[from[p] + row * grid.row..][..grid.run]);
                    let panel: &[S::f32s] = bytemuck::cast_slice(panel);
                    for (j, weights) in panel.chunks_exact(V).enumerate() {
                        for (sums, run) in sums.iter_mut().zip(runs) {
                            let x = simd.splat_f32s(run[j]);
                            for (sum, &weight) in sums.iter_mut().zip(weights) {
                                *sum = simd.mul_add_e_f32s(x, weight, *sum);
                            }
                        }
                    }
                }
                let width = of_panel.min(filters - first);
                for (y, sums) in block.chunks_exact_mut(filters).zip(sums) {
                    let vectors = y[first..][..width].chunks_mut(S::F32_LANES);
                    for (y, sum) in vectors.zip(sums) {
                        simd.partial_store_f32s(y, sum);
                    }
                }
            }
            y.copy_from_slice(&block[..y.len()]);
        }
    }
}

/// Places whose products are added up before their sum joins that of others: their
/// numbers stay in the cache, and little is lost to rounding.
const BLOCK: usize = 64;

/// [`weight_gradient`] for one task.
struct WeightGradient<'a> {
    grid: &'a Grid,
    images: &'a [f32],
    dy: &'a [f32],
    filters: usize,
    dw: &'a mut [f32],
}

impl Tiled for WeightGradient<'_> {
    fn filters(&self) -> usize {
        self.filters
    }

    /// `J` inputs and `V` vectors of filters at a time.
    #[inline(always)]
    fn of_vectors<S: Simd, const V: usize, const J: usize>(self, simd: S) {
        let (grid, filters) = (self.grid, self.filters);
        let of_panel = V * S::F32_LANES;
        let inputs = grid.kernel_rows * grid.run;
        let starts = grid.all_starts(self.images.len() / grid.image);
        let mut sums = vec![0.0; filters.div_ceil(of_panel) * inputs * of_panel];
        let blocks = starts.chunks(BLOCK).zip(self.dy.chunks(BLOCK * filters));
        for (starts, dy) in blocks {
            let dy = panels(dy, filters, of_panel);
            let of_dy = dy.chunks_exact(starts.len() * of_panel);
            for (sums, dy) in sums.chunks_exact_mut(inputs * of_panel).zip(of_dy) {
                let dy: &[S::f32s] = bytemuck::cast_slice(dy);
                let block = Block {
                    images: self.images,
                    starts,
                    dy,
                };
                let rows = sums.chunks_exact_mut(grid.run * of_panel).enumerate();
                for (row, sums) in rows {
                    let sums: &mut [S::f32s] = bytemuck::cast_slice_mut(sums);
                    let (many, rest) = sums.split_at_mut(grid.run / J * J * V);
                    let (three, one) = rest.split_at_mut(rest.len() / (3 * V) * 3 * V);
                    let mut at = row * grid.row;
                    for sums in many.chunks_exact_mut(J * V) {
                        block.add::<S, V, J>(simd, at, sums);
                        at += J;
                    }
                    for sums in three.chunks_exact_mut(3 * V) {
                        block.add::<S, V, 3>(simd, at, sums);
                        at += 3;
                    }
                    for sums in one.chunks_exact_mut(V) {
                        block.add::<S, V, 1>(simd, at, sums);
                        at += 1;
                    }
                }
            }
        }
        let of_panels = sums.chunks_exact(inputs * of_panel).enumerate();
        for (index, panel) in of_panels {
            let first = index * of_panel;
            let width = of_panel.min(filters - first);
            let rows = self.dw.chunks_exact_mut(filters);
            for (row, panel) in rows.zip(panel.chunks_exact(of_panel)) {
                row[first..][..width].copy_from_slice(&panel[..width]);
            }
        }
    }
}

/// A few places, and the gradients of a few vectors of their filters.
struct Block<'a, V> {
    images: &'a [f32],
    starts: &'a [usize],
    dy: &'a [V],
}

impl<F: bytemuck::Pod> Block<'_, F> {
    /// Adds the products with the `J` inputs from `at` on, counted from the start of a
    /// window, to sums `[J, V]`.
    #[inline(always)]
    fn add<S: Simd<f32s = F>, const V: usize, const J: usize>(
        &self,
        simd: S,
        at: usize,
        sums: &mut [F],
    ) {
        let mut of_block = [[simd.splat_f32s(0.0); V]; J];
        for (start, dy) in self.starts.iter().zip(self.dy.chunks_exact(V)) {
            let x = &self.images[start + at..][..J];
            for (sums, &x) in of_block.iter_mut().zip(x) {
                let x = simd.splat_f32s(x);
                for (sum, &dy) in sums.iter_mut().zip(dy) {
                    *sum = simd.mul_add_e_f32s(x, dy, *sum);
                }
            }
        }
        for (sums, of_block) in sums.chunks_exact_mut(V).zip(of_block) {
            for (sum, of_block) in sums.iter_mut().zip(of_block) {
                *sum = simd.add_f32s(*sum, of_block);
            }
        }
    }
}
