//! Measuring what is on the page.

use std::path::Path;

use burn::tensor::backend::Backend;

use super::{Deployment, Detail, RunReport, Subject};
use crate::evaluate::{
    ChosenIteration, EvaluateError, Evaluation, Progress, evaluate, predictions,
};
use crate::export::Options;
use crate::model::TrainedModel;
use crate::run::{RunDir, RunError};

/// What is asked of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The tasks.
    pub evaluation: Evaluation,
    /// How the artifact is made.
    pub export: Options,
    /// The command that asked.
    pub command: String,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There is no run to tell of.
    #[error("a report needs at least one run")]
    Nothing,
    /// The run is unreadable.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It cannot be evaluated.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
}

impl RunReport {
    /// Evaluates the first of `models` in every detail, the others as its baselines,
    /// and asks the boards what it takes.
    ///
    /// # Errors
    /// [`ReportError`] where the run cannot be read or evaluated. That it cannot be
    /// exported is no error but part of the report.
    pub fn collect<B: Backend>(
        models: &[(String, TrainedModel)],
        request: &Request,
        device: &B::Device,
        mut observe: impl FnMut(Progress<'_>),
    ) -> Result<Self, ReportError> {
        let (path, model) = models.first().ok_or(ReportError::Nothing)?;
        let run = RunDir::open(Path::new(path))?;
        let training = run.read_metrics()?;
        let wanted = &request.evaluation;
        let evaluation = evaluate::<B>(models, wanted, device, &mut observe)?;
        let mut details = Vec::with_capacity(wanted.shots.len());
        // What a policy did has no queries to be told one by one.
        let acts = model.config.tasks.acts();
        for &shots in wanted.shots.iter().filter(|_| !acts) {
            let all = predictions::<B>(model, wanted, shots, device, &mut observe)?;
            details.push(Detail::new(&all, evaluation.measure()));
        }
        let manifest = run.manifest();
        Ok(Self {
            deployment: Deployment::of(model, manifest.as_ref(), &wanted.shots, &request.export),
            subject: subject(path, model, &run, request),
            evaluation,
            details,
            training,
            config: model.config.to_toml(),
        })
    }
}

fn subject(path: &str, model: &TrainedModel, run: &RunDir, request: &Request) -> Subject {
    let config = &model.config;
    let tensors = model.network.tensors().iter();
    Subject {
        name: config.name.clone(),
        title: config.title.clone(),
        run: path.to_owned(),
        method: config.method.name().to_owned(),
        protocol: config.protocol,
        seed: config.seed,
        iteration: model.iteration,
        chosen: ChosenIteration::of(config),
        loss: config.inner.loss.name().to_owned(),
        inner_steps: config.inner.steps,
        parameters: model.network.parameter_count(),
        adapting: tensors
            .filter(|info| info.adapts)
            .map(|info| info.len())
            .sum(),
        manifest: run.manifest(),
        outcome: run.outcome(),
        command: request.command.clone(),
        made: humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string(),
        commit: env!("MAMLET_COMMIT").into(),
    }
}
