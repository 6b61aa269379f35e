//! Every model on the same episodes.

use std::sync::Arc;

use burn::tensor::backend::Backend;

use super::episodes::Episodes;
use super::{EvaluateError, Evaluation, Interval, Setting, acting};
use crate::algorithms::{Adaptation, Algorithm};
use crate::config::{RateConfig, TasksConfig};
use crate::loss::LossKind;
use crate::meta::RateTable;
use crate::model::TrainedModel;
use crate::predict::{Curves, View, sees_the_batch, views};
use crate::random::Stream;
use crate::tasks::{Split, TaskBatch, TaskDistribution, in_scales_of};

/// How far an evaluation is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The run's title.
    pub title: &'a str,
    /// Tasks done, every number of shots for itself.
    pub done: usize,
    /// Of so many.
    pub tasks: usize,
}

/// Which numbers of steps are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Steps {
    /// All, but the model's own where queries are in a batch with the support set.
    All,
    /// The model's own alone.
    Own,
}

impl Steps {
    /// Whether there is a row after `step` steps, of which a model takes `own` and at most
    /// `last`.
    fn shows(self, step: usize, settings: &[Setting], [own, last]: [usize; 2]) -> bool {
        match self == Self::All && settings[0] != Setting::Inductive {
            // Every tenth of many.
            true => step <= 10 || step.is_multiple_of(10) || step == last,
            false => step == own,
        }
    }
}

/// A model with one number of shots and of queries.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    /// Index of the model.
    pub model: usize,
    pub shots: usize,
    pub queries: usize,
    /// The settings that it stands for.
    pub settings: Vec<Setting>,
    /// The model's own number of steps.
    pub own_steps: usize,
    /// The tuned rate, in each fold of a cross-validation; empty if the rate is not tuned.
    pub tuned_rates: Vec<f64>,
    /// Losses are in the square of the target's unit, where it has one.
    pub curves: Curves,
    /// Whether values are returns in environments, which are good where they are high.
    pub acts: bool,
    /// The target's unit; `None` where targets are as the network sees them.
    pub unit: Option<String>,
    /// The unit of every task, where each is of one.
    pub units: Option<Vec<u32>>,
}

/// Measures all models on the same episodes, each with every number of shots
/// and queries and in every setting that makes a difference.
pub(super) fn measure<B: Backend>(
    models: &[(String, TrainedModel)],
    evaluation: &Evaluation,
    steps: Steps,
    device: &B::Device,
    mut observe: impl FnMut(Progress<'_>),
) -> Result<Vec<Measured>, EvaluateError> {
    if acting::acts(models, evaluation) {
        checked(models, evaluation)?;
        return acting::measure::<B>(models, evaluation, device, observe);
    }
    let mut all = Vec::new();
    let tasks = opened(models, evaluation)?;
    for ((index, (_, model)), distribution) in models.iter().enumerate().zip(tasks) {
        let subject = Subject {
            index,
            model,
            distribution: &*distribution,
            evaluation,
        };
        all.extend(subject.measure::<B>(steps, device, &mut observe));
    }
    Ok(all)
}

/// The tasks that each model is measured on, all of them checked before anything is
/// measured.
pub(super) fn opened(
    models: &[(String, TrainedModel)],
    evaluation: &Evaluation,
) -> Result<Vec<Arc<dyn TaskDistribution>>, EvaluateError> {
    checked(models, evaluation)?;
    let mut opened: Option<(&TasksConfig, Arc<dyn TaskDistribution>)> = None;
    let mut all = Vec::with_capacity(models.len());
    for model in models {
        let config = &model.1.config.tasks;
        let distribution = match &opened {
            Some((same, distribution)) if *same == config => distribution.clone(),
            _ => config.open()?,
        };
        opened = Some((config, distribution.clone()));
        let distribution = tasks_of(model, distribution, evaluation)?;
        let (shots, queries) = (evaluation.most_shots(), evaluation.most_queries());
        distribution.check(evaluation.split, shots, queries)?;
        if tunes_rate(&model.1) {
            distribution.check(Split::Validation, shots, queries)?;
        }
        all.push(distribution);
    }
    Ok(all)
}

/// Whether an evaluation asks for something, and its models are of the same tasks.
fn checked(
    models: &[(String, TrainedModel)],
    evaluation: &Evaluation,
) -> Result<(), EvaluateError> {
    if let Some(nothing) = evaluation.fault() {
        return Err(EvaluateError::Nothing(nothing));
    }
    for pair in models.windows(2) {
        let [first, second] = [0, 1].map(|of| pair[of].1.config.tasks.as_evaluated());
        if evaluation.on.is_none() && first != second {
            let (first, second) = (pair[0].0.clone(), pair[1].0.clone());
            return Err(EvaluateError::Tasks { first, second });
        }
    }
    Ok(())
}

/// The tasks that a model is measured on: its own, or those of the evaluation as it
/// sees them.
pub(super) fn tasks_of(
    (run, _): &(String, TrainedModel),
    own: Arc<dyn TaskDistribution>,
    evaluation: &Evaluation,
) -> Result<Arc<dyn TaskDistribution>, EvaluateError> {
    let Some(tasks) = &evaluation.on else {
        return Ok(own);
    };
    let other = tasks.open()?;
    if (own.shape(), own.output()) != (other.shape(), other.output()) {
        return Err(EvaluateError::Shapes {
            run: run.clone(),
            own: [own.input(), own.output()],
            other: [other.input(), other.output()],
        });
    }
    Ok(Arc::new(in_scales_of(&*own, other)))
}

/// The title of each, with its run where several runs have the same.
pub(super) fn titles(models: &[(String, TrainedModel)], measured: &[&Measured]) -> Vec<String> {
    let of = |measured: &Measured| {
        let (run, model) = &models[measured.model];
        (&run[..], &model.config.title[..])
    };
    let titled = |own: &&Measured| {
        let (run, title) = of(own);
        let others = measured.iter().map(|other| of(other));
        let mut others = others.filter(|(other, same)| *same == title && *other != run);
        match others.next() {
            Some(_) => format!("{title} ({run})"),
            None => title.to_owned(),
        }
    };
    measured.iter().map(titled).collect()
}

/// Adds the units of more tasks, as far as all are known.
pub(super) fn append_units(all: &mut Option<Vec<u32>>, more: Option<Vec<u32>>) {
    *all = all.take().zip(more).map(|(mut all, more)| {
        all.extend(more);
        all
    });
}

/// How many units the tasks are of that were measured; `None` where that is not known.
pub(super) fn units_of(measured: &[Measured]) -> Option<usize> {
    measured
        .first()?
        .units
        .as_deref()
        .map(Interval::count_units)
}

/// One of the models.
struct Subject<'a> {
    index: usize,
    model: &'a TrainedModel,
    distribution: &'a dyn TaskDistribution,
    evaluation: &'a Evaluation,
}

