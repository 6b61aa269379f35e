//! Experiments as TOML files.
//!
//! A file names only what differs from the defaults; a run directory keeps the
//! resolved file with every value spelled out. Values are checked before
//! anything runs, and an error names the key, its line, what was expected and
//! what was given.

mod check;
mod parse;
mod schedule;

use serde::{Deserialize, Serialize};

use crate::loss::{Loss, LossKind, Reduction};
use crate::meta::{Clip, Graph, InnerOptimiser, Order};
use crate::nn::init::Init;
use crate::nn::{Adapt, LayerSpec, Network, NetworkError, NetworkSpec};

pub use crate::tasks::TasksConfig;
pub use parse::{ConfigError, Difference, difference};
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
    /// What is trained, and how it is judged.
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
    /// What is recorded while training.
    #[serde(default)]
    pub record: RecordConfig,
    /// Only for `method = "averaging"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub averaging: Option<AveragingConfig>,
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

/// What is trained, and how it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// An initialisation trained through the inner loop; adapts by its own
    /// recipe.
    Maml,
    /// One network trained on all tasks without an inner loop; adapts by
    /// gradient steps of a rate tuned on validation tasks.
    Pretraining,
    /// Like pretraining, but shown the task's parameters; does not adapt.
    Oracle,
    /// Initial weights as drawn; adapts with a tuned rate.
    Random,
    /// The mean of the parameters of networks trained on one task each; adapts
    /// with a tuned rate.
    Averaging,
}

/// The network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// First layer first; the shape of the input is that of the tasks.
    pub layers: Vec<LayerSpec>,
    /// Distribution of the initial weights.
    pub init: Init,
}

/// The inner loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InnerConfig {
    /// Loss inside and out.
    pub loss: LossKind,
    /// How its examples are put together.
    #[serde(default = "default::reduction")]
    pub reduction: Reduction,
    /// Gradient steps while training; 0 for methods without an inner loop.
    pub steps: usize,
    /// Step sizes.
    pub rate: RateConfig,
    /// Momentum of the inner steps, from 0 to below 1; none if absent. The
    /// velocity starts at zero in every adaptation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// Bound on the norm of a task's gradient over all adapting tensors; none
    /// if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Which tensors change.
    #[serde(default)]
    pub adapt: Adapt,
    /// First or second derivatives.
    #[serde(default = "default::order")]
    pub order: Order,
    /// Whether the graphs of inner steps are kept or built again.
    #[serde(default = "default::graph")]
    pub graph: Graph,
}

/// Step sizes of the inner loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum RateConfig {
    /// One number for all tensors and steps.
    Fixed {
        /// The rate.
        value: f64,
    },
    /// A rate per tensor and step, learned with the weights (Meta-SGD,
    /// MAML++). The logarithm is learned, so rates stay positive.
    Learned {
        /// Where all rates start.
        initial: f64,
        /// Adam's step size for the logarithms.
        meta_rate: f64,
    },
    /// Chosen at test time on validation tasks, for methods without an inner
    /// loop: the best of `candidates` for each number of shots.
    Tuned {
        /// Rates to try.
        candidates: Vec<f64>,
    },
}

/// The outer loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetaConfig {
    /// Meta-steps.
    pub iterations: u64,
    /// Tasks per meta-step.
    #[serde(default = "default::tasks")]
    pub tasks: usize,
    /// Support examples per task, or per class where tasks have classes: a
    /// number, or several of which one is drawn per iteration.
    pub shots: Shots,
    /// Query examples per task, or per class.
    pub queries: usize,
    /// Adam's step size.
    #[serde(default = "default::meta_rate")]
    pub rate: f64,
    /// Adam's decay rates.
    #[serde(default = "default::betas")]
    pub betas: [f64; 2],
    /// How the step size changes over the run.
    #[serde(default)]
    pub schedule: Schedule,
    /// Bound on every element of the meta-gradient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_value: Option<f64>,
    /// Bound on the norm of the meta-gradient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// How the query losses of the inner steps are weighted.
    #[serde(default)]
    pub step_loss: StepLoss,
    /// From this iteration on, batch norms with `stored` statistics train with
    /// what they will use on the device: the statistics are measured there and
    /// then, and are constants to the rest of training. Absent: measured once
    /// training is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics_from: Option<u64>,
}

/// Number of support examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Shots {
    /// Always the same.
    One(usize),
    /// Drawn uniformly from these, once per iteration.
    Several(Vec<usize>),
}

impl Shots {
    /// The numbers to draw from.
    pub fn choices(&self) -> &[usize] {
        match self {
            Self::One(shots) => std::slice::from_ref(shots),
            Self::Several(shots) => shots,
        }
    }
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
    /// The steps whose mean validation loss decides which iteration is best.
    pub validation_steps: Vec<usize>,
    /// Iterations between checkpoints; the last two are kept.
    pub checkpoint_every: u64,
    /// Which iteration's parameters are the result.
    pub keep: Keep,
}

/// Which iteration's parameters are the result of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// The last.
    Last,
    /// That with the lowest validation loss.
    Best,
}

impl Default for RecordConfig {
    fn default() -> Self {
        Self {
            every: 100,
            validate_every: 1000,
            validation_tasks: 200,
            validation_shots: 10,
            validation_steps: vec![1],
            checkpoint_every: 5000,
            keep: Keep::Last,
        }
    }
}

/// Parameter averaging: networks trained on one task each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AveragingConfig {
    /// Number of networks, each with a task and initial weights of its own.
    pub networks: usize,
    /// What pulls on the weights besides the data.
    pub regulariser: Regulariser,
    /// Strength `λ` of the regulariser: `λ·‖θ − c‖²` is added to the loss, with
    /// `c = 0` or the running mean.
    pub lambda: f64,
    /// A network is trained once its error is below this.
    pub target: f64,
    /// Iterations that every network is trained for, however low its error;
    /// `meta.iterations` bounds them from above.
    pub iterations: u64,
    /// Examples per network and iteration.
    pub batch: usize,
    /// Networks trained at once; the running mean is that of all earlier
    /// blocks.
    pub block: usize,
}

/// What pulls on the weights of a network trained on one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regulariser {
    /// Nothing.
    None,
    /// Weight decay to 0.
    L2,
    /// Weight decay to the mean of the networks trained so far.
    L2ToMean,
}

mod default {
    use super::{Graph, Order, Reduction};

    pub fn seed() -> u64 {
        1
    }
    pub fn reduction() -> Reduction {
        Reduction::Mean
    }
    pub fn order() -> Order {
        Order::Second
    }
    pub fn graph() -> Graph {
        Graph::Keep
    }
    pub fn tasks() -> usize {
        25
    }
    pub fn meta_rate() -> f64 {
        1e-3
    }
    pub fn betas() -> [f64; 2] {
        [0.9, 0.999]
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

    /// Bounds on the meta-gradient.
    pub fn clip(&self) -> Clip {
        Clip {
            value: self.meta.clip_value.map(|value| value as f32),
            norm: self.meta.clip_norm.map(|norm| norm as f32),
        }
    }

    /// The resolved config as TOML, every default spelled out.
    pub fn to_toml(&self) -> String {
        // All keys are strings and all values are representable.
        toml::to_string(self).expect("a config can be written as TOML")
    }

    /// Identity of the resolved config: CRC-64/XZ of [`Config::to_toml`].
    pub fn digest(&self) -> u64 {
        crc::Crc::<u64>::new(&crc::CRC_64_XZ).checksum(self.to_toml().as_bytes())
    }
}

#[cfg(test)]
pub(crate) mod tests;
