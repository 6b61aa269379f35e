//! How good an artifact is on the engine that will run it.

use mamlet_runtime::{Adaptation, Learner, Rollback};
use mamlet_simulator::Model;
use mamlet_simulator::file::ArtifactFile;
use rayon::prelude::*;

use crate::evaluate::Interval;
use crate::loss::LossKind;
use crate::model::TrainedModel;
use crate::random::{Stream, generator};
use crate::tasks::{Split, TaskDistribution};

/// The episodes that an artifact is evaluated on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// How many, each a test task.
    pub tasks: usize,
    /// Support examples, of each class if there are classes.
    pub shots: usize,
    /// Query examples, of each class if there are classes.
    pub queries: usize,
    /// Inner steps; the recipe's own if `None`.
    pub steps: Option<usize>,
}

/// What an artifact scores after adapting by its recipe.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Score {
    /// `accuracy`, as a share, or `loss`.
    pub what: &'static str,
    /// The mean over episodes.
    pub mean: f64,
    /// Half of the 95 % interval.
    pub half_width: f64,
    /// Bytes of the artifact.
    pub bytes: usize,
}

impl Score {
    /// Runs the episodes of a trial, the same for every artifact of the model:
    /// adapts to the support set and predicts the query set.
    ///
    /// # Errors
    /// Where the engine refuses the artifact or an example.
    pub fn measure(
        model: &TrainedModel,
        distribution: &dyn TaskDistribution,
        file: &ArtifactFile,
        trial: &Trial,
    ) -> anyhow::Result<Self> {
        let artifact = file.artifact()?;
        let device_model = Model::new(&artifact)?;
        let &Trial {
            tasks,
            shots,
            queries,
            steps,
        } = trial;
        distribution.check(Split::Test, shots, queries)?;
        let (loss, seed) = (model.config.inner.loss, model.config.seed);
        let episode = |memory: &mut Vec<f32>, episode: usize| -> anyhow::Result<f32> {
            let mut rng = generator(seed, Stream::Score, episode as u64);
            let batch = distribution.draw(Split::Test, &mut rng, 1, shots, queries);
            let examples = batch.support_examples();
            let rollback = Rollback::ToInitialisation;
            memory.resize(device_model.memory(examples, rollback).total().len(), 0.0);
            let mut learner = Learner::new(&device_model, examples, rollback, memory)?;
            let rows = |x: &[f32], y: &[f32]| -> Vec<(Vec<f32>, Vec<f32>)> {
                let targets = super::engine_targets(loss, y, batch.output);
                let width = targets.len() / (y.len() / batch.output).max(1);
                let x = x.chunks_exact(batch.input).map(<[f32]>::to_vec);
                x.zip(targets.chunks_exact(width).map(<[f32]>::to_vec))
                    .collect()
            };
            for (x, y) in rows(&batch.support_x.values(), &batch.support_y) {
                learner.add_target(&x, &y)?;
            }
            let _report = learner.adapt_with(Adaptation { steps, rate: None })?;
            let mut sum = 0.0;
            let queries = rows(&batch.query_x.values(), &batch.query_y);
            for (x, y) in &queries {
                let classes = device_model.classes();
                sum += of_example(loss, &learner.predict(x)?[..classes], y);
            }
            Ok((sum / queries.len() as f64) as f32)
        };
        let scores = (0..tasks).into_par_iter().map_init(Vec::new, episode);
        let scores: Vec<f32> = scores.collect::<anyhow::Result<_>>()?;
        let interval = Interval::of(&scores);
        Ok(Score {
            what: match loss {
                LossKind::CrossEntropy | LossKind::CategoricalPolicy => "accuracy",
                _ => "loss",
            },
            mean: interval.mean,
            half_width: interval.half_width,
            bytes: file.bytes().len(),
        })
    }
}

/// Whether a class is right, or how large the squared error is.
fn of_example(loss: LossKind, output: &[f32], target: &[f32]) -> f64 {
    match loss {
        LossKind::CrossEntropy | LossKind::CategoricalPolicy => {
            let predicted = mamlet_runtime::Prediction::of(output, None).class;
            f64::from(predicted == target[0] as usize)
        }
        _ => {
            let errors = output.iter().zip(target).map(|(y, t)| f64::from(y - t));
            errors.map(|error| error * error).sum::<f64>() / output.len().max(1) as f64
        }
    }
}
