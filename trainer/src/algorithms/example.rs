//! An algorithm as `docs/adding.md` adds one, for tests: it follows the loss of the support
//! set where the others follow that of the query set, by a share that its table says.

use std::sync::Arc;

use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{Adaptation, Algorithm, Properties, check, summed_over_tasks};
use crate::config::check::positive;
use crate::config::{Config, Fault};
use crate::meta::MetaGradient;
use crate::outer::{Descent, MetaStep, TrainError, Trainer, Training};
use crate::predict::Predictor;
use crate::tasks::TaskDistribution;

/// Adapts with a tuned rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// How much of the gradient is followed.
    pub share: f64,
}

impl Algorithm for Example {
    fn properties(&self) -> Properties {
        Properties {
            adaptation: Adaptation::TunedRate,
            predictor: Predictor::Outputs,
            through_inner_loop: false,
            trains: true,
            is_bound: false,
            acts: false,
        }
    }

    fn check(&self, config: &Config) -> Result<(), Fault> {
        check::no_inner_loop(config)?;
        positive("example.share", self.share)
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

impl Descent for Example {
    fn gradient<B: Backend>(&self, step: &MetaStep<'_, B>) -> MetaGradient<B> {
        let (network, loss) = (step.network, step.batch.config.loss());
        let support = step.batch.sampler().support(0, step.params);
        let trace = network.forward_trace(step.params, support.x);
        let value = loss.value(trace.output().clone(), support.y.clone()).mean();
        let dy = loss.gradient(trace.output().clone(), support.y);
        let share = self.share / step.batch.config.meta.tasks as f64;
        let gradients = network.backward(step.params, &trace, dy.mul_scalar(share));
        MetaGradient {
            loss: value,
            params: summed_over_tasks(step.params, gradients),
            rates: Vec::new(),
        }
    }
}
