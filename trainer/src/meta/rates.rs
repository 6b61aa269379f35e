//! Inner learning rates: one per step and adapting tensor.

use burn::tensor::{Tensor, TensorData, backend::Backend};
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

    /// As tensors that keep gradients on an autodiff backend.
    pub fn learned<B: Backend>(&self, device: &B::Device) -> Vec<Vec<Rate<B>>> {
        self.rows
            .iter()
            .map(|row| {
                row.iter()
                    .map(|&rate| {
                        let data = TensorData::new(vec![rate], [1, 1, 1]);
                        Rate::Learned(Tensor::from_data(data, device).require_grad())
                    })
                    .collect()
            })
            .collect()
    }
}
