//! The layers: one file each.
//!
//! A layer's file has the keys that a config gives it, what it says about itself ([`Facts`]),
//! and what it computes ([`Operation`]): forward, backward, and how both move along a direction
//! of the parameters. Layers of a family share a file with what they have in common:
//!
//! | family | layers | what each says |
//! |---|---|---|
//! | [`affine`] | linear in their input and in their weight | the products with either |
//! | [`map`] | linear in their input, without tensors | the map and its adjoint |
//! | [`activation`] | functions of a position's channels, whose backward needs `y` alone | `J·ẋ`, `Jᵀ·dy`, and how `J` moves |
//! | [`norm`] | the norms | over which sets |
//!
//! A layer of no family implements both traits itself, as [`context`] does. `trainer/docs/adding.md`
//! says how to add one.

#[macro_use]
mod register;

mod activation;
mod affine;
mod average_pool;
mod batch_norm;
mod context;
mod conv;
mod dense;
mod depthwise;
mod facts;
mod flatten;
mod global_average_pool;
mod group_norm;
mod layer_norm;
mod leaky_relu;
mod map;
mod max_pool;
#[cfg(test)]
mod neighbour;
mod norm;
mod operation;
mod relu;
mod relu6;
mod sigmoid;
mod softmax;
mod tanh;

use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use super::shape::Shape;
pub use average_pool::AveragePool;
pub use batch_norm::{BatchNorm, Statistics};
pub use context::Context;
pub use conv::Conv;
pub use dense::Dense;
pub use depthwise::Depthwise;
use facts::{Build, Keys};
pub(crate) use facts::{Facts, KeyFault, OnIntegers, Packing, Products, Role, Stored, Widths};
pub use flatten::Flatten;
pub use global_average_pool::GlobalAveragePool;
pub use group_norm::GroupNorm;
pub use layer_norm::LayerNorm;
pub use leaky_relu::LeakyRelu;
pub use max_pool::MaxPool;
#[cfg(test)]
pub use neighbour::Neighbour;
use norm::Norm;
pub(in crate::nn) use operation::{ForwardTangent, Operation, OutputGradient, Pass, Passes};
pub use relu::Relu;
pub use relu6::Relu6;
pub use sigmoid::Sigmoid;
pub use softmax::Softmax;
pub use tanh::Tanh;

layers! {
    Dense "dense",
    Conv "conv",
    Depthwise "depthwise",
    MaxPool "max_pool",
    AveragePool "average_pool",
    BatchNorm "batch_norm",
    GroupNorm "group_norm",
    LayerNorm "layer_norm",
    LeakyRelu "leaky_relu",
    Context "context";
    GlobalAveragePool "global_average_pool",
    Flatten "flatten",
    Relu "relu",
    Relu6 "relu6",
    Tanh "tanh",
    Sigmoid "sigmoid",
    Softmax "softmax",
    #[cfg(test)] Neighbour "neighbour",
}

/// Defaults of keys.
mod default {
    use super::super::shape::{Extent, Padding};

    pub fn groups() -> usize {
        1
    }
    pub fn is_one(groups: &usize) -> bool {
        *groups == 1
    }
    pub fn stride() -> Extent {
        Extent::Square(1)
    }
    pub fn padding() -> Padding {
        Padding::Same
    }
    pub fn pool_padding() -> Padding {
        Padding::Valid
    }
    pub fn epsilon() -> f64 {
        1e-5
    }
}
