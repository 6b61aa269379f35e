//! Parameters and rates as flat vectors, on the device and on the host.

use burn::tensor::{Tensor, TensorData, backend::Backend};

use crate::meta::{RateTable, to_host};

/// The logarithms of rates, step after step.
pub(crate) fn logarithms<B: Backend>(rates: &RateTable, device: &B::Device) -> Tensor<B, 1> {
    let logarithms: Vec<f32> = rates.flat().iter().map(|rate| rate.ln()).collect();
    vector(&logarithms, device)
}

/// On the device.
pub(crate) fn vector<B: Backend>(data: &[f32], device: &B::Device) -> Tensor<B, 1> {
    Tensor::from_data(TensorData::new(data.to_vec(), [data.len()]), device)
}

/// On the host; of none, none.
pub(crate) fn numbers<B: Backend>(vector: Option<&Tensor<B, 1>>) -> Vec<f32> {
    vector.cloned().map_or(Vec::new(), to_host)
}
