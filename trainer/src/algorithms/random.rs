//! Initial weights as drawn: what learning from the support set alone comes to. Where a
//! config has iterations all the same, they follow the loss before adaptation.

use std::sync::Arc;

use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{Adaptation, Algorithm, Properties, check, maml};
use crate::config::{Config, Fault};
use crate::meta::MetaGradient;
use crate::outer::{Descent, MetaStep, TrainError, Trainer, Training};
use crate::predict::Predictor;
use crate::tasks::TaskDistribution;

/// Adapts with a tuned rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Random {}

impl Algorithm for Random {
    fn properties(&self) -> Properties {
        Properties {
            adaptation: Adaptation::TunedRate,
            predictor: Predictor::Outputs,
            through_inner_loop: false,
            trains: false,
            is_bound: false,
            acts: true,
        }
    }

    fn check(&self, config: &Config) -> Result<(), Fault> {
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

impl Descent for Random {
    fn gradient<B: Backend>(&self, step: &MetaStep<'_, B>) -> MetaGradient<B> {
        maml::gradient(step)
    }
}