impl Subject<'_> {
    fn measure<B: Backend>(
        &self,
        steps: Steps,
        device: &B::Device,
        observe: &mut impl FnMut(Progress<'_>),
    ) -> Vec<Measured> {
        let (model, evaluation) = (self.model, self.evaluation);
        let defaults =
            Evaluation::default_for(evaluation.on.as_ref().unwrap_or(&model.config.tasks));
        let tuning = (Split::Validation, Stream::Validation);
        let validation = self.episodes(&defaults, tuning, evaluation.tuning_tasks);
        let test = (evaluation.split, Stream::Test);
        let test = self.episodes(&defaults, test, evaluation.tasks);
        let mut measured: Vec<Vec<Measured>> = Vec::new();
        let mut tables = Vec::new();
        for &shots in &evaluation.shots {
            let kept = self.distribution.support_size(shots);
            let validation = validation
                .parts()
                .map(|part| part.first_support_examples(kept));
            let last = evaluation.steps_of(&model.config);
            let how = (evaluation.judged(), last);
            let (table, tuned) = rates::<B>(model, validation, how, device);
            measured.push(self.empty(steps, shots, tuned));
            tables.push(table);
        }
        let mut done = 0;
        let mut units = Some(Vec::new());
        for part in test.parts() {
            append_units(&mut units, part.units());
            for ((&shots, table), measured) in
                evaluation.shots.iter().zip(&tables).zip(&mut measured)
            {
                let part = part.first_support_examples(self.distribution.support_size(shots));
                let wanted: Vec<View> = measured
                    .iter()
                    .map(|measured| View {
                        queries: self.distribution.set_size(measured.queries),
                        setting: measured.settings[0],
                        steps: measured.curves.steps.clone(),
                    })
                    .collect();
                let (inner, params) = (model.inner_loop(), &model.params);
                let how = (&inner, model.config.method.predictor());
                let curves = views::<B>(how, params, table, &part, &wanted, device);
                for (measured, curves) in measured.iter_mut().zip(curves) {
                    measured.curves.extend(curves);
                }
                done += part.tasks;
                observe(Progress {
                    title: &model.config.title,
                    done,
                    tasks: evaluation.tasks * evaluation.shots.len(),
                });
            }
        }
        let mut measured: Vec<Measured> = measured.into_iter().flatten().collect();
        for measured in &mut measured {
            if evaluation.is_of_device(&measured.settings) {
                let own_and_last = [measured.own_steps, evaluation.steps_of(&model.config)];
                measured.curves.as_kept();
                let settings = &measured.settings;
                (measured.curves).keep(|step| steps.shows(step, settings, own_and_last));
            }
        }
        let scale = self.distribution.target_scale();
        let scale = scale.filter(|_| model.config.inner.loss == LossKind::Mse);
        for measured in &mut measured {
            measured.units.clone_from(&units);
            if let Some(scale) = &scale {
                measured.curves.scale(scale.deviation.powi(2));
                measured.unit = Some(scale.unit.clone());
            }
        }
        measured
    }

    fn episodes(&self, defaults: &Evaluation, from: (Split, Stream), tasks: usize) -> Episodes<'_> {
        Episodes::new(self.distribution, self.evaluation, defaults, from, tasks)
    }

    /// What is to be measured with a number of shots.
    fn empty(&self, steps: Steps, shots: usize, tuned: Option<f64>) -> Vec<Measured> {
        let (model, evaluation) = (self.model, self.evaluation);
        let last = evaluation.steps_of(&model.config);
        // Some methods without an inner loop have no number of their own.
        let own_steps = model.config.evaluation_steps().unwrap_or(last).min(last);
        let settings = if sees_the_batch(&model.network) {
            evaluation
                .settings
                .iter()
                .map(|&setting| vec![setting])
                .collect()
        } else {
            vec![Setting::ALL.to_vec()]
        };
        let mut all = Vec::new();
        for &queries in &evaluation.queries {
            for settings in &settings {
                // Which steps a device takes back all of them tell.
                let all_of_them = evaluation.is_of_device(settings);
                let is_measured =
                    |step: &usize| all_of_them || steps.shows(*step, settings, [own_steps, last]);
                let steps = (0..=last).filter(is_measured).collect();
                all.push(Measured {
                    model: self.index,
                    shots,
                    queries,
                    settings: settings.clone(),
                    own_steps,
                    tuned_rates: tuned.into_iter().collect(),
                    curves: Curves::new(steps, self.distribution.classes().is_some()),
                    acts: false,
                    unit: None,
                    units: None,
                });
            }
        }
        all
    }
}

