//! Inner learning rates: one per step and adapting tensor.

use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use super::Rate;

/// `rates[step][adapting tensor]`. Steps beyond the table repeat its last row.
/// This is the recipe that is exported with the weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateTable {
    rows: Vec<Vec<f32>>,
}

impl RateTable {
    /// The same rate everywhere.
    pub fn constant(rate: f32, steps: usize, tensors: usize) -> Self {
        Self {
            rows: vec![vec![rate; tensors]; steps.max(1)],
        }
    }

    /// From a flat vector, step after step. Panics if it is empty or not a
    /// multiple of `tensors`.
    pub fn from_flat(flat: &[f32], tensors: usize) -> Self {
        assert!(!flat.is_empty() && flat.len().is_multiple_of(tensors));
        Self {
            rows: flat.chunks_exact(tensors).map(<[f32]>::to_vec).collect(),
        }
    }

    /// The rows, first step first.
    pub fn rows(&self) -> &[Vec<f32>] {
        &self.rows
    }

    /// All rates, step after step.
    pub fn flat(&self) -> Vec<f32> {
        self.rows.concat()
    }

    /// As fixed numbers.
    pub fn fixed<B: Backend>(&self) -> Vec<Vec<Rate<B>>> {
        self.rows
            .iter()
            .map(|row| row.iter().map(|&rate| Rate::Fixed(rate)).collect())
            .collect()
    }
}

/// Learned rates from a flat vector of their logarithms, step after step, so
/// that they stay positive: `α = e^ρ`. Also returns `α` as a flat vector, by
/// which the gradient of `α` becomes that of `ρ`.
pub fn from_logarithms<B: Backend>(
    logarithms: &Tensor<B, 1>,
    tensors: usize,
) -> (Vec<Vec<Rate<B>>>, Tensor<B, 1>) {
    let flat = logarithms.clone().exp();
    let rates = (0..flat.dims()[0] / tensors)
        .map(|step| {
            (0..tensors)
                .map(|tensor| {
                    let index = step * tensors + tensor;
                    Rate::Learned(flat.clone().slice(index..index + 1).reshape([1, 1, 1]))
                })
                .collect()
        })
        .collect();
    (rates, flat)
}
