//! Models in environments: returns after each number of inner steps, every model on the
//! same tasks with generators of the same seeds.

use std::sync::Arc;

use burn::tensor::backend::Backend;

use super::measure::{Measured, Progress, candidates};
use super::{EvaluateError, Evaluation, Setting};
use crate::environments::Environments;
use crate::meta::{RateTable, to_device};
use crate::model::TrainedModel;
use crate::policies::{Adapting, act};
use crate::predict::Curves;
use crate::random::Stream;
use crate::rollouts::{Actors, Address};
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
struct Subject<'a> {
    model: &'a TrainedModel,
    environments: Arc<dyn Environments>,
}

impl Subject<'_> {
    fn adapts(&self) -> bool {
        self.model.rates.is_some() || candidates(self.model).is_some()
    }

    /// The rates that it adapts with, and the one that was tuned: the candidate with the
    /// highest return on validation tasks, mean over all numbers of steps.
    fn rates<B: Backend>(
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
        (evaluation, split): (&Evaluation, Split),
        (shots, steps): (usize, usize),
        device: &B::Device,
    ) -> Result<Vec<Vec<f32>>, EvaluateError> {
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
        let seen = act(
            &adapting,
            &params,
            &actors.draw_tasks(address, count),
            address,
        )?;
        let row = |step: usize| {
            let tasks = seen.iter();
            tasks.map(|seen| seen[step].mean_return as f32).collect()
        };
        Ok((0..=steps).map(row).collect())
    }
}
