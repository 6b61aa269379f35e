//! Inner learning rates: one per step and adapting tensor, or one per step and
//! parameter.

use burn::tensor::{Tensor, TensorData, backend::Backend};
use serde::{Deserialize, Serialize};

use super::Rate;
use crate::nn::Network;

/// What has a rate of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RatePer {
    /// Every adapting tensor (per-layer per-step rates, MAML++, Antoniou et al.
    /// 2019). This is what an artifact holds.
    #[default]
    Tensor,
    /// Every parameter of the adapting tensors (Meta-SGD, Li et al. 2017).
    Parameter,
}

impl RatePer {
    /// The shape of each adapting tensor's rate, `[1, 1, 1]` or the tensor's own.
    pub fn dims(self, network: &Network) -> Vec<[usize; 3]> {
        let adapting = network.tensors().iter().filter(|info| info.adapts);
        adapting
            .map(|info| match self {
                Self::Tensor => [1; 3],
                Self::Parameter => info.dims(1),
            })
            .collect()
    }
}

/// The rates of all steps. Steps beyond the table repeat its last row. This is
/// the recipe that belongs to the weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateTable {
    dims: Vec<[usize; 3]>,
    rows: Vec<Vec<f32>>,
}

impl RateTable {
    /// The same rate everywhere.
    pub fn constant(rate: f32, steps: usize, tensors: usize) -> Self {
        Self {
            dims: vec![[1; 3]; tensors],
            rows: vec![vec![rate; tensors]; steps.max(1)],
        }
    }

    /// From a flat vector, step after step, for rates of the shapes `dims`, one
    /// for each adapting tensor. Panics if the vector is empty or not a multiple
    /// of their sizes.
    pub fn from_flat(flat: &[f32], dims: Vec<[usize; 3]>) -> Self {
        let width = width(&dims);
        assert!(!flat.is_empty() && flat.len().is_multiple_of(width));
        Self {
            dims,
            rows: flat.chunks_exact(width).map(<[f32]>::to_vec).collect(),
        }
    }

    /// The rows, first step first: tensor after tensor, and each one's elements
    /// row-major where it has more than one rate.
    pub fn rows(&self) -> &[Vec<f32>] {
        &self.rows
    }

    /// Whether every tensor has a single rate.
    pub fn is_per_tensor(&self) -> bool {
        self.dims.iter().all(|dims| *dims == [1; 3])
    }

    /// `other` with the rates of this table where both have the same tensor and step.
    ///
    /// `here(t)` is the number in this table of tensor `t` of `other`, `None` if it is not
    /// in it: that tensor keeps its rates, and so do the steps that this table does not
    /// have. Where a tensor has one rate here and one for every parameter in `other`, each
    /// parameter gets the tensor's.
    ///
    /// `None` where a tensor has a rate for every parameter here and not in `other`.
    pub fn written_over(
        &self,
        other: &Self,
        here: impl Fn(usize) -> Option<usize>,
    ) -> Option<Self> {
        let own: Vec<_> = slices(&self.dims).collect();
        let pairs: Vec<_> = slices(&other.dims)
            .enumerate()
            .map(|(there, to)| (to, here(there).map(|at| own[at].clone())))
            .collect();
        let fits = |((_, theirs), own): &(_, Option<(_, [usize; 3])>)| {
            own.as_ref()
                .is_none_or(|(_, own)| *own == [1; 3] || own == theirs)
        };
        if !pairs.iter().all(fits) {
            return None;
        }
        let merged = |(row, theirs): (&Vec<f32>, &Vec<f32>)| -> Vec<f32> {
            let values = pairs.iter().flat_map(|((to, dims), own)| match own {
                Some((from, _)) => {
                    let copies = dims.iter().product::<usize>() / from.len();
                    row[from.clone()].repeat(copies)
                }
                None => theirs[to.clone()].to_vec(),
            });
            values.collect()
        };
        let taken = self.rows.iter().zip(&other.rows).map(merged);
        let rest = other.rows.iter().skip(self.rows.len()).cloned();
        Some(Self {
            dims: other.dims.clone(),
            rows: taken.chain(rest).collect(),
        })
    }

    /// With the rates of every adapting tensor multiplied by its factor. Panics
    /// unless every tensor has a single rate.
    pub fn scaled(mut self, factors: &[f32]) -> Self {
        assert!(self.is_per_tensor());
        for row in &mut self.rows {
            for (rate, factor) in row.iter_mut().zip(factors) {
                *rate *= factor;
            }
        }
        self
    }

    /// All rates, step after step.
    pub fn flat(&self) -> Vec<f32> {
        self.rows.concat()
    }

    /// As numbers where tensors have one rate each, else as tensors on `device`.
    pub fn on<B: Backend>(&self, device: &B::Device) -> Vec<Vec<Rate<B>>> {
        let per_tensor = self.is_per_tensor();
        let rate = |values: &[f32], dims: [usize; 3]| match values {
            [rate] if per_tensor => Rate::Fixed(*rate),
            _ => Rate::Learned(Tensor::from_data(
                TensorData::new(values.to_vec(), dims),
                device,
            )),
        };
        self.rows
            .iter()
            .map(|row| {
                slices(&self.dims)
                    .map(|(range, dims)| rate(&row[range], dims))
                    .collect()
            })
            .collect()
    }
}

/// Learned rates from a flat vector of their logarithms, step after step, of
/// the shapes `dims` in each: `α = e^ρ`. Also returns `α` as a flat vector, by
/// which the gradient of `α` becomes that of `ρ`.
///
/// Rates stay positive this way, where Meta-SGD lets them change sign: a step
/// along a positive diagonal goes down the support loss if it is short enough,
/// which a device that adapts unattended relies on.
pub fn from_logarithms<B: Backend>(
    logarithms: &Tensor<B, 1>,
    dims: &[[usize; 3]],
) -> (Vec<Vec<Rate<B>>>, Tensor<B, 1>) {
    let flat = logarithms.clone().exp();
    let rows = in_rows(&flat, dims).into_iter();
    let rates = rows.map(|row| row.into_iter().map(Rate::Learned).collect());
    (rates.collect(), flat)
}

/// A flat vector, step after step, as tensors of the shapes `dims` for each step.
pub fn in_rows<B: Backend>(flat: &Tensor<B, 1>, dims: &[[usize; 3]]) -> Vec<Vec<Tensor<B, 3>>> {
    let width = width(dims);
    let row = |step: usize| {
        let tensors = slices(dims).map(|(range, dims)| {
            let range = step * width + range.start..step * width + range.end;
            flat.clone().slice([range]).reshape(dims)
        });
        tensors.collect()
    };
    (0..flat.dims()[0] / width).map(row).collect()
}

/// Rates of one step.
fn width(dims: &[[usize; 3]]) -> usize {
    dims.iter().map(|dims| dims.iter().product::<usize>()).sum()
}

/// Where in a row each tensor's rates are, with their shape.
fn slices(dims: &[[usize; 3]]) -> impl Iterator<Item = (std::ops::Range<usize>, [usize; 3])> + '_ {
    let mut start = 0;
    dims.iter().map(move |&dims| {
        let range = start..start + dims.iter().product::<usize>();
        start = range.end;
        (range, dims)
    })
}