/// Whether [`rates`] chooses one on the validation split.
pub(super) fn tunes_rate(model: &TrainedModel) -> bool {
    model.rates.is_none() && candidates(model).is_some()
}

/// What a model's rate is tuned among, if it is.
pub(super) fn candidates(model: &TrainedModel) -> Option<&[f64]> {
    let tunes = model.config.method.properties().adaptation == Adaptation::TunedRate;
    match &model.config.inner.rate {
        RateConfig::Tuned { candidates } if tunes => Some(candidates),
        _ => None,
    }
}

/// The rates a model adapts with, and the number if it was tuned on
/// `validation`: the candidate with the highest accuracy after `steps` steps or,
/// where tasks have no classes, the lowest loss, averaged over 1 to `steps`
/// steps, queries in the setting that is given.
pub fn rates<B: Backend>(
    model: &TrainedModel,
    validation: impl IntoIterator<Item = TaskBatch>,
    (setting, steps): (Setting, usize),
    device: &B::Device,
) -> (RateTable, Option<f64>) {
    let tensors = model.network.adapting().len();
    let candidates = match (&model.rates, candidates(model)) {
        (Some(rates), _) => return (rates.clone(), None),
        (None, Some(candidates)) => candidates,
        // Does not adapt.
        _ => return (RateTable::constant(0.0, 1, tensors), None),
    };
    let table = |rate: f64| RateTable::constant(rate as f32, 1, tensors);
    let classes = model.config.tasks.classes().is_some();
    let at_steps: Vec<usize> = match classes {
        true => vec![steps],
        false => (steps.min(1)..=steps).collect(),
    };
    let mut all = vec![Curves::new(at_steps.clone(), classes); candidates.len()];
    for batch in validation {
        let view = View {
            queries: batch.query_examples(),
            setting,
            steps: at_steps.clone(),
        };
        for (&rate, all) in candidates.iter().zip(&mut all) {
            let (inner, params) = (model.inner_loop(), &model.params);
            let (how, view) = ((&inner, model.config.method.predictor()), [view.clone()]);
            let measured = views::<B>(how, params, &table(rate), &batch, &view, device);
            measured.into_iter().for_each(|curves| all.extend(curves));
        }
    }
    // Low is good.
    let score = |curves: &Curves| {
        let means = |rows: &[Vec<f32>]| {
            let means = rows.iter().map(|row| Interval::of(row).mean);
            means.sum::<f64>() / rows.len() as f64
        };
        let finite = curves.query.iter().flatten().all(|loss| !loss.is_nan());
        match &curves.accuracy {
            _ if !finite => f64::INFINITY,
            Some(rows) => -means(rows),
            None => means(&curves.query),
        }
    };
    let best = (candidates.iter().zip(&all))
        .map(|(&rate, curves)| (rate, score(curves)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(0.0, |(rate, _)| rate);
    (table(best), Some(best))
}
