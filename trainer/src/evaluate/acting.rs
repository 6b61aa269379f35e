//! Models in environments: returns after each number of inner steps, every model on the
//! same tasks with generators of the same seeds.

use std::sync::Arc;

use burn::tensor::backend::Backend;

use super::measure::{Measured, Progress, candidates};
use super::{EvaluateError, Evaluation, Setting};
use crate::environments::Environments;
use crate::meta::{RateTable, to_device};
use crate::model::TrainedModel;
use crate::policies::{Adapting, act_and_show};
use crate::predict::Curves;
use crate::random::Stream;
use crate::rollouts::{Actors, Address, Experience, Seen};
use crate::tasks::{Split, TaskSource, TasksConfig};

/// Whether policies act in the tasks of some models.
pub(super) fn acts(models: &[(String, TrainedModel)], evaluation: &Evaluation) -> bool {
    let own = models.first().map(|(_, model)| &model.config.tasks);
    let tasks = evaluation.on.as_ref().or(own);
    tasks.is_some_and(TasksConfig::acts)
}

/// Measures all models; the tasks are those of each, which are the same but for whether
/// they are shown.
pub(super) fn measure<B: Backend>(
    models: &[(String, TrainedModel)],
    evaluation: &Evaluation,
    device: &B::Device,
    mut observe: impl FnMut(Progress<'_>),
) -> Result<Vec<Measured>, EvaluateError> {
    let mut subjects = Vec::with_capacity(models.len());
    for (run, model) in models {
        subjects.push(Subject {
            model,
            environments: environments(run, model, evaluation)?,
        });
    }
    let mut all = Vec::new();
    for (index, subject) in subjects.iter().enumerate() {
        for (done, &shots) in evaluation.shots.iter().enumerate() {
            let last = match subject.adapts() {
                true => evaluation.steps_of(&subject.model.config),
                false => 0,
            };
            let (rates, tuned) = subject.rates::<B>(evaluation, shots, last, device)?;
            let split = evaluation.split;
            let returns =
                subject.returns::<B>(&rates, (evaluation, split), (shots, last), device)?;
            let own = subject.model.config.evaluation_steps().unwrap_or(last);
            all.push(Measured {
                model: index,
                shots,
                queries: evaluation.queries[0],
                settings: Setting::ALL.to_vec(),
                own_steps: own.min(last),
                tuned_rates: tuned.into_iter().collect(),
                curves: Curves {
                    steps: (0..=last).collect(),
                    support: returns.clone(),
                    query: returns,
                    accuracy: None,
                },
                acts: true,
                unit: None,
                units: None,
            });
            observe(Progress {
                title: &subject.model.config.title,
                done: evaluation.tasks * (done + 1),
                tasks: evaluation.tasks * evaluation.shots.len(),
            });
        }
    }
    Ok(all)
}

/// What a model acts in.
pub(super) fn environments(
    run: &str,
    model: &TrainedModel,
    evaluation: &Evaluation,
) -> Result<Arc<dyn Environments>, EvaluateError> {
    let own = &model.config.tasks;
    let tasks = evaluation.on.as_ref().unwrap_or(own);
    match (tasks.source()?, own.acts()) {
        (TaskSource::Acting(environments), true) => {
            let given = [environments.observation(), environments.actions().outputs()];
            let needed = [model.network.input(), model.network.output()];
            match given == needed {
                true => Ok(environments),
                false => Err(EvaluateError::Shapes {
                    run: run.to_owned(),
                    own: needed,
                    other: given,
                }),
            }
        }
        _ => Err(EvaluateError::Acting {
            run: run.to_owned(),
        }),
    }
}

/// One of the models.
pub(super) struct Subject<'a> {
    pub model: &'a TrainedModel,
    /// What it acts in.
    pub environments: Arc<dyn Environments>,
}

/// What was acted in, and what was seen of each task after 0, 1, ... steps.
type Acted<B> = (Vec<Vec<f32>>, Vec<Vec<Seen<B>>>);

impl Subject<'_> {
    /// Whether it takes inner steps.
    pub fn adapts(&self) -> bool {
        self.model.rates.is_some() || candidates(self.model).is_some()
    }

    /// The rates that it adapts with, and the one that was tuned: the candidate with the
    /// highest return on validation tasks, mean over all numbers of steps.
    pub fn rates<B: Backend>(
        &self,
        evaluation: &Evaluation,
        shots: usize,
        steps: usize,
        device: &B::Device,
    ) -> Result<(RateTable, Option<f64>), EvaluateError> {
        let tensors = self.model.network.adapting().len();
        let table = |rate: f64| RateTable::constant(rate as f32, 1, tensors);
        if let Some(rates) = &self.model.rates {
            return Ok((rates.clone(), None));
        }
        let mut best: Option<(f64, f64)> = None;
        for &rate in candidates(self.model).into_iter().flatten() {
            let of = (evaluation, Split::Validation);
            // A policy that is led where environments cannot follow is no choice.
            let Ok(returns) = self.returns::<B>(&table(rate), of, (shots, steps), device) else {
                continue;
            };
            let adapted = returns.iter().skip(1).flatten().map(|&own| f64::from(own));
            let sum: f64 = adapted.sum();
            if best.is_none_or(|(highest, _)| sum > highest) {
                best = Some((sum, rate));
            }
        }
        let rate = best.map(|(_, rate)| rate);
        Ok((table(rate.unwrap_or(0.0)), rate))
    }

    /// The mean return of every task after 0, 1, ... steps.
    fn returns<B: Backend>(
        &self,
        rates: &RateTable,
        of: (&Evaluation, Split),
        (shots, steps): (usize, usize),
        device: &B::Device,
    ) -> Result<Vec<Vec<f32>>, EvaluateError> {
        let silent = |_: usize, _: usize, _: &Experience| {};
        let (_, seen) = self.act::<B>(rates, of, (shots, steps), device, &silent)?;
        let row = |step: usize| {
            let tasks = seen.iter();
            tasks.map(|seen| seen[step].mean_return as f32).collect()
        };
        Ok((0..=steps).map(row).collect())
    }

    /// Acts in the tasks of a split, with adaptation on the way.
    pub fn act<B: Backend>(
        &self,
        rates: &RateTable,
        (evaluation, split): (&Evaluation, Split),
        (shots, steps): (usize, usize),
        device: &B::Device,
        show: &(dyn Fn(usize, usize, &Experience) + Sync),
    ) -> Result<Acted<B>, EvaluateError> {
        let model = self.model;
        let (stream, count) = match split {
            Split::Test => (Stream::Test, evaluation.tasks),
            _ => (Stream::Validation, evaluation.tuning_tasks),
        };
        let address = Address {
            seed: evaluation.seed,
            stream,
            batch: 0,
        };
        let actors = Actors {
            network: &model.network,
            environments: &*self.environments,
        };
        let params = to_device::<B>(&model.network, &model.params, device);
        let adapting = Adapting {
            actors,
            optimiser: model.config.inner_optimiser(),
            rates: &rates.on(device),
            steps,
            rollouts: [shots, evaluation.queries[0]],
            weighing: model.config.policy.clone().unwrap_or_default().weighing(),
        };
        let tasks = actors.draw_tasks(address, count);
        let seen = act_and_show(&adapting, &params, &tasks, address, show)?;
        Ok((tasks, seen))
    }
}
