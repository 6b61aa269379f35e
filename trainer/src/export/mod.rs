//! From a trained run to the one file a device adapts from.
//!
//! The engine that will run on the device reads every artifact back before it
//! is written: its first gradient and the loss of every step must be the
//! trainer's, its golden vectors are what it computed, and a survey of many
//! tasks shows that no number of steps the recipe allows leaves a task worse
//! than it was.

mod alone;
mod head;
mod parity;
mod parts;
mod quantize;
mod rejection;
mod safety;
mod score;
mod units;

use mamlet_formats::{ArtifactWriter, Loss, Policy, Reduction, WriteError};
use mamlet_simulator::Model;
use mamlet_simulator::file::ArtifactFile;
use mamlet_simulator::golden;

use crate::config::{Config, PolicyConfig};
use crate::loss::{LossKind, Reduction as HostReduction};
use crate::meta::RateTable;
use crate::model::TrainedModel;
use crate::nn::HeadStart;
use crate::predict::Predictor;
use crate::random::{Stream, generator};
use crate::run::Manifest;
use crate::tasks::{Split, TaskBatch, TaskDistribution, TasksError, unscaled};

pub use alone::Alone;
pub use parity::Parity;
pub use quantize::Quantize;
use rejection::Found;
pub use rejection::Unknown;
pub use safety::Safety;
pub use score::{Score, Trial};

/// What may be chosen when an artifact is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Inner steps that a device takes unless told otherwise; those of the
    /// training run where `None`.
    pub steps: Option<usize>,
    /// The most steps a device may take.
    pub max_steps: usize,
    /// One rate for all tensors and steps, for runs that learnt none.
    pub rate: Option<f32>,
    /// Support examples, of each class if there are classes, of the golden
    /// vectors and of the episodes that a quantised artifact is evaluated on.
    pub golden_shots: usize,
    /// How tensors are stored.
    pub quantize: Quantize,
    /// Episodes that a quantised artifact is evaluated on; none if 0.
    pub episodes: usize,
    /// Share of the examples of taught classes that a device is to accept; it
    /// takes all for known where `None`.
    pub accept: Option<f64>,
    /// Whether there is an artifact even where a device, to which a query comes alone,
    /// falls behind what the network is evaluated to.
    pub allow_loss: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            steps: None,
            max_steps: 20,
            rate: None,
            golden_shots: 5,
            quantize: Quantize::default(),
            episodes: 600,
            accept: None,
            allow_loss: false,
        }
    }
}

impl Options {
    /// Inner steps that a device takes unless told otherwise.
    fn steps_of(&self, config: &Config) -> usize {
        self.steps.unwrap_or(config.inner.steps.max(1))
    }
}

/// An artifact and how it was checked.
#[derive(Clone, Debug)]
pub struct Export {
    /// The artifact.
    pub file: ArtifactFile,
    /// How the engine agrees with the trainer, before anything is quantised.
    pub parity: Parity,
    /// What a quantised artifact scores before and after, on the same
    /// episodes.
    pub scores: Option<[Score; 2]>,
    /// What a device takes for unknown, if it does.
    pub unknown: Option<Unknown>,
    /// What it comes to where a query comes alone, of a network for which that makes a
    /// difference.
    pub alone: Option<Alone>,
    /// How tensors are stored: what was asked for, as far as there is anything to store so.
    pub stored: Quantize,
}

