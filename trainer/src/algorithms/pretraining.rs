//! Pretraining: one network trained on all tasks without an inner loop.
//!
//! Where targets are values, it follows the loss before adaptation. Where tasks are of a
//! finite set of classes, it is a plain classifier: one softmax over all classes of the
//! training split, whose head is replaced by an empty one for the classes of a task. Fine
//! tuning then changes all weights, or the head alone.

use std::sync::Arc;

use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use super::{Adaptation, Algorithm, Properties, check, maml, summed_over_tasks};
use crate::config::check::require;
use crate::config::{Config, Fault};
use crate::loss::{Loss, LossKind, Reduction};
use crate::meta::MetaGradient;
use crate::nn::{Adapt, AdaptGroup, LayerSpec, Network, NetworkError, NetworkSpec};
use crate::outer::{Descent, MetaStep, See, TrainError, Trained, Trainer, Training};
use crate::predict::Predictor;
use crate::samplers::{Labelled, MetaBatch};
use crate::tasks::{Split, TaskDistribution};

/// Adapts with a tuned rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pretraining {}

/// Cross-entropy, the mean over the examples.
const LOSS: Loss = Loss {
    kind: LossKind::CrossEntropy,
    reduction: Reduction::Mean,
};

impl Algorithm for Pretraining {
    fn properties(&self) -> Properties {
        Properties {
            adaptation: Adaptation::TunedRate,
            predictor: Predictor::Outputs,
            through_inner_loop: false,
            trains: true,
            is_bound: false,
            acts: true,
        }
    }

    fn check(&self, config: &Config) -> Result<(), Fault> {
        let last = config.model.layers.last();
        require(
            !self.replaces_head(config) || matches!(last, Some(LayerSpec::Dense { .. })),
            "model.layers",
            "a dense layer last, which method = \"pretraining\" replaces",
            "another",
        )?;
        check::no_inner_loop(config)
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

    fn show_batches<B: Backend>(
        &self,
        trained: &Trained<'_, B>,
        batch: &MetaBatch<'_, B>,
        see: &mut See<'_, B>,
    ) {
        match labelled(batch) {
            Some(labelled) => see(0, trained.params, labelled.x),
            None => maml::adapted_batches(trained, batch, see),
        }
    }

    fn replaces_head(&self, config: &Config) -> bool {
        config.tasks.has_finite_classes()
    }
}

impl Descent for Pretraining {
    fn network(
        &self,
        config: &Config,
        tasks: &dyn TaskDistribution,
    ) -> Result<Network, NetworkError> {
        let classes = tasks.class_count(Split::Train);
        match classes.filter(|_| self.replaces_head(config)) {
            Some(classes) => classifier(config, classes),
            None => Ok(config.network()?.all_adapting()),
        }
    }

    /// A classifier of other classes is evaluated by its body alone, as a prototypical
    /// network.
    fn evaluated(
        &self,
        config: &Config,
        trained: &Network,
    ) -> Result<(Network, Predictor), NetworkError> {
        Ok(match self.replaces_head(config) {
            true => (
                body(config)?.with_statistics_of(trained)?,
                Predictor::Prototypes,
            ),
            false => (trained.clone(), Predictor::Outputs),
        })
    }

    fn gradient<B: Backend>(&self, step: &MetaStep<'_, B>) -> MetaGradient<B> {
        match labelled(&step.batch) {
            Some(examples) => classifier_gradient(step.network, step.params, &examples),
            None => maml::gradient(step),
        }
    }
}

/// The network of `config` with a head of `classes` classes, all of it training.
///
/// # Errors
/// [`NetworkError`] where it cannot be built.
pub(super) fn classifier(config: &Config, classes: usize) -> Result<Network, NetworkError> {
    Ok(config.network_of_outputs(classes)?.all_adapting())
}

/// The network of `config` without its head.
///
/// # Errors
/// [`NetworkError`] where nothing is left to train.
pub(super) fn body(config: &Config) -> Result<Network, NetworkError> {
    let mut layers = config.model.layers.clone();
    layers.pop();
    let input = config.tasks.shape();
    let spec = NetworkSpec { input, layers };
    Network::new(&spec, &Adapt::Group(AdaptGroup::All))
}

/// Examples of an iteration: as many as the query sets of its tasks together. `None`
/// where classes are not of a finite set.
fn labelled<B: Backend>(batch: &MetaBatch<'_, B>) -> Option<Labelled<B>> {
    let config = batch.config;
    if !config.tasks.has_finite_classes() {
        return None;
    }
    batch.labelled(config.meta.tasks * config.tasks.set_size(config.meta.queries))
}

/// The gradient of the cross-entropy of a batch, for a network all of whose
/// tensors train.
pub(super) fn classifier_gradient<B: Backend>(
    network: &Network,
    params: &[Tensor<B, 3>],
    examples: &Labelled<B>,
) -> MetaGradient<B> {
    let y = examples.one_hot(network.output());
    let trace = network.forward_trace(params, examples.x.clone());
    let dy = LOSS.gradient(trace.output().clone(), y.clone());
    let gradients = network.backward(params, &trace, dy);
    MetaGradient {
        loss: LOSS.value(trace.output().clone(), y),
        params: summed_over_tasks(params, gradients),
        rates: Vec::new(),
    }
}
