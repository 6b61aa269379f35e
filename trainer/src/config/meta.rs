//! `[meta]` of a config.

use serde::{Deserialize, Serialize};

use super::check::{Fault, at_least_one, decay, positive, require};
use super::{Config, Schedule, StepLoss};
use crate::algorithms::Algorithm;
use crate::meta::OptimiserKind;
use crate::nn::Statistics;
use crate::predict::Predictor;

/// The outer loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetaConfig {
    /// Meta-steps.
    pub iterations: u64,
    /// Tasks per meta-step.
    #[serde(default = "default::tasks")]
    pub tasks: usize,
    /// Classes of a training task, for what may train on more than it is evaluated
    /// on: `method = "prototypical"` and `model.head = "shared"` or `"prototype"`;
    /// `tasks.ways` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ways: Option<usize>,
    /// Support examples per task, or per class where tasks have classes: a
    /// number, or several of which one is drawn per iteration.
    pub shots: Shots,
    /// Query examples per task, or per class.
    pub queries: usize,
    /// Batches that the queries are evaluated in, a divisor of `queries`. Norms that use the
    /// batch at hand see one batch at a time, with as many queries of each class. With 5
    /// queries in 5 batches, each adaptation is evaluated on five batches of one query of
    /// each class.
    #[serde(default = "default::query_batches", skip_serializing_if = "is_one")]
    pub query_batches: usize,
    /// What follows the meta-gradient.
    #[serde(default)]
    pub optimiser: OptimiserKind,
    /// Its step size.
    #[serde(default = "default::rate")]
    pub rate: f64,
    /// Adam's decay rates.
    #[serde(default = "default::betas")]
    pub betas: [f64; 2],
    /// How strongly AdamW pulls weights to 0; biases, norms and contexts are
    /// left alone.
    #[serde(default)]
    pub weight_decay: f64,
    /// Iterations in which the step size rises in a straight line from nothing
    /// to the full rate.
    #[serde(default)]
    pub warm_up: u64,
    /// How the step size falls from there on.
    #[serde(default)]
    pub schedule: Schedule,
    /// Where the schedule ends, as a share of the full rate.
    #[serde(default = "default::floor")]
    pub floor: f64,
    /// Bound on every element of the meta-gradient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_value: Option<f64>,
    /// Bound on the norm of the meta-gradient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Decay `β` of an exponential mean of the parameters along the way, such as
    /// 0.99, over the last `1/(1 − β)` iterations or so. Where there is one, it is
    /// what is evaluated, kept and exported in place of the parameters themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ema: Option<f64>,
    /// How the query losses of the inner steps are weighted.
    #[serde(default)]
    pub step_loss: StepLoss,
    /// From this iteration on, batch norms with `stored` statistics train with
    /// what they will use on the device: the statistics are measured there and
    /// then, and are constants to the rest of training. Absent: measured once
    /// training is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics_from: Option<u64>,
}

/// Number of support examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Shots {
    /// Always the same.
    One(usize),
    /// Drawn uniformly from these, once per iteration.
    Several(Vec<usize>),
}

impl Shots {
    /// The numbers to draw from.
    pub fn choices(&self) -> &[usize] {
        match self {
            Self::One(shots) => std::slice::from_ref(shots),
            Self::Several(shots) => shots,
        }
    }
}

impl MetaConfig {
    /// Factor on the step sizes at `iteration` (from 0): `(i + 1)/w` during the
    /// `w` iterations of the warm-up, then that of the schedule over those that
    /// are left.
    pub fn rate_factor(&self, iteration: u64) -> f64 {
        match iteration.checked_sub(self.warm_up) {
            None => (iteration + 1) as f64 / self.warm_up as f64,
            Some(done) => {
                let total = self.iterations.saturating_sub(self.warm_up).max(1);
                self.schedule.factor(done as f64 / total as f64, self.floor)
            }
        }
    }
}

fn is_one(number: &usize) -> bool {
    *number == 1
}

mod default {
    pub fn query_batches() -> usize {
        1
    }
    pub fn tasks() -> usize {
        25
    }
    pub fn rate() -> f64 {
        1e-3
    }
    pub fn floor() -> f64 {
        0.01
    }
    pub fn betas() -> [f64; 2] {
        [0.9, 0.999]
    }
}

