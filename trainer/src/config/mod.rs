//! Experiments as TOML files.
//!
//! A file names only what differs from the defaults, or from another file that
//! it `extends`; a run directory keeps the resolved file with every value spelled
//! out. Values are checked before
//! anything runs, and an error names the key, its line, what was expected and
//! what was given.

pub(crate) mod check;
mod inner;
mod meta;
mod method;
mod parse;
mod policy;
mod schedule;
mod source;
mod tasks;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::algorithms::Method;
use crate::loss::{Loss, Reduction};
use crate::meta::{Clip, InnerLoop, InnerOptimiser};
use crate::nn::init::Init;
use crate::nn::{HeadStart, LayerSpec, Network, NetworkError, NetworkSpec, head};
use crate::predict::{Predictor, Setting};

pub use crate::tasks::TasksConfig;
pub use check::Fault;
pub use inner::{InnerConfig, RateConfig};
pub use meta::{MetaConfig, Shots};
pub use parse::{ConfigError, Difference, difference};
pub use policy::{Clipped, PolicyConfig, PolicyOuter, Products, Trpo};
pub use schedule::{Schedule, StepLoss};

/// One experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Names the run directory, `runs/<name>`.
    pub name: String,
    /// The row of this experiment in tables and plots.
    pub title: String,
    /// Which published protocol the experiment follows.
    pub protocol: Protocol,
    /// The algorithm: what is trained, and how the result adapts. Its own settings, if it
    /// has any, are the table of its name.
    #[serde(serialize_with = "method::name")]
    pub method: Method,
    /// Every random number of the run is a function of it.
    #[serde(default = "default::seed")]
    pub seed: u64,
    /// Where tasks come from.
    pub tasks: TasksConfig,
    /// The network.
    pub model: ModelConfig,
    /// The inner loop.
    pub inner: InnerConfig,
    /// The outer loop.
    pub meta: MetaConfig,
    /// How a policy learns from what it did; only where one acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyConfig>,
    /// What is recorded while training.
    #[serde(default)]
    pub record: RecordConfig,
}

/// Which published protocol an experiment follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// The text of Finn et al. 2017.
    Paper,
    /// The authors' released code, where the two differ.
    Code,
    /// Neither: our own recipe.
    Own,
}

impl Protocol {
    /// As written in a config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Code => "code",
            Self::Own => "own",
        }
    }
}

/// The network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// First layer first; the shape of the input is that of the tasks.
    pub layers: Vec<LayerSpec>,
    /// Distribution of the initial weights.
    pub init: Init,
    /// Where the outputs of the last layer start.
    #[serde(default, skip_serializing_if = "HeadStart::is_own")]
    pub head: HeadStart,
    /// The directory of a trained run from which training starts, such as
    /// `"runs/gestures-wrist"`. It gives:
    ///
    /// - the parameters of the layers below the head, which must be the same. A norm that
    ///   the run does not have starts as `init` says;
    /// - the head, where it has a start for each output: one that takes any number of
    ///   classes, another for as many as it has. Prototypes and weights are no start for
    ///   one another. If not, and where images are of another
    ///   size, the head starts as `init` says;
    /// - the learned rates, where the same tensors adapt. With `inner.rate.initial_body`
    ///   further tensors may adapt, whose rates start there. A rate of a tensor is the start
    ///   of the rates of its parameters. Steps that the run does not have start as
    ///   `inner.rate` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<PathBuf>,
}

/// What is recorded while training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordConfig {
    /// Iterations per line of training loss.
    pub every: u64,
    /// Iterations between validations.
    pub validate_every: u64,
    /// Validation tasks.
    pub validation_tasks: usize,
    /// Support examples of the validation tasks.
    pub validation_shots: usize,
    /// Query examples of the validation tasks, of each class where there are
    /// classes; 50 of all classes together if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_queries: Option<usize>,
    /// The steps whose mean validation loss decides which iteration is best.
    pub validation_steps: Vec<usize>,
    /// Iterations between checkpoints; the last two are kept.
    pub checkpoint_every: u64,
    /// How queries are predicted where they can see one another: on validation tasks, and
    /// in what `evaluate` and its relatives judge by. If absent as a device does, and
    /// transductive where `protocol` is a published one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<Setting>,
    /// Which iteration's parameters are the result.
    pub keep: Keep,
    /// What the best iteration is best by.
    #[serde(skip_serializing_if = "KeepBy::is_loss")]
    pub keep_by: KeepBy,
}

