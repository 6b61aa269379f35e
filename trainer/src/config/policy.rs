//! `[policy]` of a config: how a policy learns from what it did.

use serde::{Deserialize, Serialize};

use super::check::{Fault, at_least_one, decay, not_negative, positive, require};
use super::{Config, StepLoss};
use crate::loss::Estimator;
use crate::predict::sees_the_batch;
use crate::rollouts::{Limit, Weighing};

/// How a policy learns from what it did. The objective is the expected return after
/// adaptation by the expected inner gradient (ProMP's first formulation, Rothfuss et al.
/// 2019, section 4): `J(θ) = E_T E_{τ' ~ π_θ'}[R(τ')]` with `θ' = θ + α ∇ E_{τ ~ π_θ}[R(τ)]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// Discount `γ` of rewards.
    pub discount: f64,
    /// `λ` of generalised advantage estimation.
    pub lambda: f64,
    /// Whether the advantages of a task are brought to mean 0 and standard deviation 1
    /// before each step.
    pub standardise: bool,
    /// The surrogate of the inner steps, which decides how much of the second-order term
    /// the outer gradient sees.
    pub estimator: Estimator,
    /// Whether the outer gradient also pays those first actions from which adaptation went
    /// well (the sampling term of E-MAML, Stadie et al. 2018, arXiv 1803.01118). With the
    /// estimator `log_likelihood` the objective is then ProMP's second formulation, the
    /// expected return after adaptation by the rollouts themselves: `E_T E_{τ ~ π_θ}
    /// E_{τ' ~ π_θ'}[R(τ')]` with a `θ'` that `τ` decides. The other estimators see a part of
    /// this already, and count it twice.
    pub sampling_term: bool,
    /// What follows the outer gradient.
    pub outer: PolicyOuter,
}

/// What follows the outer gradient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PolicyOuter {
    /// One natural gradient step whose length is bounded by the divergence of the policies
    /// after adaptation (TRPO, Schulman et al. 2015, arXiv 1502.05477).
    Trpo(Trpo),
    /// Several steps of Adam on the same rollouts, on the clipped surrogate with a weight on
    /// the divergence of the policies before adaptation (ProMP, from PPO).
    Clipped(Clipped),
}

/// Trust region. The defaults are the paper's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trpo {
    /// Bound on the mean divergence of the policies after adaptation.
    pub divergence: f64,
    /// Iterations of the conjugate gradient method.
    pub conjugate_iterations: usize,
    /// Added to the diagonal of the curvature.
    pub damping: f64,
    /// By how much a step that does not improve is shortened.
    pub shrink: f64,
    /// How often at most.
    pub tries: usize,
    /// How the curvature is multiplied with a vector.
    pub products: Products,
}

/// How the curvature is multiplied with a vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Products {
    /// Exactly, by tangents that go through the adaptation and back.
    #[default]
    Tangents,
    /// By differences of the divergence's gradient, as in the code of the paper.
    Differences,
}

/// Clipped surrogate. The defaults are ProMP's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clipped {
    /// Steps on the same rollouts.
    pub epochs: usize,
    /// The range `ε` of likelihood ratios `1 ± ε` that are paid for.
    pub range: f64,
    /// Weight of the divergence.
    pub divergence_weight: f64,
    /// The divergence that the weight is led to: it is doubled where the divergence of an
    /// iteration is more than 1.5 times as large and halved where it is less than a 1.5th.
    /// Fixed if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub divergence_target: Option<f64>,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        Self {
            discount: 0.99,
            lambda: 1.0,
            standardise: true,
            estimator: Estimator::Ratio,
            sampling_term: false,
            outer: PolicyOuter::Clipped(Clipped::default()),
        }
    }
}

impl Default for Trpo {
    fn default() -> Self {
        Self {
            divergence: 0.01,
            conjugate_iterations: 10,
            damping: 1e-5,
            shrink: 0.8,
            tries: 15,
            products: Products::Tangents,
        }
    }
}

