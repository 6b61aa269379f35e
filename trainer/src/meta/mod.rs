//! Meta-learning: the inner adaptation, the gradient through it, and the
//! optimiser that follows that gradient.

mod backward;
mod body;
mod checkpointing;
mod curvature;
mod hessian;
mod inner;
mod objective;
mod optimiser;
mod parts;
mod prototypes;
mod rates;
mod step;

pub(crate) use backward::over_tasks;
pub use curvature::{Curvature, Direction};
pub use inner::InnerLoop;
pub use objective::{Graph, MetaGradient, MetaObjective, Order};
pub use optimiser::{Clip, Optimiser, OptimiserKind, OptimiserState};
pub use parts::{in_parts, tasks_at_once};
pub use rates::{RatePer, RateTable, from_logarithms, in_rows};
pub use step::{InnerOptimiser, PerTensor, Rate, Taken};

use burn::tensor::{Tensor, TensorData, backend::Backend};

use crate::nn::Network;

/// Splits a flat vector of all parameters into the network's tensors, each
/// with a leading axis of 1.
pub fn split<B: Backend>(network: &Network, flat: &Tensor<B, 1>) -> Vec<Tensor<B, 3>> {
    let mut offset = 0;
    network
        .tensors()
        .iter()
        .map(|info| {
            let range = offset..offset + info.len();
            offset = range.end;
            flat.clone().slice([range]).reshape(info.dims(1))
        })
        .collect()
}

/// Splits a flat vector of all parameters into those of the network's tensors.
/// Panics if there are not enough; those beyond are left out.
pub fn split_host(network: &Network, flat: &[f32]) -> Vec<Vec<f32>> {
    let mut rest = flat;
    let infos = network.tensors().iter();
    infos
        .map(|info| {
            let (tensor, after) = rest.split_at(info.len());
            rest = after;
            tensor.to_vec()
        })
        .collect()
}

/// Puts tensors `[1, ...]` behind one another in a flat vector.
pub fn join<B: Backend>(tensors: Vec<Tensor<B, 3>>) -> Tensor<B, 1> {
    Tensor::cat(
        tensors
            .into_iter()
            .map(|tensor| {
                let length = tensor.shape().num_elements();
                tensor.reshape([length])
            })
            .collect(),
        0,
    )
}

/// Moves host parameters, one row-major vector per tensor, to a device, each
/// with a leading axis of 1. Panics if the lengths are not the network's.
pub fn to_device<B: Backend>(
    network: &Network,
    host: &[Vec<f32>],
    device: &B::Device,
) -> Vec<Tensor<B, 3>> {
    network
        .tensors()
        .iter()
        .zip(host)
        .map(|(info, data)| Tensor::from_data(TensorData::new(data.clone(), info.dims(1)), device))
        .collect()
}

/// Reads a tensor back to the host, row-major.
pub fn to_host<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    // `convert` makes the element type f32, which is the only thing that
    // `to_vec` can object to.
    tensor
        .into_data()
        .convert::<f32>()
        .to_vec()
        .expect("f32 data")
}