/// What the best iteration is best by, on validation tasks after
/// `validation_steps`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepBy {
    /// The lowest query loss.
    #[default]
    Loss,
    /// The highest query accuracy, where tasks have classes.
    Accuracy,
}

impl KeepBy {
    /// The default, which is not spelled out.
    fn is_loss(&self) -> bool {
        *self == Self::Loss
    }
}

/// Which iteration's parameters are the result of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// The last.
    Last,
    /// The best of all validations, by [`KeepBy`].
    Best,
}

impl Default for RecordConfig {
    fn default() -> Self {
        Self {
            every: 100,
            validate_every: 1000,
            validation_tasks: 200,
            validation_shots: 10,
            validation_queries: None,
            validation_steps: vec![1],
            checkpoint_every: 5000,
            setting: None,
            keep: Keep::Last,
            keep_by: KeepBy::Loss,
        }
    }
}

mod default {
    pub fn seed() -> u64 {
        1
    }
}

impl Config {
    /// The network, checked.
    pub fn network(&self) -> Result<Network, NetworkError> {
        let spec = NetworkSpec {
            input: self.tasks.shape(),
            layers: self.model.layers.clone(),
        };
        Network::new(&spec, &self.inner.adapt)
    }

    /// The network with so many outputs of its last layer, where that is dense.
    pub fn network_of_outputs(&self, outputs: usize) -> Result<Network, NetworkError> {
        let mut config = self.clone();
        if let Some(LayerSpec::Dense(dense)) = config.model.layers.last_mut() {
            dense.out = outputs;
        }
        config.network()
    }

    /// Factors on the inner rates of `network` for tasks of as many classes as it
    /// has outputs, where they were trained on tasks of `ways`: under the mean
    /// loss, every class has its share `1/N` of the gradient of the head, under the
    /// sum, the same.
    pub fn rate_factors(&self, network: &Network, ways: usize) -> Vec<f32> {
        let factor = match self.inner.reduction {
            Reduction::Mean => network.output() as f32 / ways as f32,
            Reduction::Sum => 1.0,
        };
        head::rate_factors(network, factor)
    }

    /// Classes of a training task where their number differs from that of the
    /// tasks of evaluation, for a network with as many outputs.
    pub fn training_ways(&self) -> Option<usize> {
        let any = self.model.head.takes_any_ways();
        self.meta.ways.filter(|_| any)
    }

    /// Inner steps that the result is evaluated after; `None` for methods that have no
    /// number of their own.
    pub fn evaluation_steps(&self) -> Option<usize> {
        let inner = &self.inner;
        match self.method.predictor() {
            Predictor::Prototypes => Some(0),
            Predictor::Outputs if self.method.has_recipe() => {
                Some(inner.evaluation_steps.unwrap_or(inner.steps))
            }
            Predictor::Outputs => inner.evaluation_steps,
        }
    }

    /// How queries are predicted where the experiment is judged: see
    /// [`RecordConfig::setting`].
    pub fn setting(&self) -> Setting {
        self.record.setting.unwrap_or(match self.protocol {
            Protocol::Paper | Protocol::Code => Setting::Transductive,
            Protocol::Own => Setting::Device,
        })
    }

    /// The loss, inside and out.
    pub fn loss(&self) -> Loss {
        Loss {
            kind: self.inner.loss,
            reduction: self.inner.reduction,
        }
    }

    /// What an inner step does to a gradient.
    pub fn inner_optimiser(&self) -> InnerOptimiser {
        InnerOptimiser {
            momentum: self.inner.momentum.map(|momentum| momentum as f32),
            clip_norm: self.inner.clip_norm.map(|norm| norm as f32),
        }
    }

    /// The adaptation that `network` is trained for. Whether its gradients are constants
    /// makes no difference without automatic differentiation.
    pub fn inner_loop<'a>(&self, network: &'a Network) -> InnerLoop<'a> {
        InnerLoop {
            network,
            loss: self.loss(),
            optimiser: self.inner_optimiser(),
            order: self.inner.order,
            head: self.model.head,
        }
    }

    /// Bounds on the meta-gradient.
    pub fn clip(&self) -> Clip {
        Clip {
            value: self.meta.clip_value.map(|value| value as f32),
            norm: self.meta.clip_norm.map(|norm| norm as f32),
        }
    }

    /// Identity of the resolved config: CRC-64/XZ of [`Config::to_toml`].
    pub fn digest(&self) -> u64 {
        crc::Crc::<u64>::new(&crc::CRC_64_XZ).checksum(self.to_toml().as_bytes())
    }
}

#[cfg(test)]
pub(crate) mod tests;
