//! `[reptile]` of a config.

use serde::{Deserialize, Serialize};

use super::check::{Fault, at_least_one, positive, require};
use super::{Config, Method, StepLoss};
use crate::meta::ReptileStep;

/// How Reptile trains. `[inner]` says how its result adapts, in validation and on
/// the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReptileConfig {
    /// Inner steps.
    pub steps: usize,
    /// Their step size.
    pub rate: f64,
    /// Examples of each step, out of all of a task, support and query set
    /// alike; all of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// What follows their gradients.
    #[serde(default)]
    pub optimiser: ReptileStep,
}

/// What `[reptile]` must satisfy beyond its types.
pub(super) fn check(config: &Config) -> Result<(), Fault> {
    let Some(reptile) = &config.reptile else {
        return require(
            config.method != Method::Reptile,
            "reptile",
            "a table, as method = \"reptile\"",
            "nothing",
        );
    };
    require(
        config.method == Method::Reptile,
        "reptile",
        "no such table unless method = \"reptile\"",
        "one",
    )?;
    at_least_one("reptile.steps", reptile.steps)?;
    positive("reptile.rate", reptile.rate)?;
    if let Some(batch) = reptile.batch {
        let shots = config.meta.shots.choices().iter().min().unwrap_or(&1);
        let examples =
            config.tasks.support_size(*shots) + config.tasks.set_size(config.meta.queries);
        require(
            (1..=examples).contains(&batch),
            "reptile.batch",
            format!("1 to {examples}, the examples of a task"),
            batch,
        )?;
    }
    require(
        config.meta.step_loss == StepLoss::Last,
        "meta.step_loss",
        "\"last\" for method = \"reptile\", which has no query loss",
        "another",
    )
}
