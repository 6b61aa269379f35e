//! What a model predicts for every query, before and after it has adapted.

use burn::tensor::{Tensor, backend::Backend};
use mamlet_runtime::kept_steps;

use super::episodes::Episodes;
use super::measure::tunes_rate;
use super::{EvaluateError, Evaluation, Progress, Setting, rates};
use crate::loss::{Loss, LossKind, Reduction};
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
    /// How queries were predicted: [`Setting::Device`] where they cannot see one another.
    pub setting: Setting,
    /// Number of tasks, T.
    pub tasks: usize,
    /// Query examples of a task, all classes together.
    pub queries: usize,
    /// Values of one prediction.
    pub outputs: usize,
    /// `[T, queries, outputs]`.
    pub targets: Vec<f32>,
    /// The loss of every query, in the square of the target's unit where it has one,
    /// `[row][T, queries]`.
    pub losses: Vec<Vec<f32>>,
    /// `[row][T, queries, outputs]`.
    pub values: Vec<Vec<f32>>,
    /// Who and what the queries are, where that is known.
    pub origins: Option<Origins>,
}

/// Predicts the queries of the tasks that [`evaluate`](super::evaluate) measures
/// `model` on, with the first number of queries of `evaluation`, in the setting that it
/// judges by.
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
    let setting = match sees_the_batch(&model.network) {
        true => evaluation.judged(),
        false => Setting::Device,
    };
    let (table, _) = rates::<B>(model, validation, (setting, last), device);
    let own = model.config.evaluation_steps().unwrap_or(last).min(last);
    let steps: Vec<usize> = match own {
        0 => vec![0],
        own => vec![0, own],
    };
    let predictor = model.config.method.predictor();
    let loss = Loss {
        reduction: Reduction::Mean,
        ..model.config.loss()
    };
    let (inner, network) = (model.inner_loop(), &model.network);
    let params = to_device::<B>(network, &model.params, device);
    let rates = table.on(device);
    let queries = distribution.set_size(evaluation.queries[0]);
    // Steps that a device takes back are not counted.
    let taken_back = evaluation.judged() == Setting::Device;
    let mut all = Predictions {
        shots,
        losses: vec![Vec::new(); steps.len()],
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
            let mut after: Vec<Predicted> = Vec::with_capacity(own + 1);
            inner.adapt(params.clone(), &rates, &batch, own, |step, theta| {
                if !(taken_back || steps.contains(&step)) {
                    after.push(Predicted::default());
                    return;
                }
                let network = &network.at_step(step);
                let x = batch.query_x.clone().narrow(1, 0, queries);
                let predicted = predictor.queries(setting, network, theta, support, x);
                let apart = |x: Tensor<B, 3>| {
                    let [tasks, queries, outputs] = x.dims();
                    x.reshape([tasks * queries, 1, outputs])
                };
                let targets = batch.query_y.clone().narrow(1, 0, queries);
                let losses = loss.value(apart(predicted.clone()), apart(targets));
                let of_support = predictor.support(network, theta, support);
                after.push(Predicted {
                    support: to_host(loss.value(of_support, batch.support_y.clone())),
                    values: to_host(predicted),
                    losses: to_host(losses),
                });
            });
            after
        });
        for after in parts {
            for (row, &step) in steps.iter().enumerate() {
                let tasks = after[step].support.len();
                for task in 0..tasks {
                    let kept = match taken_back {
                        true => kept_of(&after, task, step),
                        false => step,
                    };
                    let of_task = |values: &[f32]| {
                        let width = values.len() / tasks;
                        values[task * width..(task + 1) * width].to_vec()
                    };
                    all.values[row].extend(of_task(&after[kept].values));
                    all.losses[row].extend(of_task(&after[kept].losses));
                }
            }
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
        if model.config.inner.loss == LossKind::Mse {
            let losses = all.losses.iter_mut().flatten();
            losses.for_each(|loss| *loss *= scale.deviation.powi(2));
        }
    }
    Ok(all)
}

/// What is predicted of some tasks after a number of steps.
#[derive(Clone, Debug, Default)]
struct Predicted {
    /// Loss on the support set, `[T]`.
    support: Vec<f32>,
    /// `[T, queries, outputs]`.
    values: Vec<f32>,
    /// `[T, queries]`.
    losses: Vec<f32>,
}

/// How many of `steps` steps a device keeps of a task.
fn kept_of(after: &[Predicted], task: usize, steps: usize) -> usize {
    let losses = after[..=steps].iter().map(|after| after.support[task]);
    kept_steps(&losses.collect::<Vec<_>>(), steps)
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

    /// The unit of every task, where each is of one, as [`Origins::units`].
    pub fn units(&self) -> Option<Vec<u32>> {
        self.origins.as_ref()?.units(self.queries)
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
