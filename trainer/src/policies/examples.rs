//! Support sets of a trained policy as examples: what it did before it adapted.

use std::sync::Arc;

use burn::backend::Flex;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::environments::Environments;
use crate::meta::to_device;
use crate::model::TrainedModel;
use crate::random::Stream;
use crate::rollouts::{Actors, Address};
use crate::tasks::{
    Description, Sizes, Split, TaskBatch, TaskData, TaskDistribution, TaskSizes, TaskSource,
    TasksError,
};

/// Examples of what a policy did with its initial parameters: an observation, an action and
/// its weight, so that an artifact is checked on them as on any others. A shot is a rollout,
/// filled up to the horizon by examples without weight; a query is a step of one.
pub struct ActedExamples {
    model: TrainedModel,
    environments: Arc<dyn Environments>,
}

impl TrainedModel {
    /// What its support sets are drawn from: its tasks or, where a policy acts, what it does
    /// in them before it adapts.
    ///
    /// # Errors
    /// As [`TasksConfig::source`](crate::tasks::TaskFamily::source).
    pub fn examples(&self) -> Result<Arc<dyn TaskDistribution>, TasksError> {
        Ok(match self.config.tasks.source()? {
            TaskSource::Supervised(tasks) => tasks,
            TaskSource::Acting(environments) => Arc::new(ActedExamples {
                model: self.clone(),
                environments,
            }),
        })
    }
}

impl TaskSizes for ActedExamples {
    fn sizes(&self) -> Sizes {
        self.model.config.tasks.sizes()
    }
}

impl TaskDistribution for ActedExamples {
    fn description(&self) -> Description {
        Description {
            normalisation: None,
            target_scale: None,
            front_end: None,
        }
    }

    /// Where an environment gives what cannot be learned from, examples are without weight.
    fn draw(
        &self,
        _: Split,
        rng: &mut ChaCha8Rng,
        tasks: usize,
        shots: usize,
        queries: usize,
    ) -> TaskBatch {
        let (input, output) = (self.input(), self.output());
        let mut batch = TaskBatch {
            tasks,
            input,
            output,
            classes: None,
            support_x: Vec::new().into(),
            support_y: Vec::new(),
            query_x: Vec::new().into(),
            query_y: Vec::new(),
            origins: None,
        };
        let (mut support_x, mut query_x) = (Vec::new(), Vec::new());
        for _ in 0..tasks {
            let task = self.environments.draw_task(rng);
            let seed = rng.random();
            let (x, y) = self.examples((seed, 0), &task, shots);
            support_x.extend(x);
            batch.support_y.extend(y);
            let rollouts = queries.div_ceil(self.environments.horizon());
            let (x, y) = self.examples((seed, 1), &task, rollouts);
            query_x.extend_from_slice(&x[..queries * input]);
            batch.query_y.extend_from_slice(&y[..queries * output]);
        }
        (batch.support_x, batch.query_x) = (support_x.into(), query_x.into());
        batch
    }

    fn data(&self) -> Option<&dyn TaskData> {
        None
    }
}

impl ActedExamples {
    /// The examples of so many rollouts of a task, inputs and targets. Where the environment
    /// gives what cannot be learned from, they are without weight.
    fn examples(
        &self,
        (seed, step): (u64, usize),
        task: &[f32],
        rollouts: usize,
    ) -> (Vec<f32>, Vec<f32>) {
        let (network, device) = (&self.model.network, Default::default());
        let actors = Actors {
            network,
            environments: &*self.environments,
        };
        let address = Address {
            seed,
            stream: Stream::Golden,
            batch: 0,
        };
        let theta = to_device::<Flex>(network, &self.model.params, &device);
        let (input, output) = (self.input(), self.output());
        let Ok(experience) = actors.act(&theta, (0, task), (address, step), rollouts) else {
            let count = rollouts * self.environments.horizon();
            return (vec![0.0; count * input], vec![0.0; count * output]);
        };
        let weighing = self.model.config.policy.clone().unwrap_or_default();
        let weights = experience.weights(&weighing.weighing());
        let actions = experience.actions.chunks_exact(output - 1).zip(weights);
        let y = actions.flat_map(|(action, weight)| action.iter().copied().chain([weight]));
        let y = y.collect();
        (experience.observations, y)
    }
}
