//! A trained model on the host: what `train` produces and `evaluate` and
//! `export` start from.

use std::path::Path;

use crate::algorithms::{Adaptation, Algorithm};
use crate::config::{Config, Keep, RateConfig};
use crate::meta::{InnerLoop, RateTable, split_host};
use crate::nn::{Adapt, AdaptGroup, HeadStart, LayerSpec, Network, NetworkError, head, init};
use crate::predict::Predictor;
use crate::run::{Checkpoint, RunDir, RunError};
use crate::shell;

/// Parameters and recipe of a run.
#[derive(Clone, Debug)]
pub struct TrainedModel {
    /// The config it was trained with.
    pub config: Config,
    /// The network and its adapting tensors, with the stored statistics of its
    /// batch norms once they are measured.
    pub network: Network,
    /// One row-major vector per tensor of [`Network::tensors`].
    pub params: Vec<Vec<f32>>,
    /// The inner rates, `rates.rows()[step][adapting tensor]`; `None` for a
    /// method whose rate is tuned at test time, and for one that does not
    /// adapt.
    pub rates: Option<RateTable>,
    /// The iteration the parameters come from.
    pub iteration: u64,
}

/// Why a run gives no model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The run is unreadable.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The run has not got as far as a checkpoint.
    #[error(
        "{0} has no checkpoint yet; train it with `{command}`", command = to_go_on(.0)
    )]
    Untrained(String),
    /// Its network cannot be built.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The checkpoint belongs to another network.
    #[error("the checkpoint of {path} has {given} parameters where its config needs {needed}")]
    Size {
        /// The run.
        path: String,
        /// Parameters of the network.
        needed: usize,
        /// Parameters in the checkpoint.
        given: usize,
    },
    /// Its head is for another number of classes.
    #[error(
        "{title} cannot take tasks of {ways} classes: it has a head for {}; train with \
         model.head = \"shared\" or \"prototype\" for any number from 2", own.map_or("values".into(), |own| format!("2 to {own}"))
    )]
    Ways {
        /// The run's title.
        title: String,
        /// Classes asked for.
        ways: usize,
        /// Its own, if it has classes.
        own: Option<usize>,
    },
    /// Its rates are for as many classes as it was trained with.
    #[error(
        "{title} cannot take tasks of {ways} classes: it has a rate for every parameter; train \
         with inner.rate.per = \"tensor\" for other numbers"
    )]
    RatePerParameter {
        /// The run's title.
        title: String,
        /// Classes asked for.
        ways: usize,
    },
    /// Batch norms lack their stored statistics.
    #[error(
        "the batch norms of {0} have no stored statistics for its parameters; they are measured \
         when training ends, so finish it with `{command}`",
        command = to_go_on(.0)
    )]
    NoStatistics(String),
}

/// The command that trains a run to its end.
fn to_go_on(run: &str) -> String {
    shell::command(["train", "--resume", "--run", run])
}

