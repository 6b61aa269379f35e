//! From a trained run to the one file a device adapts from.
//!
//! The engine that will run on the device reads every artifact back before it
//! is written: its first gradient and the loss of every step must be the
//! trainer's, its golden vectors are what it computed, and a survey of many
//! tasks shows that no number of steps the recipe allows leaves a task worse
//! than it was.

mod parity;
mod safety;

use mamlet_formats::{ArtifactWriter, Layer, Loss, Reduction, Shape, WriteError};
use mamlet_runtime::{ExampleError, Learner};
use mamlet_simulator::file::ArtifactFile;
use mamlet_simulator::golden;

use crate::config::InnerConfig;
use crate::loss::{LossKind, Reduction as HostReduction};
use crate::meta::RateTable;
use crate::model::TrainedModel;
use crate::nn::LayerSpec;
use crate::random::{Stream, generator};
use crate::run::Manifest;
use crate::tasks::TaskBatch;

pub use parity::Parity;
pub use safety::Safety;

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
    /// Support examples of the golden vectors, of each class if there are
    /// classes.
    pub golden_shots: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            steps: None,
            max_steps: 20,
            rate: None,
            golden_shots: 5,
        }
    }
}

/// An artifact and how it was checked.
#[derive(Clone, Debug)]
pub struct Export {
    /// The artifact.
    pub file: ArtifactFile,
    /// How the engine agrees with the trainer.
    pub parity: Parity,
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
    /// Steps that no recipe can have.
    #[error(
        "{steps} steps of at most {max_steps}: both must be from 1 to {}, the second no less \
         than the first",
        mamlet_runtime::MAX_STEPS
    )]
    Steps {
        /// Steps by default.
        steps: usize,
        /// The most steps.
        max_steps: usize,
    },
    /// The artifact has no words for a part of the recipe.
    #[error(
        "an artifact cannot carry {what}, so the device would adapt differently; export a run \
         trained without it"
    )]
    Unsupported {
        /// The part of the config.
        what: String,
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
    let writer = writer(model, manifest, options)?;
    let mut reason = String::new();
    for try_ in 0..GOLDEN_TRIES {
        let mut rng = generator(model.config.seed, Stream::Golden, try_);
        let distribution = model.config.tasks.distribution();
        let support = distribution.draw(&mut rng, 1, options.golden_shots, 1);
        match golden::attach(&writer, &support.support_x, &targets(model, &support)) {
            Ok(bytes) => {
                let file = ArtifactFile::new(&bytes);
                let parity = Parity::measure(model, &rates(model, options)?, &file, support)?;
                return Ok(Export { file, parity });
            }
            Err(error) => reason = format!("{error:#}"),
        }
    }
    Err(ExportError::Golden {
        tried: GOLDEN_TRIES,
        reason,
    })
}

/// The rates of the artifact.
fn rates(model: &TrainedModel, options: &Options) -> Result<RateTable, ExportError> {
    let given = options
        .rate
        .map(|rate| RateTable::constant(rate, 1, model.network.adapting().len()));
    given
        .or_else(|| model.rates.clone())
        .ok_or_else(|| ExportError::NoRates {
            title: model.config.title.clone(),
        })
}

/// Targets as the engine wants them: a one-hot row becomes its class.
fn targets(model: &TrainedModel, support: &TaskBatch) -> Vec<f32> {
    match model.config.inner.loss {
        LossKind::Mse
        | LossKind::Huber { .. }
        | LossKind::GaussianPolicy
        | LossKind::CategoricalPolicy => support.support_y.clone(),
        LossKind::CrossEntropy => {
            let rows = support.support_y.chunks_exact(support.output);
            let class = |row: &[f32]| row.iter().position(|&value| value > 0.5).unwrap_or(0) as f32;
            rows.map(class).collect()
        }
    }
}

/// Shows an example to the engine, its target as [`targets`] lists it.
fn add_example(
    learner: &mut Learner<'_>,
    model: &TrainedModel,
    x: &[f32],
    y: &[f32],
) -> Result<(), ExampleError> {
    match model.config.inner.loss {
        LossKind::CrossEntropy => learner.add_class(x, y[0] as usize),
        _ => learner.add_values(x, y),
    }
}

/// The loss of the artifact, where it can carry the rest of the recipe too.
fn recipe(inner: &InnerConfig) -> Result<Loss, ExportError> {
    let unsupported = |what: &str| {
        Err(ExportError::Unsupported {
            what: what.to_owned(),
        })
    };
    if inner.momentum.is_some() {
        return unsupported("inner.momentum");
    }
    if inner.clip_norm.is_some() {
        return unsupported("inner.clip_norm");
    }
    match inner.loss {
        LossKind::Mse => Ok(Loss::MeanSquaredError),
        LossKind::CrossEntropy => Ok(Loss::CrossEntropy),
        LossKind::Huber { .. } | LossKind::GaussianPolicy | LossKind::CategoricalPolicy => {
            unsupported(&format!("inner.loss, the {}", inner.loss.name()))
        }
    }
}

/// All parts of the artifact but the golden vectors.
fn writer(
    model: &TrainedModel,
    manifest: Option<&Manifest>,
    options: &Options,
) -> Result<ArtifactWriter, ExportError> {
    let config = &model.config;
    let kind = recipe(&config.inner)?;
    let steps = options.steps.unwrap_or(config.inner.steps.max(1));
    let max_steps = options.max_steps;
    if steps == 0 || steps > max_steps || max_steps > mamlet_runtime::MAX_STEPS {
        return Err(ExportError::Steps { steps, max_steps });
    }
    let features = model.network.spec().input as u32;
    let mut writer = ArtifactWriter::new(&config.name, Shape::Vector { features });
    layers(model, &mut writer);
    let rates = rates(model, options)?;
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
        .provenance(
            config.protocol.name(),
            manifest.map_or("unknown", |manifest| &manifest.commit),
            config.seed,
            digest.unwrap_or(0),
        );
    Ok(writer)
}

/// The layers with their tensors, in the order both sides share.
fn layers(model: &TrainedModel, writer: &mut ArtifactWriter) {
    let mut tensors = model.network.tensors().iter().zip(&model.params);
    for layer in &model.network.spec().layers {
        let mut tensor = || {
            // The network lists a tensor for each that a layer takes.
            let (info, values) = tensors.next().expect("a tensor of the layer");
            writer.tensor(values, info.adapts)
        };
        let layer = match layer {
            LayerSpec::Dense { out } => Layer::Dense {
                outputs: *out as u32,
                weight: tensor(),
                bias: Some(tensor()),
            },
            LayerSpec::Relu => Layer::Relu,
            LayerSpec::LeakyRelu { slope } => Layer::LeakyRelu {
                slope: *slope as f32,
            },
            LayerSpec::Tanh => Layer::Tanh,
            LayerSpec::Sigmoid => Layer::Sigmoid,
            LayerSpec::Context { .. } => Layer::Context { vector: tensor() },
        };
        writer.push(layer);
    }
}

#[cfg(test)]
mod tests;
