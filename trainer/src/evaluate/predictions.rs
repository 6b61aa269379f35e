//! What a model predicts for every query, before and after it has adapted.

use burn::tensor::backend::Backend;

use super::episodes::Episodes;
use super::measure::tunes_rate;
use super::{EvaluateError, Evaluation, Progress, Setting, rates};
use crate::meta::{to_device, to_host};
use crate::model::TrainedModel;
use crate::predict::{in_parts, sees_the_batch};
use crate::random::Stream;
use crate::tasks::{Origins, Split, TaskDistribution};

/// Every prediction for the queries of an evaluation's tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// Support examples per task, or per class.
    pub shots: usize,
    /// The numbers of inner steps, a row of [`Predictions::values`] each: none,
    /// and the model's own.
    pub steps: Vec<usize>,
    /// How queries were predicted.
    pub setting: Setting,
    /// Number of tasks, T.
    pub tasks: usize,
    /// Query examples of a task, all classes together.
    pub queries: usize,
    /// Values of one prediction.
    pub outputs: usize,
    /// `[T, queries, outputs]`.
    pub targets: Vec<f32>,
    /// `[row][T, queries, outputs]`.
    pub values: Vec<Vec<f32>>,
    /// Who and what the queries are, where that is known.
    pub origins: Option<Origins>,
}

/// Predicts the queries of the tasks that [`evaluate`](super::evaluate) measures
/// `model` on, with the first number of queries of `evaluation`: inductively where
/// that makes a difference and the evaluation has it.
///
/// # Errors
/// As [`evaluate`](super::evaluate).
pub fn predictions<B: Backend>(
    model: &TrainedModel,
    evaluation: &Evaluation,
    shots: usize,
    device: &B::Device,
    observe: impl FnMut(Progress<'_>),
) -> Result<Predictions, EvaluateError> {
    let distribution = model.config.tasks.open()?;
    predictions_on::<B>((model, &*distribution), evaluation, shots, device, observe)
}

/// [`predictions`] of a model on other tasks than its own.
pub(crate) fn predictions_on<B: Backend>(
    (model, distribution): (&TrainedModel, &dyn TaskDistribution),
    evaluation: &Evaluation,
    shots: usize,
    device: &B::Device,
    mut observe: impl FnMut(Progress<'_>),
) -> Result<Predictions, EvaluateError> {
    if let Some(nothing) = evaluation.fault() {
        return Err(EvaluateError::Nothing(nothing));
    }
    let (most, queries) = (evaluation.most_shots(), evaluation.most_queries());
    distribution.check(evaluation.split, most, queries)?;
    if tunes_rate(model) {
        distribution.check(Split::Validation, most, queries)?;
    }
    let defaults = Evaluation::default_for(&model.config.tasks);
    let episodes = |from, tasks| Episodes::new(distribution, evaluation, &defaults, from, tasks);
    let tuning = (Split::Validation, Stream::Validation);
    let tuning = episodes(tuning, evaluation.tuning_tasks);
    let test = episodes((evaluation.split, Stream::Test), evaluation.tasks);

    let last = evaluation.steps_of(&model.config);
    let kept = distribution.support_size(shots);
    let validation = tuning.parts().map(|part| part.first_support_examples(kept));
    let (table, _) = rates::<B>(model, validation, last, device);
    let own = model.config.evaluation_steps().unwrap_or(last).min(last);
    let steps: Vec<usize> = match own {
        0 => vec![0],
        own => vec![0, own],
    };
    let inductive = evaluation.settings.contains(&Setting::Inductive);
    let setting = match inductive && sees_the_batch(&model.network) {
        true => Setting::Inductive,
        false => Setting::Transductive,
    };
    let predictor = model.config.method.predictor();
    let (inner, network) = (model.inner_loop(), &model.network);
    let params = to_device::<B>(network, &model.params, device);
    let rates = table.on(device);
    let queries = distribution.set_size(evaluation.queries[0]);
    let mut all = Predictions {
        shots,
        values: vec![Vec::new(); steps.len()],
        steps: steps.clone(),
        setting,
        tasks: evaluation.tasks,
        queries,
        outputs: distribution.output(),
        targets: Vec::new(),
        origins: None,
    };
    let mut done = 0;
    for part in test.parts() {
        let part = part.first_support_examples(kept);
        all.add_queries(part.query_examples(), &part.query_y, part.origins.as_ref());
        let examples = part.support_examples().max(queries);
        let of_task = 4 * network.parameter_count() + examples * network.activation_count();
        let parts = in_parts::<B, _>(part.tasks, of_task, |tasks| {
            let batch = part.tasks(tasks).to_device::<B>(device);
            let support = (&batch.support_x, &batch.support_y);
            let mut values = vec![Vec::new(); steps.len()];
            inner.adapt(params.clone(), &rates, &batch, own, |step, theta| {
                let Some(row) = steps.iter().position(|&wanted| wanted == step) else {
                    return;
                };
                let network = &network.at_step(step);
                let x = batch.query_x.clone().narrow(1, 0, queries);
                let predicted = predictor.queries(setting, network, theta, support, x);
                values[row] = to_host(predicted);
            });
            values
        });
        for (row, more) in parts
            .into_iter()
            .flat_map(|part| part.into_iter().enumerate())
        {
            all.values[row].extend(more);
        }
        done += part.tasks;
        observe(Progress {
            title: &model.config.title,
            done,
            tasks: evaluation.tasks,
        });
    }
    if let Some(scale) = distribution.target_scale() {
        let values = all.values.iter_mut();
        values
            .chain([&mut all.targets])
            .for_each(|targets| scale.restore(targets));
    }
    Ok(all)
}

impl Predictions {
    /// Takes over targets and origins of the first queries of tasks that have
    /// `drawn` each.
    fn add_queries(&mut self, drawn: usize, targets: &[f32], origins: Option<&Origins>) {
        for task in targets.chunks_exact(drawn * self.outputs) {
            self.targets.extend(&task[..self.queries * self.outputs]);
        }
        let Some(more) = origins else { return };
        let own = self.origins.get_or_insert_with(|| Origins {
            queries: Vec::new(),
            ..more.clone()
        });
        for task in more.queries.chunks_exact(drawn) {
            own.queries.extend(&task[..self.queries]);
        }
    }

    /// The target of a query, counted through all tasks.
    pub fn target(&self, query: usize) -> &[f32] {
        &self.targets[query * self.outputs..][..self.outputs]
    }

    /// The prediction for a query in a row.
    pub fn value(&self, row: usize, query: usize) -> &[f32] {
        &self.values[row][query * self.outputs..][..self.outputs]
    }
}
