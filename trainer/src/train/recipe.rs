//! What a config says of a meta-step, put together.

use burn::tensor::backend::Backend;

use super::flat::vector;
use crate::config::Config;
use crate::meta::{Maml, Optimiser, OptimiserKind, Reptile};
use crate::nn::{Network, TensorInfo};

/// Reptile over `network`, the size of its inner batches and their number, if
/// that is the method.
pub(super) fn reptile(
    config: &Config,
    network: &Network,
) -> Option<(Reptile, Option<usize>, usize)> {
    let settings = config.reptile.as_ref()?;
    let reptile = Reptile::new(
        network,
        config.loss(),
        config.inner_optimiser(),
        settings.optimiser,
        settings.rate as f32,
    );
    Some((reptile, settings.batch, settings.steps))
}

/// MAML over `network`.
pub(super) fn maml(config: &Config, network: Network) -> Maml {
    Maml::new(
        network,
        config.loss(),
        config.inner_optimiser(),
        config.inner.order,
        config.inner.graph,
    )
    .with_query_batches(config.meta.query_batches)
}

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
