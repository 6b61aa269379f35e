//! Prototypical networks (Snell, Swersky & Zemel 2017): a class is the mean of
//! its examples' embeddings, and a query belongs to the nearest.
//!
//! With the embedding `f`, `S_k` the support examples of class `k` and `x` a
//! query,
//!
//! ```text
//! c_k      = 1/|S_k| Σ_{i ∈ S_k} f(x_i)
//! logit_k  = −‖f(x) − c_k‖²
//! ```
//!
//! The cross-entropy of the logits trains `f`; nothing adapts. Support and query
//! set are embedded in one batch, and the gradient goes back through both:
//!
//! ```text
//! D      = ∂L/∂logits                              [Q, N]
//! ∂L/∂f(x_q) = 2 Σ_k D_qk (c_k − f(x_q))
//! ∂L/∂c_k    = 2 Σ_q D_qk (f(x_q) − c_k)
//! ∂L/∂f(x_i) = 1/|S_k| ∂L/∂c_k                     i ∈ S_k
//! ```

use std::sync::Arc;

use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use super::{Adaptation, Algorithm, Properties, check, summed_over_tasks};
use crate::config::check::require;
use crate::config::{Config, Fault, RateConfig};
use crate::loss::{Loss, LossKind};
use crate::meta::{MetaGradient, in_parts, tasks_at_once};
use crate::nn::Network;
use crate::outer::{Descent, MetaStep, See, TrainError, Trained, Trainer, Training};
use crate::predict::{Predictor, logits, logits_gradient};
use crate::samplers::{MetaBatch, Sampler, Set};
use crate::tasks::TaskDistribution;

/// A network without a head, whose outputs may have any number. It takes no steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prototypical {}

impl Algorithm for Prototypical {
    fn properties(&self) -> Properties {
        Properties {
            adaptation: Adaptation::None,
            predictor: Predictor::Prototypes,
            through_inner_loop: false,
            trains: true,
            is_bound: false,
            acts: false,
        }
    }

    fn check(&self, config: &Config) -> Result<(), Fault> {
        let inner = &config.inner;
        require(
            inner.loss == LossKind::CrossEntropy,
            "inner.loss",
            "\"cross_entropy\" and tasks with classes for method = \"prototypical\"",
            format!("the {}", inner.loss.name()),
        )?;
        check::no_inner_steps(config)?;
        require(
            inner.evaluation_steps.is_none(),
            "inner.evaluation_steps",
            "no such key for method = \"prototypical\", which takes no steps",
            inner.evaluation_steps.unwrap_or(0),
        )?;
        require(
            inner.rate == RateConfig::None,
            "inner.rate.kind",
            "\"none\" for method = \"prototypical\", which takes no steps",
            inner.rate.kind(),
        )
    }

    fn start<B: Backend>(
        &self,
        config: &Config,
        tasks: Arc<dyn TaskDistribution>,
        device: &B::Device,
    ) -> Result<Box<dyn Training>, TrainError> {
        Ok(Box::new(Trainer::<B, _>::new(
            *self, config, tasks, device,
        )?))
    }

    /// One batch of both sets, as in training.
    fn show_batches<B: Backend>(
        &self,
        trained: &Trained<'_, B>,
        batch: &MetaBatch<'_, B>,
        see: &mut See<'_, B>,
    ) {
        let sampler = batch.sampler();
        let support = sampler.support(0, trained.params);
        let both = support.followed_by(sampler.query(0, trained.params));
        see(0, trained.params, both.x);
    }
}

impl Descent for Prototypical {
    fn gradient<B: Backend>(&self, step: &MetaStep<'_, B>) -> MetaGradient<B> {
        let (network, loss) = (step.network, step.batch.config.loss());
        let sampler = step.batch.sampler();
        in_parts(&*sampler, tasks_at_once(network, &*sampler), |part| {
            gradient(network, loss, step.params, part)
        })
    }
}

/// The gradient of the mean query loss over the tasks of a sampler for an embedding all of
/// whose tensors adapt.
pub(super) fn gradient<B: Backend>(
    network: &Network,
    loss: Loss,
    params: &[Tensor<B, 3>],
    sampler: &dyn Sampler<B>,
) -> MetaGradient<B> {
    let Set { x, y: classes } = sampler.support(0, params);
    let query = sampler.query(0, params);
    let (examples, queries) = (x.dims()[1], query.x.dims()[1]);
    let trace = network.forward_trace(params, Tensor::cat(vec![x, query.x], 1));
    let z = trace.output();
    let (support, z) = (
        z.clone().narrow(1, 0, examples),
        z.clone().narrow(1, examples, queries),
    );
    let logits = logits(support.clone(), classes.clone(), z.clone());
    let value = loss.value(logits.clone(), query.y.clone()).mean();
    let of_tasks = 1.0 / sampler.tasks() as f32;
    let d = loss.gradient(logits, query.y).mul_scalar(of_tasks);
    let (dsupport, dz) = logits_gradient(support, classes, z, d);
    let gradients = network.backward(params, &trace, Tensor::cat(vec![dsupport, dz], 1));
    MetaGradient {
        loss: value,
        params: summed_over_tasks(params, gradients),
        rates: Vec::new(),
    }
}