impl TrainedModel {
    /// Loads the result of a run: its last parameters, or its best where the
    /// config says `keep = "best"`.
    ///
    /// # Errors
    /// If there is no run, no intact checkpoint, or one of another network, if a run that
    /// has ended lacks its last one, and if batch norms lack their stored statistics.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let run = RunDir::open(path)?;
        let config = run.config()?;
        let name = || path.display().to_string();
        let checkpoint = run
            .result_checkpoint()?
            .ok_or_else(|| ModelError::Untrained(name()))?;
        let network = config.network()?;
        let (needed, given) = (network.parameter_count(), checkpoint.params.len());
        let replaceable =
            config.method.replaces_head(&config) || config.model.head.takes_any_ways();
        let fits = replaceable && head::outputs(&network, given).is_some();
        if given != needed && !fits {
            return Err(ModelError::Size {
                path: name(),
                needed,
                given,
            });
        }
        let mut model = Self::from_checkpoint(config, &checkpoint)?;
        let missing = model.network.statistics().is_empty();
        if missing && !model.network.stored_layers().is_empty() {
            let statistics = run
                .statistics()
                .filter(|statistics| statistics.iteration == model.iteration)
                .ok_or_else(|| ModelError::NoStatistics(name()))?;
            model.network = model.network.with_statistics(&statistics.layers)?;
        }
        Ok(model)
    }

    /// The result of a run that stands at `checkpoint`.
    pub fn from_checkpoint(config: Config, checkpoint: &Checkpoint) -> Result<Self, NetworkError> {
        let best = checkpoint
            .best
            .as_ref()
            .filter(|_| config.record.keep == Keep::Best);
        let (flat, log_rates, iteration) = match (best, &checkpoint.ema) {
            (Some(best), _) => (&best.params, &best.log_rates, best.iteration),
            (None, Some(ema)) => (&ema.params, &ema.log_rates, checkpoint.iteration),
            (None, None) => (
                &checkpoint.params,
                &checkpoint.log_rates,
                checkpoint.iteration,
            ),
        };
        let rates: Vec<f32> = log_rates.iter().map(|rate| rate.exp()).collect();
        let mut model = Self::assemble(config, flat, &rates, iteration)?;
        if !checkpoint.statistics.is_empty() {
            model.network = model.network.with_statistics(&checkpoint.statistics)?;
        }
        Ok(model)
    }

    /// The model before any training: initial weights and rates.
    pub fn initial(config: Config) -> Result<Self, NetworkError> {
        let network = config.network()?;
        let flat = init::draw(&network, config.model.init, config.seed, 0).concat();
        let flat = config.model.head.begin(&network, flat);
        let rates = match config.inner.rate {
            RateConfig::Learned {
                initial,
                initial_body,
                per,
                per_step,
                ..
            } => {
                let rows = if per_step { config.inner.steps } else { 1 };
                let adapting = network.tensors().iter().filter(|info| info.adapts);
                let row: Vec<f32> = adapting
                    .zip(per.dims(&network))
                    .flat_map(|(info, dims)| {
                        let body = initial_body.filter(|_| !head::contains(&network, info));
                        vec![body.unwrap_or(initial) as f32; dims.iter().product()]
                    })
                    .collect();
                row.repeat(rows)
            }
            _ => Vec::new(),
        };
        Self::assemble(config, &flat, &rates, 0)
    }

    /// The same model with an adaptation of its head alone, for a classifier all
    /// of which adapts; `None` for any other.
    ///
    /// # Errors
    /// [`NetworkError`] where the network cannot be built.
    pub fn head_only(&self) -> Result<Option<Self>, NetworkError> {
        if !self.config.method.replaces_head(&self.config)
            || self.config.inner.adapt != Adapt::default()
        {
            return Ok(None);
        }
        let mut model = self.clone();
        model.config.inner.adapt = Adapt::Group(AdaptGroup::Head);
        model.config.title += ", head only";
        model.rebuild_network()?;
        Ok(Some(model))
    }

    /// The same model for tasks of `ways` classes, with as many outputs and the
    /// rates for as many classes: any number where the start of the head is one for
    /// all, the first of one that has a start of its own for each. A prototypical network takes any
    /// number as it is.
    ///
    /// # Errors
    /// [`ModelError::Ways`] where there are not as many starts,
    /// [`ModelError::RatePerParameter`] where rates would not fit.
    pub fn with_ways(mut self, ways: usize) -> Result<Self, ModelError> {
        let from = self.config.tasks.classes();
        if from == Some(ways) {
            return Ok(self);
        }
        let method = &self.config.method;
        let prototypes = method.predictor() == Predictor::Prototypes;
        let enough = self.config.model.head.takes_any_ways()
            || from.is_some_and(|from| ways < from) && method.has_recipe();
        if ways < 2 || !(prototypes || enough) {
            return Err(ModelError::Ways {
                title: self.config.title,
                ways,
                own: from,
            });
        }
        if !self.rates.as_ref().is_none_or(RateTable::is_per_tensor) {
            return Err(ModelError::RatePerParameter {
                title: self.config.title,
                ways,
            });
        }
        self.config.tasks.set_classes(ways);
        if !prototypes {
            if let Some(LayerSpec::Dense(dense)) = self.config.model.layers.last_mut() {
                dense.out = ways;
            }
            let old = self.network.output();
            self.rebuild_network()?;
            let flat = self.params.concat();
            let flat = match self.config.model.head {
                HeadStart::Shared | HeadStart::Prototype => {
                    head::with_shared_head(&self.network, &flat)
                }
                HeadStart::Own => head::with_first_outputs(&self.network, &flat),
            };
            if let Some(flat) = flat {
                self.params = split_host(&self.network, &flat);
            }
            let factors = self.config.rate_factors(&self.network, old);
            self.rates = self.rates.map(|rates| rates.scaled(&factors));
        }
        Ok(self)
    }

    /// The same model with one output more, which is never taught
    /// ([`mamlet_formats::Score::NoClass`]). Rates stay: as many classes share a
    /// gradient as before. `None` where outputs have starts of their own, or at prototypes,
    /// of which such an output has none.
    pub(crate) fn with_rejection_output(&self) -> Option<Self> {
        let mut model = self.clone();
        let LayerSpec::Dense(head) = model.config.model.layers.last_mut()? else {
            return None;
        };
        head.out += 1;
        let shared = model.config.model.head == HeadStart::Shared;
        (shared && model.rebuild_network().is_ok()).then_some(())?;
        let flat = head::with_shared_head(&model.network, &model.params.concat())?;
        model.params = split_host(&model.network, &flat);
        Some(model)
    }

    /// Builds the network of a changed config, with the statistics it had.
    fn rebuild_network(&mut self) -> Result<(), NetworkError> {
        self.network = self.config.network()?.with_statistics_of(&self.network)?;
        Ok(())
    }

    /// The rates, if training learns them.
    pub(crate) fn learned_rates(&self) -> Option<&RateTable> {
        let learned = matches!(self.config.inner.rate, RateConfig::Learned { .. });
        self.rates.as_ref().filter(|_| learned)
    }

    /// The adaptation that the model was trained for.
    pub fn inner_loop(&self) -> InnerLoop<'_> {
        self.config.inner_loop(&self.network)
    }

    /// The model of `config` with these parameters, tensor after tensor, and
    /// these rates where they are learned.
    pub(crate) fn assemble(
        config: Config,
        flat: &[f32],
        learned: &[f32],
        iteration: u64,
    ) -> Result<Self, NetworkError> {
        let network = config.network()?;
        // Training may have ended with a head of more classes.
        let trained = head::outputs(&network, flat.len());
        let replaced = match (config.model.head, config.method.replaces_head(&config)) {
            (HeadStart::Shared | HeadStart::Prototype, _) => head::with_shared_head(&network, flat),
            (HeadStart::Own, true) => head::with_empty_head(&network, flat),
            (HeadStart::Own, false) => None,
        };
        let flat = replaced.as_deref().unwrap_or(flat);
        let tensors = network.adapting().len();
        let adapts = config.method.properties().adaptation != Adaptation::None;
        let rates = match &config.inner.rate {
            _ if !adapts => None,
            RateConfig::Tuned { .. } | RateConfig::None => None,
            rate @ RateConfig::Fixed { .. } => rate.fixed(config.inner.steps, tensors),
            RateConfig::Learned { per, .. } => {
                Some(RateTable::from_flat(learned, per.dims(&network)))
            }
        };
        let rates = match (trained, config.model.head) {
            (Some(ways), HeadStart::Shared | HeadStart::Prototype) => {
                rates.map(|rates| rates.scaled(&config.rate_factors(&network, ways)))
            }
            _ => rates,
        };
        Ok(Self {
            params: split_host(&network, flat),
            config,
            network,
            rates,
            iteration,
        })
    }
}
