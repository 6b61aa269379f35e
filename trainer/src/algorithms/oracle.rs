//! A network that is shown the task's parameters beside its inputs, and so has nothing to
//! adapt: the bound that adaptation cannot pass.

use std::sync::Arc;

use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{Adaptation, Algorithm, Properties, check, maml};
use crate::config::{Config, Fault};
use crate::meta::MetaGradient;
use crate::outer::{Descent, MetaStep, TrainError, Trainer, Training};
use crate::predict::Predictor;
use crate::tasks::TaskDistribution;

/// Does not adapt. Its tasks give their parameters as inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oracle {}

impl Algorithm for Oracle {
    fn properties(&self) -> Properties {
        Properties {
            adaptation: Adaptation::None,
            predictor: Predictor::Outputs,
            through_inner_loop: false,
            trains: true,
            is_bound: true,
            acts: true,
        }
    }

    fn check(&self, config: &Config) -> Result<(), Fault> {
        check::shown_task(config)?;
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
}

impl Descent for Oracle {
    fn gradient<B: Backend>(&self, step: &MetaStep<'_, B>) -> MetaGradient<B> {
        maml::gradient(step)
    }
}