/// What `[meta]` must satisfy beyond its types.
pub(super) fn check(config: &Config) -> Result<(), Fault> {
    check_tasks(config)?;
    check_optimiser(&config.meta)?;
    check_statistics(config)?;
    check_step_loss(config)
}

/// The sizes of an iteration's tasks.
fn check_tasks(config: &Config) -> Result<(), Fault> {
    let meta = &config.meta;
    at_least_one("meta.tasks", meta.tasks)?;
    at_least_one("meta.queries", meta.queries)?;
    require(
        meta.queries.is_multiple_of(meta.query_batches),
        "meta.query_batches",
        format!("a divisor of meta.queries, {}", meta.queries),
        meta.query_batches,
    )?;
    require(
        meta.query_batches == 1 || config.method.properties().through_inner_loop,
        "meta.query_batches",
        "1, unless method = \"maml\"",
        meta.query_batches,
    )?;
    if let Some(ways) = meta.ways {
        let takes_any = config.method.predictor() == Predictor::Prototypes
            || config.model.head.takes_any_ways();
        require(
            takes_any && ways >= 2,
            "meta.ways",
            "at least 2, for method = \"prototypical\", model.head = \"shared\" or \"prototype\" \
             only",
            ways,
        )?;
    }
    require(
        !meta.shots.choices().is_empty(),
        "meta.shots",
        "at least one number",
        "[]",
    )?;
    let mut shots = meta.shots.choices().iter();
    shots.try_for_each(|&shots| at_least_one("meta.shots", shots))
}

/// What follows the meta-gradient.
fn check_optimiser(meta: &MetaConfig) -> Result<(), Fault> {
    positive("meta.rate", meta.rate)?;
    for beta in meta.betas {
        decay("meta.betas", beta)?;
    }
    let decays = meta.optimiser == OptimiserKind::AdamW;
    require(
        if decays {
            meta.weight_decay > 0.0 && meta.weight_decay.is_finite()
        } else {
            meta.weight_decay == 0.0
        },
        "meta.weight_decay",
        if decays {
            "a number above 0, such as 0.01, as meta.optimiser = \"adamw\""
        } else {
            "0, unless meta.optimiser = \"adamw\""
        },
        meta.weight_decay,
    )?;
    require(
        meta.warm_up <= meta.iterations,
        "meta.warm_up",
        format!("at most meta.iterations, {}", meta.iterations),
        meta.warm_up,
    )?;
    require(
        (0.0..=1.0).contains(&meta.floor),
        "meta.floor",
        "a share of the full rate, from 0 to 1",
        meta.floor,
    )?;
    if let Some(value) = meta.ema {
        decay("meta.ema", value)?;
    }
    if let Some(value) = meta.clip_value {
        positive("meta.clip_value", value)?;
    }
    if let Some(norm) = meta.clip_norm {
        positive("meta.clip_norm", norm)?;
    }
    Ok(())
}

/// When the statistics of norms are settled.
fn check_statistics(config: &Config) -> Result<(), Fault> {
    let Some(iteration) = config.meta.statistics_from else {
        return Ok(());
    };
    let norms = |wanted| {
        let layers = config.model.layers.iter();
        let those = layers.filter(|layer| layer.statistics() == Some(wanted));
        those.count()
    };
    require(
        norms(Statistics::Stored) > 0 && norms(Statistics::PerStep) == 0,
        "meta.statistics_from",
        "a network whose batch norms have `statistics = \"stored\"`",
        iteration,
    )?;
    require(
        iteration < config.meta.iterations,
        "meta.statistics_from",
        "an iteration of the training",
        iteration,
    )
}

/// The weights of the query losses.
fn check_step_loss(config: &Config) -> Result<(), Fault> {
    match &config.meta.step_loss {
        StepLoss::Last => Ok(()),
        StepLoss::Annealed { iterations } => require(
            *iterations >= 1,
            "meta.step_loss.iterations",
            "at least 1",
            iterations,
        ),
        StepLoss::Fixed { weights } => {
            let usable = weights
                .iter()
                .all(|weight| weight.is_finite() && *weight >= 0.0)
                && weights.last().is_some_and(|last| *last > 0.0);
            let steps = config.inner.steps;
            require(
                usable && weights.len() == steps,
                "meta.step_loss.weights",
                format!("{steps} numbers of at least 0, one per inner step, the last above 0"),
                format!("{weights:?}"),
            )
        }
    }
}
