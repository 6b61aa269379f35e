//! The layers that take most of the time, on the numbers themselves where those are in
//! the host's memory: fewer passes over them than tensor operations make.
//!
//! Every function here has the same one made of tensor operations beside it, which
//! other devices use and which an autodiff backend sees through.
//!
//! A core takes one chunk after the other, each of which fits its cache. Chunks do not
//! depend on the number of cores, so neither do results.

pub mod conv;
mod grid;
pub mod pool;
pub mod rows;

use std::any::Any;

use burn::backend::flex::FlexTensor;
use burn::tensor::{Tensor, TensorData, TensorPrimitive, backend::Backend};
use rayon::prelude::*;

use crate::device::CACHED;

/// Rows or images in a chunk, each of so many numbers.
pub(super) fn per_chunk(numbers: usize) -> usize {
    (CACHED / numbers).max(1)
}

/// Sums of so many chunks: `of_chunk` adds those of one to zeros. They are added up in
/// their order.
pub(super) fn add_up(chunks: usize, sums: &mut [f32], of_chunk: impl Fn(usize, &mut [f32]) + Sync) {
    if chunks == 1 {
        return of_chunk(0, sums);
    }
    let of_chunks = (0..chunks).into_par_iter().map(|chunk| {
        let mut of_this = vec![0.0; sums.len()];
        of_chunk(chunk, &mut of_this);
        of_this
    });
    let of_chunks: Vec<Vec<f32>> = of_chunks.collect();
    for of_chunk in of_chunks {
        for (sum, of_chunk) in sums.iter_mut().zip(of_chunk) {
            *sum += of_chunk;
        }
    }
}

/// The numbers of a tensor, row-major. Each look at them costs something, so a loop
/// takes them before it starts.
pub(super) struct Numbers(FlexTensor);

impl Numbers {
    /// `None` where they are not in the host's memory, or a graph is made of them.
    pub fn of<B: Backend, const D: usize>(x: &Tensor<B, D>) -> Option<Self> {
        let primitive = x.clone().into_primitive().tensor();
        let tensor = (&primitive as &dyn Any).downcast_ref::<FlexTensor>()?;
        let tensor = tensor.to_contiguous();
        tensor.as_slice::<f32>().is_some().then_some(Self(tensor))
    }
}

impl std::ops::Deref for Numbers {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // Looked at when it was made.
        self.0.as_slice().unwrap_or_default()
    }
}

/// A matrix for every group, such as a task's weights, or one that all groups share.
pub(super) struct PerGroup {
    numbers: Numbers,
    of_group: usize,
    shared: bool,
}

impl PerGroup {
    /// Of `[G or 1, rows, columns]`.
    pub fn of<B: Backend>(matrices: &Tensor<B, 3>) -> Option<Self> {
        let [groups, rows, columns] = matrices.dims();
        Some(Self {
            numbers: Numbers::of(matrices)?,
            of_group: rows * columns,
            shared: groups == 1,
        })
    }

    /// Its numbers, row-major.
    pub fn group(&self, group: usize) -> &[f32] {
        let group = if self.shared { 0 } else { group };
        &self.numbers[group * self.of_group..][..self.of_group]
    }
}

/// A tensor of these numbers, row-major.
pub(super) fn tensor<B: Backend, const D: usize>(
    numbers: Vec<f32>,
    dims: [usize; D],
    device: &B::Device,
) -> Tensor<B, D> {
    Tensor::from_data(TensorData::new(numbers, dims), device)
}

/// `combine` of every value of `x` and that of `y` in its place.
pub(super) fn with_each<B: Backend, const D: usize>(
    x: &Tensor<B, D>,
    y: &Tensor<B, D>,
    combine: impl Fn(f32, f32) -> f32 + Sync,
) -> Option<Tensor<B, D>> {
    let (a, b) = (Numbers::of(x)?, Numbers::of(y)?);
    let mut combined = vec![0.0; a.len()];
    let chunks = combined
        .par_chunks_mut(CACHED)
        .zip(a.par_chunks(CACHED))
        .zip(b.par_chunks(CACHED));
    chunks.for_each(|((to, a), b)| {
        for ((to, &a), &b) in to.iter_mut().zip(a).zip(b) {
            *to = combine(a, b);
        }
    });
    Some(tensor(combined, x.dims(), &x.device()))
}

/// Lets `change` work on the numbers of a tensor, row-major; gives the tensor back where
/// they are not at hand, or something else has them too.
pub(super) fn changed<B: Backend, const D: usize>(
    x: Tensor<B, D>,
    change: impl FnOnce(&mut [f32]),
) -> Result<Tensor<B, D>, Tensor<B, D>> {
    let mut primitive = x.into_primitive().tensor();
    let plain = (&mut primitive as &mut dyn Any).downcast_mut::<FlexTensor>();
    let done = plain.is_some_and(|tensor| {
        let part = tensor.layout().contiguous_offsets();
        match (part, tensor.try_storage_mut::<f32>()) {
            (Some((start, end)), Some(numbers)) => {
                change(&mut numbers[start..end]);
                true
            }
            _ => false,
        }
    });
    let x = Tensor::from_primitive(TensorPrimitive::Float(primitive));
    if done { Ok(x) } else { Err(x) }
}
