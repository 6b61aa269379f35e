//! Model-agnostic meta-learning (Finn, Abbeel & Levine 2017): an initialisation whose
//! query loss after the inner steps is low. The gradient is that of [`crate::meta`].

use std::sync::Arc;

use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{Adaptation, Algorithm, Properties, check};
use crate::config::{Config, Fault};
use crate::meta::{InnerLoop, MetaGradient, MetaObjective, Order, in_parts, tasks_at_once};
use crate::nn::{Network, NetworkError};
use crate::outer::{Descent, MetaStep, See, TrainError, Trained, Trainer, Training};
use crate::predict::Predictor;
use crate::samplers::MetaBatch;
use crate::tasks::TaskDistribution;

/// Adapts by its own recipe. Its settings are `[inner]` and `[meta]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maml {}

impl Algorithm for Maml {
    fn properties(&self) -> Properties {
        Properties {
            adaptation: Adaptation::Recipe,
            predictor: Predictor::Outputs,
            through_inner_loop: true,
            trains: true,
            is_bound: false,
            acts: true,
        }
    }

    fn check(&self, config: &Config) -> Result<(), Fault> {
        check::recipe(config)
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
}

impl Descent for Maml {
    fn network(
        &self,
        config: &Config,
        _tasks: &dyn TaskDistribution,
    ) -> Result<Network, NetworkError> {
        network_of_ways(config)
    }

    fn evaluated(
        &self,
        config: &Config,
        trained: &Network,
    ) -> Result<(Network, Predictor), NetworkError> {
        evaluated_of_ways(config, trained)
    }

    fn gradient<B: Backend>(&self, step: &MetaStep<'_, B>) -> MetaGradient<B> {
        gradient(step)
    }
}

/// The gradient of the query loss after the inner steps of the config, of which there may
/// be none.
pub(super) fn gradient<B: Backend>(step: &MetaStep<'_, B>) -> MetaGradient<B> {
    let (config, iteration) = (step.batch.config, step.batch.index);
    let objective = MetaObjective::new(
        step.network.clone(),
        config.loss(),
        config.inner_optimiser(),
        config.inner.order_at(iteration),
        config.inner.graph,
    )
    .with_head(config.model.head)
    .with_query_batches(config.meta.query_batches);
    let weights = config.meta.step_loss.weights(config.inner.steps, iteration);
    let sampler = step.batch.sampler();
    let at_once = tasks_at_once(step.network, &*sampler);
    in_parts(&*sampler, at_once, |part| {
        objective.gradient(step.params, step.rates, &weights, part)
    })
}

/// The network that a recipe is trained with: with an output for each class of a training
/// task.
pub(super) fn network_of_ways(config: &Config) -> Result<Network, NetworkError> {
    match config.training_ways() {
        Some(ways) => config.network_of_outputs(ways),
        None => config.network(),
    }
}

/// The network that tasks of the config are evaluated by while `trained` is trained.
pub(super) fn evaluated_of_ways(
    config: &Config,
    trained: &Network,
) -> Result<(Network, Predictor), NetworkError> {
    let network = match config.training_ways() {
        Some(_) => config.network()?.with_statistics_of(trained)?,
        None => trained.clone(),
    };
    Ok((network, Predictor::Outputs))
}

/// [`Algorithm::show_batches`] of an algorithm that adapts in training: the support set
/// of every inner step, then the query set.
pub(super) fn adapted_batches<B: Backend>(
    trained: &Trained<'_, B>,
    batch: &MetaBatch<'_, B>,
    see: &mut See<'_, B>,
) {
    let config = trained.config;
    let steps = config.inner.steps;
    let inner = InnerLoop {
        order: Order::First,
        ..config.inner_loop(trained.network)
    };
    let sampler = batch.sampler();
    let params = trained.params.to_vec();
    inner.adapt(params, trained.rates, &*sampler, steps, |step, theta| {
        if step < steps {
            see(step, theta, sampler.support(step, theta).x);
            return;
        }
        let query = sampler.query(step, theta);
        for set in query.batches(config.meta.query_batches) {
            see(step, theta, set.x);
        }
    });
}