impl Default for Clipped {
    fn default() -> Self {
        Self {
            epochs: 5,
            range: 0.3,
            divergence_weight: 5e-4,
            divergence_target: None,
        }
    }
}

impl PolicyConfig {
    /// How rewards become advantages.
    pub fn weighing(&self) -> Weighing {
        Weighing {
            discount: self.discount,
            lambda: self.lambda,
            standardise: self.standardise,
        }
    }
}

/// What `[policy]` must satisfy beyond its types, and what the other tables must where a
/// policy acts.
pub(super) fn check(config: &Config) -> Result<(), Fault> {
    let Some(policy) = &config.policy else {
        return Ok(());
    };
    require(
        config.tasks.acts(),
        "policy",
        "no such table, as no policy acts in these tasks",
        "one",
    )?;
    let share = |key: &str, value: f64| {
        let fits = value > 0.0 && value <= 1.0;
        require(fits, key, "a number above 0 and up to 1", value)
    };
    share("policy.discount", policy.discount)?;
    let fits = (0.0..=1.0).contains(&policy.lambda);
    require(fits, "policy.lambda", "a number from 0 to 1", policy.lambda)?;
    match &policy.outer {
        PolicyOuter::Trpo(trpo) => {
            positive("policy.outer.divergence", trpo.divergence)?;
            at_least_one(
                "policy.outer.conjugate_iterations",
                trpo.conjugate_iterations,
            )?;
            not_negative("policy.outer.damping", trpo.damping)?;
            decay("policy.outer.shrink", trpo.shrink)?;
            at_least_one("policy.outer.tries", trpo.tries)?;
        }
        PolicyOuter::Clipped(clipped) => {
            at_least_one("policy.outer.epochs", clipped.epochs)?;
            positive("policy.outer.range", clipped.range)?;
            not_negative("policy.outer.divergence_weight", clipped.divergence_weight)?;
            if let Some(target) = clipped.divergence_target {
                positive("policy.outer.divergence_target", target)?;
            }
        }
    }
    check_others(config, policy)
}

/// What the other tables must satisfy where a policy acts.
fn check_others(config: &Config, policy: &PolicyConfig) -> Result<(), Fault> {
    let (inner, meta) = (&config.inner, &config.meta);
    let none =
        |absent: bool, key: &str| require(absent, key, "no such key, as a policy acts", "one");
    none(meta.ema.is_none(), "meta.ema")?;
    none(meta.statistics_from.is_none(), "meta.statistics_from")?;
    none(meta.query_batches == 1, "meta.query_batches")?;
    none(meta.step_loss == StepLoss::Last, "meta.step_loss")?;
    none(config.model.from.is_none(), "model.from")?;
    let bounded = inner.momentum.is_some() || inner.clip_norm.is_some();
    require(
        !bounded || matches!(policy.outer, PolicyOuter::Clipped(_)),
        "policy.outer.kind",
        "\"clipped\", as inner steps have momentum or a bound",
        "\"trpo\"",
    )?;
    require(
        config
            .network()
            .is_ok_and(|network| !sees_the_batch(&network)),
        "model.layers",
        "no norm that uses the batch at hand, as a policy acts one observation at a time",
        "one",
    )?;
    let record = &config.record;
    for (key, value, limit) in [
        ("meta.tasks", meta.tasks, Limit::TASKS),
        ("meta.queries", meta.queries, Limit::ROLLOUTS),
        ("meta.shots", meta.shots.choices()[0], Limit::ROLLOUTS),
        ("inner.steps", inner.steps, Limit::STEPS - 1),
        (
            "record.validation_tasks",
            record.validation_tasks,
            Limit::TASKS,
        ),
        (
            "record.validation_shots",
            record.validation_shots,
            Limit::ROLLOUTS,
        ),
    ] {
        let expected = format!("at most {limit}, as a policy acts");
        require(value <= limit, key, expected, value)?;
    }
    require(
        meta.iterations <= Limit::BATCHES,
        "meta.iterations",
        format!("at most {}, as a policy acts", Limit::BATCHES),
        meta.iterations,
    )
}
