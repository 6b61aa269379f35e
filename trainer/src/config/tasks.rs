//! What `[tasks]` and the other tables of a config must satisfy together.

use super::Config;
use super::check::{Fault, require};
use crate::loss::LossKind;
use crate::nn::LayerSpec;

/// What `[tasks]` must satisfy beyond its types, alone and with the other tables.
pub(super) fn check(config: &Config) -> Result<(), Fault> {
    config.tasks.check()?;
    let scaled = config.tasks.has_target_scale();
    require(
        !scaled || matches!(config.model.layers.last(), Some(LayerSpec::Dense { .. })),
        "model.layers",
        "a dense layer last, which takes the scale of the targets when exported",
        "another",
    )?;
    require(
        !scaled || config.inner.clip_norm.is_none(),
        "inner.clip_norm",
        "no such key, as the targets' scale, which goes into the weights when exported, would \
         change what it bounds",
        config.inner.clip_norm.unwrap_or(0.0),
    )?;
    let classes = config.tasks.classes();
    let fits = match config.inner.loss {
        LossKind::Mse | LossKind::Huber { .. } => true,
        LossKind::CrossEntropy => classes.is_some(),
        LossKind::GaussianPolicy | LossKind::CategoricalPolicy => false,
    };
    require(
        fits,
        "inner.loss",
        match classes {
            Some(_) => "\"cross_entropy\", \"mse\" or \"huber\", as targets are classes",
            None => "\"mse\" or \"huber\", as targets are values",
        },
        format!("the {}", config.inner.loss.name()),
    )
}
