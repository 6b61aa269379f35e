//! `[inner]` of a config.

use serde::{Deserialize, Serialize};

use super::Config;
use super::check::{Fault, decay, positive, require};
use crate::algorithms::Algorithm;
use crate::loss::{LossKind, Reduction};
use crate::meta::{Graph, Order, RatePer, RateTable};
use crate::nn::{Adapt, AdaptGroup};

/// The inner loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InnerConfig {
    /// Loss inside and out.
    pub loss: LossKind,
    /// How its examples are put together.
    #[serde(default = "default::reduction")]
    pub reduction: Reduction,
    /// Gradient steps: while training and on the device; 0 for methods without
    /// an inner loop. Reptile's training has its own number.
    pub steps: usize,
    /// Gradient steps that the result is evaluated after; `steps` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation_steps: Option<usize>,
    /// Step sizes.
    pub rate: RateConfig,
    /// Momentum of the inner steps, from 0 to below 1; none if absent. The
    /// velocity starts at zero in every adaptation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// Bound on the norm of a task's gradient over all adapting tensors; none
    /// if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Which tensors change.
    #[serde(default)]
    pub adapt: Adapt,
    /// First or second derivatives.
    #[serde(default = "default::order")]
    pub order: Order,
    /// The iteration, from 0, where second derivatives begin; those before use
    /// first ones, which are faster and calm the first steps (derivative-order
    /// annealing, Antoniou et al. 2019). From the start if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_order_from: Option<u64>,
    /// Whether the graphs of inner steps are kept or built again.
    #[serde(default = "default::graph")]
    pub graph: Graph,
}

/// Step sizes of the inner loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum RateConfig {
    /// One number for all tensors.
    Fixed {
        /// The rate.
        value: f64,
        /// That of the steps after the first, if it is another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        later: Option<f64>,
    },
    /// Learned with the weights. The logarithm is learned, so rates stay
    /// positive, see [`from_logarithms`](crate::meta::from_logarithms).
    Learned {
        /// Where the rates start.
        initial: f64,
        /// Where those below the head start, if elsewhere. Near nothing, a run of which the
        /// head alone adapted is a start for all weights (`model.from`, which then gives
        /// the head's rates).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        initial_body: Option<f64>,
        /// Adam's step size for the logarithms.
        meta_rate: f64,
        /// What has a rate of its own: each `tensor` (MAML++), or each
        /// `parameter` (Meta-SGD). An artifact holds the former only: a rate
        /// per parameter is a change of units of every single weight, which no
        /// chain of layers can express, so it cannot be folded away either.
        #[serde(default)]
        per: RatePer,
        /// Whether each inner step has rates of its own, or all share one row.
        #[serde(default = "default::per_step")]
        per_step: bool,
    },
    /// There are no steps, for `method = "prototypical"`.
    None,
    /// Chosen at test time on validation tasks, for methods without an inner
    /// loop: the best of `candidates` for each number of shots.
    Tuned {
        /// Rates to try.
        candidates: Vec<f64>,
    },
}

impl RateConfig {
    /// As written in a config.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Fixed { .. } => "\"fixed\"",
            Self::Learned { .. } => "\"learned\"",
            Self::None => "\"none\"",
            Self::Tuned { .. } => "\"tuned\"",
        }
    }

    /// The fixed rates of `steps` inner steps of a network with so many adapting tensors;
    /// `None` where they are not fixed.
    pub fn fixed(&self, steps: usize, tensors: usize) -> Option<RateTable> {
        let Self::Fixed { value, later } = *self else {
            return None;
        };
        let first = value as f32;
        let Some(later) = later else {
            return Some(RateTable::constant(first, steps, tensors));
        };
        let rows = (0..steps.max(2)).flat_map(|step| {
            let rate = if step == 0 { first } else { later as f32 };
            std::iter::repeat_n(rate, tensors)
        });
        let flat: Vec<f32> = rows.collect();
        Some(RateTable::from_flat(&flat, vec![[1; 3]; tensors]))
    }

    /// Whether every parameter has a rate of its own (Meta-SGD).
    pub fn is_per_parameter(&self) -> bool {
        let per = match self {
            Self::Learned { per, .. } => *per,
            _ => RatePer::Tensor,
        };
        per == RatePer::Parameter
    }
}

impl InnerConfig {
    /// The derivatives that meta-step `iteration` (from 0) goes by.
    pub fn order_at(&self, iteration: u64) -> Order {
        match self.second_order_from {
            Some(from) if iteration < from => Order::First,
            _ => self.order,
        }
    }
}

mod default {
    use super::{Graph, Order, Reduction};

    pub fn reduction() -> Reduction {
        Reduction::Mean
    }
    pub fn order() -> Order {
        Order::Second
    }
    pub fn per_step() -> bool {
        true
    }
    pub fn graph() -> Graph {
        Graph::Keep
    }
}

/// What `[inner]` must satisfy beyond its types.
pub(super) fn check(config: &Config) -> Result<(), Fault> {
    let inner = &config.inner;
    let through_inner_loop = config.method.properties().through_inner_loop;
    if let Some(steps) = inner.evaluation_steps {
        require(
            (1..=100).contains(&steps),
            "inner.evaluation_steps",
            "from 1 to 100",
            steps,
        )?;
    }
    if let LossKind::Huber { delta } = inner.loss {
        positive("inner.loss.delta", delta)?;
    }
    if let Some(momentum) = inner.momentum {
        decay("inner.momentum", momentum)?;
    }
    if let Some(norm) = inner.clip_norm {
        positive("inner.clip_norm", norm)?;
    }
    require(
        inner.second_order_from.is_none() || (inner.order == Order::Second && through_inner_loop),
        "inner.second_order_from",
        "no such key unless method = \"maml\" and inner.order = \"second\"",
        inner.second_order_from.unwrap_or(0),
    )?;
    match &inner.rate {
        RateConfig::Fixed { value, later } => {
            positive("inner.rate.value", *value)?;
            positive("inner.rate.later", later.unwrap_or(*value))?;
        }
        RateConfig::Learned {
            initial,
            initial_body,
            meta_rate,
            ..
        } => {
            positive("inner.rate.initial", *initial)?;
            if let Some(initial) = *initial_body {
                positive("inner.rate.initial_body", initial)?;
                require(
                    inner.adapt != Adapt::Group(AdaptGroup::Head),
                    "inner.rate.initial_body",
                    "no such key with inner.adapt = \"head\"",
                    initial,
                )?;
            }
            positive("inner.rate.meta_rate", *meta_rate)?;
        }
        RateConfig::None => {}
        RateConfig::Tuned { candidates } => {
            require(
                !candidates.is_empty(),
                "inner.rate.candidates",
                "at least one rate",
                "none",
            )?;
            for &candidate in candidates {
                positive("inner.rate.candidates", candidate)?;
            }
        }
    }
    require(
        through_inner_loop || !matches!(inner.rate, RateConfig::Learned { .. }),
        "inner.rate.kind",
        "\"fixed\", or \"tuned\" for a method without an inner loop",
        "\"learned\"",
    )
}