/// Why there is no artifact.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The method tunes its rate at test time, or does not adapt.
    #[error(
        "{title} has no inner rates of its own: give one with --rate, or export a run of a \
         method that adapts by its own recipe"
    )]
    NoRates {
        /// The run's title.
        title: String,
    },
    /// Every parameter has a rate of its own.
    #[error(
        "{title} learned a rate for every parameter, where an artifact holds one per tensor and \
         step: train it with inner.rate.per = \"tensor\", or give one rate for all with --rate"
    )]
    RatesPerParameter {
        /// The run's title.
        title: String,
    },
    /// The loss is one of training alone.
    #[error("a device has no {loss}")]
    Loss {
        /// Its name.
        loss: &'static str,
    },
    /// A device brings the advantages of its actions to a deviation of 1.
    #[error(
        "{title} has policy.standardise = false, and a device standardises advantages: train it \
         with policy.standardise = true"
    )]
    NotStandardised {
        /// The run's title.
        title: String,
    },
    /// A device adapts by gradient steps; it has no prototypes.
    #[error(
        "{title} is a prototypical network, whose classes are means of embeddings: a device \
         adapts by gradient steps only, so export a run of method = \"maml\""
    )]
    Prototypical {
        /// The run's title.
        title: String,
    },
    /// Steps that no recipe can have.
    #[error(
        "{steps} steps of at most {max_steps}: both must be from 1 (0 where the head starts at \
         prototypes) to {}, the second no less than the first",
        mamlet_runtime::MAX_STEPS
    )]
    Steps {
        /// Steps by default.
        steps: usize,
        /// The most steps.
        max_steps: usize,
    },
    /// No golden support set was found to which the recipe adapts.
    #[error("the recipe adapts to none of {tried} golden support sets; the last: {reason}")]
    Golden {
        /// How many were tried.
        tried: u64,
        /// What the last came to.
        reason: String,
    },
    /// The artifact cannot be written or run.
    #[error("the artifact cannot be made: {0}")]
    Artifact(String),
    /// Norms take the statistics of the batch at hand, and a query of a device is alone.
    #[error(
        "{title} falls behind on a device: {alone}, as its batch norms use the statistics of the \
         batch at hand; train it with batch norms of statistics = \"stored\" or with group \
         norms, or export it all the same with --allow-loss"
    )]
    FallsBehind {
        /// The run's title.
        title: String,
        /// Both figures.
        alone: Box<Alone>,
    },
    /// The data cannot be opened.
    #[error(transparent)]
    Data(#[from] TasksError),
    /// The engine does not compute what the trainer computes.
    #[error(
        "the engine disagrees with the trainer: gradients by {gradient:.1e} and losses by \
         {loss:.1e} of their size, where {limit:.0e} is allowed; this is a defect of mamlet, please \
         report it with the run's config"
    )]
    Disagreement {
        /// Largest difference of a gradient, as a share of its tensor's largest.
        gradient: f32,
        /// Largest difference of a loss, as a share of the loss.
        loss: f32,
        /// What is allowed.
        limit: f32,
    },
}

impl From<WriteError> for ExportError {
    fn from(error: WriteError) -> Self {
        ExportError::Artifact(error.to_string())
    }
}

/// Numbers of the golden vectors' inputs: 8 KiB of flash. Two images are as good a
/// check as many; recordings and points all fit.
const GOLDEN_INPUTS: usize = 2048;

/// Query examples of an episode that a quantised artifact is evaluated on, of each
/// class if there are classes; fewer where classes have too few.
const QUERIES: usize = 15;

/// Support sets to try for golden vectors.
const GOLDEN_TRIES: u64 = 20;

/// Makes the artifact of a trained model and checks it with the engine.
///
/// # Errors
/// [`ExportError`] where the model has no recipe or the engine does not agree.
pub fn export(
    model: &TrainedModel,
    manifest: Option<&Manifest>,
    options: &Options,
) -> Result<Export, ExportError> {
    if model.config.method.predictor() == Predictor::Prototypes {
        return Err(ExportError::Prototypical {
            title: model.config.title.clone(),
        });
    }
    let own_rates = rates(model, options)?;
    let distribution = model.examples()?;
    let alone = Alone::measure(model, &own_rates, &*distribution, options)?;
    if let Some(alone) = alone.as_ref().filter(|alone| alone.falls_behind())
        && !options.allow_loss
    {
        return Err(ExportError::FallsBehind {
            title: model.config.title.clone(),
            alone: Box::new(alone.clone()),
        });
    }
    let scale = distribution.target_scale();
    let found = match options.accept {
        Some(accept) if model.config.inner.loss == LossKind::CrossEntropy => {
            let shots = options.golden_shots;
            distribution.check(Split::Validation, shots, 1)?;
            Found::best(model, &distribution, shots, accept)?
        }
        _ => None,
    };
    let rejection = found.as_ref().map(|found| found.rejection);
    let (trained, distribution, unknown) = match found {
        Some(found) => (found.model, found.distribution, Some(found.unknown)),
        None => (model.clone(), distribution, None),
    };
    // What a device is told and says is in the target's unit.
    let model = &units::in_units(&trained, &own_rates, scale.as_ref());
    let distribution = &unscaled(distribution);
    distribution.check(Split::Validation, options.golden_shots, 1)?;
    distribution.check(Split::Train, 1, 1)?;
    let writer = |quantize: Quantize| -> Result<ArtifactWriter, ExportError> {
        let mut writer = writer(model, distribution, manifest, options, quantize)?;
        if let Some(rejection) = rejection {
            writer.rejection(rejection);
        }
        Ok(writer)
    };
    let plain = writer(Quantize::default())?;
    let agrees = |file: &ArtifactFile, support| {
        Parity::measure(&trained, &own_rates, scale.as_ref(), file, support)
    };
    let (file, parity) = with_golden(model, distribution, &plain, options, agrees)?;
    if options.quantize == Quantize::default() {
        return Ok(Export {
            file,
            parity,
            scores: None,
            unknown,
            alone,
            stored: Quantize::default(),
        });
    }
    let quantized = writer(options.quantize)?;
    let (quantized, ()) = with_golden(model, distribution, &quantized, options, |_, _| Ok(()))?;
    let stored = Quantize {
        int8: has_integers(&quantized)?,
        ..options.quantize
    };
    let score = |file: &ArtifactFile| {
        let shots = options.golden_shots;
        let enough = |queries: &usize| distribution.check(Split::Test, shots, *queries).is_ok();
        let trial = Trial {
            tasks: options.episodes,
            shots,
            queries: (1..=QUERIES).rev().find(enough).unwrap_or(1),
            steps: None,
        };
        Score::measure(model, distribution, file, &trial)
            .map_err(|error| ExportError::Artifact(format!("{error:#}")))
    };
    let scores = match options.episodes {
        _ if stored == Quantize::default() => None,
        0 => None,
        _ => Some([score(&file)?, score(&quantized)?]),
    };
    Ok(Export {
        file: quantized,
        parity,
        scores,
        unknown,
        alone,
        stored,
    })
}

