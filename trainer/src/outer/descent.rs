//! What an algorithm that follows a gradient says.

use burn::tensor::{Tensor, backend::Backend};

use crate::config::Config;
use crate::meta::{MetaGradient, Rate};
use crate::nn::{Network, NetworkError};
use crate::predict::Predictor;
use crate::samplers::MetaBatch;
use crate::tasks::TaskDistribution;

/// An algorithm that follows a gradient, by which [`Trainer`](super::Trainer)
/// trains.
pub trait Descent: Clone + Send + Sync + 'static {
    /// The network that is trained on such tasks. By default that of the config, all of
    /// which trains.
    ///
    /// # Errors
    /// [`NetworkError`] where it cannot be built.
    fn network(
        &self,
        config: &Config,
        _tasks: &dyn TaskDistribution,
    ) -> Result<Network, NetworkError> {
        Ok(config.network()?.all_adapting())
    }

    /// The network that validation evaluates while `trained` is trained, and how it
    /// predicts. By default the trained one, as the method predicts.
    ///
    /// # Errors
    /// [`NetworkError`] where it cannot be built.
    fn evaluated(
        &self,
        config: &Config,
        trained: &Network,
    ) -> Result<(Network, Predictor), NetworkError> {
        Ok((trained.clone(), config.method.predictor()))
    }

    /// The gradient of one iteration.
    fn gradient<B: Backend>(&self, step: &MetaStep<'_, B>) -> MetaGradient<B>;
}

/// One iteration of training, as far as it is settled before the gradient.
pub struct MetaStep<'a, B: Backend> {
    /// The network that is trained.
    pub network: &'a Network,
    /// Its parameters, `[1, ...]` each.
    pub params: &'a [Tensor<B, 3>],
    /// The inner rates, a row for each step.
    pub rates: &'a [Vec<Rate<B>>],
    /// The tasks of the iteration.
    pub batch: MetaBatch<'a, B>,
}

/// What training has come to.
pub struct Trained<'a, B: Backend> {
    /// The experiment.
    pub config: &'a Config,
    /// The network, for tasks of as many classes as it was trained on.
    pub network: &'a Network,
    /// Its parameters, `[1, ...]` each.
    pub params: &'a [Tensor<B, 3>],
    /// Its inner rates, a row for each step; empty where there are none.
    pub rates: &'a [Vec<Rate<B>>],
}

/// Is shown a batch: the inner step before which it comes, the parameters there and the
/// examples `[T, B, in]`.
pub type See<'a, B> = dyn FnMut(usize, &[Tensor<B, 3>], Tensor<B, 3>) + 'a;
