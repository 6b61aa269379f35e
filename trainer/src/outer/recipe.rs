//! The meta-optimiser that a config describes.

use burn::tensor::backend::Backend;

use super::flat::vector;
use crate::config::Config;
use crate::meta::{Optimiser, OptimiserKind};
use crate::nn::{Network, TensorInfo};

/// The meta-optimiser of the parameters.
pub(super) fn optimiser<B: Backend>(
    config: &Config,
    network: &Network,
    device: &B::Device,
) -> Optimiser<B, 1> {
    let meta = &config.meta;
    let betas = meta.betas.map(|beta| beta as f32);
    match meta.optimiser {
        OptimiserKind::Sgd => Optimiser::descent(),
        OptimiserKind::Adam => Optimiser::new(betas),
        OptimiserKind::AdamW => {
            let strength = |info: &TensorInfo| match info.is_weight() {
                true => meta.weight_decay as f32,
                false => 0.0,
            };
            let infos = network.tensors().iter();
            let decay: Vec<f32> = infos
                .flat_map(|info| std::iter::repeat_n(strength(info), info.len()))
                .collect();
            Optimiser::decaying(betas, vector(&decay, device))
        }
    }
}
