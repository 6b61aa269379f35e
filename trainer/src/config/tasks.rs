//! What `[tasks]` and the other tables of a config must satisfy together.

use super::Config;
use super::check::{Fault, require};
use crate::algorithms::Algorithm;
use crate::environments::Actions;
use crate::loss::{LossKind, Reduction};
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
    if let Some(actions) = config.tasks.facts().actions {
        return check_acting(config, actions);
    }
    let classes = config.tasks.classes();
    let fits = match config.inner.loss {
        LossKind::Mse | LossKind::Huber { .. } => true,
        LossKind::CrossEntropy => classes.is_some(),
        LossKind::GaussianPolicy
        | LossKind::CategoricalPolicy
        | LossKind::Surrogate(_)
        | LossKind::Divergence(_) => false,
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

/// Where a policy acts.
fn check_acting(config: &Config, actions: Actions) -> Result<(), Fault> {
    let (fits, expected) = match actions {
        Actions::Continuous(_) => (
            config.inner.loss == LossKind::GaussianPolicy,
            "\"gaussian_policy\", as a policy acts by numbers",
        ),
        Actions::Discrete(_) => (
            config.inner.loss == LossKind::CategoricalPolicy,
            "\"categorical_policy\", as a policy acts by choices",
        ),
    };
    let given = format!("the {}", config.inner.loss.name());
    require(fits, "inner.loss", expected, given)?;
    require(
        config.inner.reduction == Reduction::Mean,
        "inner.reduction",
        "\"mean\", as a policy acts",
        "\"sum\"",
    )?;
    require(
        config.method.properties().acts,
        "method",
        "\"maml\", \"pretraining\", \"oracle\" or \"random\", as a policy acts",
        format!("\"{}\"", config.method.name()),
    )?;
    require(
        config.meta.shots.choices().len() == 1,
        "meta.shots",
        "one number of rollouts",
        format!("{:?}", config.meta.shots.choices()),
    )
}
