//! Algorithms: what is trained, by which gradient, and how the result adapts.
//!
//! Each has a file of its own with its table of the config, what it asks of a config, the
//! network that it trains and the gradient that it follows. Nothing outside of this folder
//! asks for an algorithm by name; what others must know of one is in [`Properties`].
//!
//! A new algorithm is a file here, which implements [`Algorithm`] and, if it follows a
//! gradient, [`Descent`](crate::outer::Descent), and a line in [`Method`]. `docs/adding.md` goes through it.

mod averaging;
mod check;
#[cfg(test)]
mod example;
mod maml;
mod oracle;
mod pretraining;
mod prototypical;
mod random;
mod reptile;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use burn::tensor::{Tensor, backend::Backend};
use enum_dispatch::enum_dispatch;
use serde::{Deserialize, Serialize};

use crate::config::{Config, Fault};
use crate::meta::{PerTensor, over_tasks};
use crate::outer::{See, TrainError, Trained, Training};
use crate::predict::Predictor;
use crate::samplers::MetaBatch;
use crate::tasks::TaskDistribution;

pub use averaging::{Averaging, Regulariser};
pub use maml::Maml;
pub use oracle::Oracle;
pub use pretraining::Pretraining;
pub use prototypical::Prototypical;
pub use random::Random;
pub use reptile::{Reptile, ReptileStep, inner_batches};

/// The algorithms: what `method` says in a config, in snake case. An algorithm's own
/// settings are the table of its name.
#[enum_dispatch(Algorithm)]
#[derive(
    Clone, Debug, PartialEq, Serialize, Deserialize, strum::IntoStaticStr, strum::VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Method {
    /// An initialisation trained through the inner loop.
    Maml(Maml),
    /// An initialisation moved towards where an inner loop ends.
    Reptile(Reptile),
    /// One network trained on all tasks.
    Pretraining(Pretraining),
    /// Pretraining that is shown the task's parameters.
    Oracle(Oracle),
    /// Initial weights as drawn.
    Random(Random),
    /// The mean of networks trained on one task each.
    Averaging(Averaging),
    /// A class is the mean of its examples' embeddings.
    Prototypical(Prototypical),
    /// What the tests add.
    #[cfg(test)]
    Example(example::Example),
}

/// How what was trained adapts to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adaptation {
    /// By gradient steps whose number and rates training settles: a recipe, which an
    /// artifact holds.
    Recipe,
    /// By gradient steps with a rate that is chosen on validation tasks.
    TunedRate,
    /// Not by gradient steps.
    None,
}

/// What others must know of an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Properties {
    /// How its result adapts.
    pub adaptation: Adaptation,
    /// How its network predicts.
    pub predictor: Predictor,
    /// Whether the derivative goes through the inner loop, so that inner rates can be
    /// learned.
    pub through_inner_loop: bool,
    /// Whether there is anything to train.
    pub trains: bool,
    /// Whether it is shown what the others have to find out of a task: a bound on all of
    /// them, and no baseline.
    pub is_bound: bool,
    /// Whether it can be trained where a policy acts.
    pub acts: bool,
}

/// An algorithm with its settings.
#[enum_dispatch]
pub trait Algorithm {
    /// What others must know of it.
    fn properties(&self) -> Properties;

    /// What it asks of a config beyond what holds for all.
    ///
    /// # Errors
    /// The first key that it cannot use, and what it expects.
    fn check(&self, config: &Config) -> Result<(), Fault>;

    /// Training of `config`, at iteration 0, on the tasks that
    /// [`TasksConfig::open_to_train`](crate::tasks::TasksConfig::open_to_train) gave.
    ///
    /// # Errors
    /// [`TrainError`] where the network cannot be built or the tasks do not suit it.
    fn start<B: Backend>(
        &self,
        config: &Config,
        tasks: Arc<dyn TaskDistribution>,
        device: &B::Device,
    ) -> Result<Box<dyn Training>, TrainError>;

    /// Shows `see` the batches that norms get in training, those of `batch`'s tasks: the
    /// inner step (from 0) before which they come, the parameters there, `[1 or T, ...]`,
    /// and the examples `[T, B, in]`. The statistics that norms store are measured so.
    /// By default the support set of every inner step, then the query set.
    fn show_batches<B: Backend>(
        &self,
        trained: &Trained<'_, B>,
        batch: &MetaBatch<'_, B>,
        see: &mut See<'_, B>,
    ) {
        maml::adapted_batches(trained, batch, see);
    }

    /// Whether training ends with a head for other classes than the tasks', which an
    /// empty one replaces. By default not.
    fn replaces_head(&self, _config: &Config) -> bool {
        false
    }

    /// The key and the value of the rate that training moves by. By default that of the outer
    /// loop.
    fn training_rate(&self, config: &Config) -> (&'static str, f64) {
        ("meta.rate", config.meta.rate)
    }

    /// What training counts, and how many. By default iterations.
    fn length(&self, config: &Config) -> (&'static str, u64) {
        ("iterations", config.meta.iterations)
    }
}

impl Method {
    /// As written in a config.
    pub fn name(&self) -> &'static str {
        self.into()
    }

    /// The names of all algorithms, which are those of their tables too.
    pub fn names() -> &'static [&'static str] {
        <Self as strum::VariantNames>::VARIANTS
    }

    /// Whether training settles how a device adapts.
    pub fn has_recipe(&self) -> bool {
        self.properties().adaptation == Adaptation::Recipe
    }

    /// How its network predicts.
    pub fn predictor(&self) -> Predictor {
        self.properties().predictor
    }
}

/// Gradients of all tasks, `[T, ...]`, as one for each of `params`, `[1, ...]`; 0 where
/// there is none.
fn summed_over_tasks<B: Backend>(
    params: &[Tensor<B, 3>],
    gradients: PerTensor<B>,
) -> Vec<Tensor<B, 3>> {
    let pairs = params.iter().zip(gradients);
    pairs
        .map(|(param, gradient)| gradient.map_or_else(|| param.zeros_like(), over_tasks))
        .collect()
}