/// Whether some layers of an artifact compute with integers.
fn has_integers(file: &ArtifactFile) -> Result<bool, ExportError> {
    let wrong = |error: &dyn std::fmt::Display| ExportError::Artifact(error.to_string());
    let artifact = file.artifact().map_err(|error| wrong(&error))?;
    let engine = Model::new(&artifact).map_err(|error| wrong(&error))?;
    Ok(engine.layers().any(|layer| layer.integer))
}

/// The artifact with golden vectors of a support set to which it adapts and on which
/// `check` finds no disagreement, and what `check` says.
fn with_golden<T>(
    model: &TrainedModel,
    distribution: &dyn TaskDistribution,
    writer: &ArtifactWriter,
    options: &Options,
    check: impl Fn(&ArtifactFile, TaskBatch) -> Result<T, ExportError>,
) -> Result<(ArtifactFile, T), ExportError> {
    let (mut reason, mut disagreement) = (String::new(), None);
    for try_ in 0..GOLDEN_TRIES {
        let mut rng = generator(model.config.seed, Stream::Golden, try_);
        let support = distribution.draw(Split::Validation, &mut rng, 1, options.golden_shots, 1);
        let fit = (GOLDEN_INPUTS / support.input).max(1);
        let support = support.first_support_examples(fit);
        let attached = golden::attach(
            writer,
            &support.support_x.values(),
            &targets(model, &support),
        );
        let file = match attached {
            Ok(bytes) => ArtifactFile::new(&bytes),
            Err(error) => {
                reason = format!("{error:#}");
                continue;
            }
        };
        match check(&file, support) {
            Ok(checked) => return Ok((file, checked)),
            // Where the examples' gradients cancel, little but their rounding is left. A
            // defect shows on every set.
            Err(error @ ExportError::Disagreement { .. }) => disagreement = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(disagreement.unwrap_or(ExportError::Golden {
        tried: GOLDEN_TRIES,
        reason,
    }))
}

/// The rates of the artifact.
fn rates(model: &TrainedModel, options: &Options) -> Result<RateTable, ExportError> {
    let given = options
        .rate
        .map(|rate| RateTable::constant(rate, 1, model.network.adapting().len()));
    let title = || model.config.title.clone();
    let rates = given
        .or_else(|| model.rates.clone())
        .ok_or_else(|| ExportError::NoRates { title: title() })?;
    if !rates.is_per_tensor() {
        return Err(ExportError::RatesPerParameter { title: title() });
    }
    Ok(rates)
}

/// Targets as the engine wants them: a one-hot row becomes its class, what
/// follows it stays.
pub(crate) fn engine_targets(loss: LossKind, targets: &[f32], width: usize) -> Vec<f32> {
    let classes = match loss {
        LossKind::Mse
        | LossKind::Huber { .. }
        | LossKind::GaussianPolicy
        | LossKind::Surrogate(_)
        | LossKind::Divergence(_) => 0,
        LossKind::CrossEntropy => width,
        LossKind::CategoricalPolicy => width.saturating_sub(1),
    };
    let row = |row: &[f32]| -> Vec<f32> {
        let (one_hot, rest) = row.split_at(classes);
        let class = one_hot.iter().position(|&value| value > 0.5).unwrap_or(0) as f32;
        let class = (classes > 0).then_some(class);
        class.into_iter().chain(rest.iter().copied()).collect()
    };
    targets.chunks_exact(width.max(1)).flat_map(row).collect()
}

/// [`engine_targets`] of a support set.
fn targets(model: &TrainedModel, support: &TaskBatch) -> Vec<f32> {
    engine_targets(model.config.inner.loss, &support.support_y, support.output)
}

/// All parts of the artifact but the golden vectors.
fn writer(
    model: &TrainedModel,
    distribution: &dyn TaskDistribution,
    manifest: Option<&Manifest>,
    options: &Options,
    quantize: Quantize,
) -> Result<ArtifactWriter, ExportError> {
    let config = &model.config;
    let kind = match config.inner.loss {
        LossKind::Mse => Loss::MeanSquaredError,
        LossKind::Huber { delta } => Loss::Huber {
            delta: delta as f32,
        },
        LossKind::CrossEntropy => Loss::CrossEntropy,
        LossKind::GaussianPolicy => Loss::GaussianPolicy,
        LossKind::CategoricalPolicy => Loss::CategoricalPolicy,
        loss @ (LossKind::Surrogate(_) | LossKind::Divergence(_)) => {
            return Err(ExportError::Loss { loss: loss.name() });
        }
    };
    let steps = options.steps_of(config);
    let max_steps = options.max_steps;
    let prototypes = config.model.head == HeadStart::Prototype;
    let least = usize::from(!prototypes);
    if steps < least || steps > max_steps || max_steps > mamlet_runtime::MAX_STEPS {
        return Err(ExportError::Steps { steps, max_steps });
    }
    let mut parts = parts::of(model)?;
    let mut writer = ArtifactWriter::new(&config.name, parts::shape(model.network.spec().input));
    head::write(model, &mut parts, &mut writer);
    if let Some(normalisation) = distribution.normalisation() {
        writer.normalisation(&normalisation.mean, &normalisation.scale);
    }
    if let Some(policy) = &config.policy {
        writer.policy(rolled_out(config, policy)?);
    }
    if let Some((front_end, channels)) = distribution.front_end() {
        writer.front_end(front_end, channels.iter().map(String::as_str));
    }
    let f16 = quantize.f16;
    match quantize.int8 {
        true => quantize::write(model, distribution, parts, &mut writer, f16)?,
        false => {
            for part in &parts {
                let layer = part.write(&mut writer, f16)?;
                writer.push(layer);
            }
        }
    }
    let rates = model.rates.as_ref().ok_or_else(|| ExportError::NoRates {
        title: config.title.clone(),
    })?;
    // Rows that repeat the last are what a device does by itself.
    let mut rows: Vec<&[f32]> = rates.rows().iter().map(Vec::as_slice).collect();
    while rows.len() > 1 && rows[rows.len() - 1] == rows[rows.len() - 2] {
        rows.pop();
    }
    let reduction = match config.inner.reduction {
        HostReduction::Mean => Reduction::Mean,
        HostReduction::Sum => Reduction::Sum,
    };
    let digest = manifest.and_then(|manifest| {
        let digits = manifest.config_digest.get(..16)?;
        u64::from_str_radix(digits, 16).ok()
    });
    writer
        .rates(&rows)
        .steps(steps as u32, max_steps as u32)
        .loss(kind, reduction)
        .optimiser(
            config.inner.clip_norm.map(|norm| norm as f32),
            config.inner.momentum.map(|share| share as f32),
        )
        .provenance(
            config.protocol.name(),
            manifest.map_or("unknown", |manifest| &manifest.commit),
            config.seed,
            digest.unwrap_or(0),
        );
    Ok(writer)
}

/// How a board rolls a policy out and weighs its actions, which it always brings to a
/// deviation of 1.
fn rolled_out(config: &Config, policy: &PolicyConfig) -> Result<Policy, ExportError> {
    if !policy.standardise {
        return Err(ExportError::NotStandardised {
            title: config.title.clone(),
        });
    }
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(Policy {
        discount: policy.discount as f32,
        lambda: policy.lambda as f32,
        horizon: number(config.tasks.views()),
        episodes: number(config.meta.shots.choices()[0]),
    })
}

#[cfg(test)]
mod tests;
