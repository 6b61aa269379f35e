//! Support sets of a trained policy as examples: what it did before it adapted.

use std::sync::Arc;

use burn::backend::Flex;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::environments::Environments;
use crate::meta::to_device;
use crate::model::TrainedModel;
use crate::random::Stream;
use crate::rollouts::{Actors, Address, Experience};
use crate::tasks::{
    Description, Sizes, Split, TaskBatch, TaskData, TaskDistribution, TaskSizes, TaskSource,
    TasksError,
};

/// Examples of what a policy did with its initial parameters: an observation, an action and
/// its weight, so that an artifact is checked on them as on any others. A shot is one step of
/// a rollout.
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
            for (step, count, x, y) in [
                (0, shots, &mut support_x, &mut batch.support_y),
                (1, queries, &mut query_x, &mut batch.query_y),
            ] {
                let (own_x, own_y) = self.examples((seed, step), &task, count);
                x.extend(own_x);
                y.extend(own_y);
            }
        }
        (batch.support_x, batch.query_x) = (support_x.into(), query_x.into());
        batch
    }

    fn data(&self) -> Option<&dyn TaskData> {
        None
    }
}

impl ActedExamples {
    /// `count` examples of a task, inputs and targets.
    fn examples(
        &self,
        (seed, step): (u64, usize),
        task: &[f32],
        count: usize,
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
        let (input, width) = (self.input(), self.output() - 1);
        // Rollouts may end early: more of them, until there are enough.
        let mut rollouts = count.div_ceil(self.environments.horizon()).max(1);
        let experience = loop {
            let acted = actors.act(&theta, (0, task), (address, step), rollouts);
            match acted {
                Ok(experience) if experience.taken() >= count => break experience,
                Ok(_) if rollouts < 2 * count => rollouts *= 2,
                _ => return (vec![0.0; count * input], vec![0.0; count * (width + 1)]),
            }
        };
        let weighing = self.model.config.policy.clone().unwrap_or_default();
        let weights = experience.weights(&weighing.weighing());
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for place in places(&experience).take(count) {
            x.extend_from_slice(&experience.observations[place * input..][..input]);
            y.extend_from_slice(&experience.actions[place * width..][..width]);
            y.push(weights[place]);
        }
        (x, y)
    }
}

/// Where steps that were taken stand.
fn places(experience: &Experience) -> impl Iterator<Item = usize> {
    let rollouts = experience.lengths.iter().enumerate();
    rollouts.flat_map(|(rollout, &length)| {
        let start = rollout * experience.steps;
        start..start + length
    })
}
