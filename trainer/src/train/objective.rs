//! What an iteration follows the gradient of.

use crate::baselines::classifier;
use crate::config::{Config, Method};
use crate::evaluate::Head;
use crate::nn::{Network, NetworkError};
use crate::tasks::{Split, TaskDistribution};

/// What an iteration follows the gradient of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Objective {
    /// The query loss after the inner steps, of which there may be none.
    Adaptation,
    /// The query loss of a prototypical network.
    Prototypes,
    /// The cross-entropy of all training classes, so many.
    Classes(usize),
}

impl Objective {
    /// That of a config with these tasks.
    pub fn of(config: &Config, distribution: &dyn TaskDistribution) -> Self {
        let classes = distribution.class_count(Split::Train);
        match classes.filter(|_| config.classifies()) {
            Some(classes) => Self::Classes(classes),
            None if config.method == Method::Prototypical => Self::Prototypes,
            None => Self::Adaptation,
        }
    }

    /// The network that is trained.
    pub fn network(self, config: &Config) -> Result<Network, NetworkError> {
        match self {
            Self::Classes(classes) => classifier::network(config, classes),
            _ if config.method.has_recipe() => match config.other_ways() {
                Some(ways) => config.network_of_outputs(ways),
                None => config.network(),
            },
            _ => Ok(config.network()?.all_adapting()),
        }
    }

    /// The network that validation judges and how: a classifier of other classes
    /// by its body alone, as a prototypical network; a network that was trained
    /// on tasks of another number of classes with as many outputs as it is for.
    pub fn judged(
        self,
        config: &Config,
        trained: &Network,
    ) -> Result<(Network, Head), NetworkError> {
        let (network, head) = match self {
            Self::Classes(_) => (classifier::body(config)?, Head::Prototypes),
            _ if config.other_ways().is_some() => (config.network()?, Head::of(config)),
            _ => return Ok((trained.clone(), Head::of(config))),
        };
        let network = match trained.statistics() {
            [] => network,
            statistics => network.with_statistics(statistics)?,
        };
        Ok((network, head))
    }
}
