//! Where policies go in the plane before and after adaptation, for looking at.

use std::sync::Mutex;

use burn::tensor::backend::Backend;

use super::acting::{Subject, environments};
use super::{EvaluateError, Evaluation};
use crate::model::TrainedModel;
use crate::rollouts::Experience;
use crate::tasks::Split;

/// Where a rollout went, from its start on.
pub type Path = Vec<(f32, f32)>;

/// One task, and where a policy went in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Walked {
    /// Where the point is to go.
    pub goal: (f32, f32),
    /// Numbers of inner steps, each with the paths of some rollouts after it.
    pub paths: Vec<(usize, Vec<Path>)>,
}

/// Adapts `model` to the first `evaluation.tasks` test tasks with the first number of
/// rollouts of `evaluation`, and keeps the paths of `rollouts` of them after each number of
/// inner steps in `steps`.
///
/// A method whose rate is tuned gets the rate that [`super::evaluate`] would choose.
///
/// # Errors
/// [`EvaluateError::NoPlane`] where nothing moves in a plane.
pub fn paths<B: Backend>(
    (run, model): &(String, TrainedModel),
    evaluation: &Evaluation,
    steps: &[usize],
    rollouts: usize,
    device: &B::Device,
) -> Result<Vec<Walked>, EvaluateError> {
    if !model.config.tasks.acts() {
        return Err(EvaluateError::NoPlane);
    }
    let environments = environments(run, model, evaluation)?;
    let plane = environments.plane().ok_or(EvaluateError::NoPlane)?;
    let subject = Subject {
        model,
        environments,
    };
    let shots = evaluation.shots[0];
    let last = match subject.adapts() {
        true => steps.iter().copied().max().unwrap_or(0),
        false => 0,
    };
    let (rates, _) = subject.rates::<B>(evaluation, shots, last, device)?;
    let seen: Mutex<Vec<(usize, usize, Vec<Path>)>> = Mutex::default();
    let show = |task: usize, step: usize, experience: &Experience| {
        if !steps.contains(&step) {
            return;
        }
        let walked = (0..experience.rollouts.min(rollouts)).map(|rollout| {
            let places = experience.observations_of(rollout);
            let [x, y] = plane.position;
            places.map(|place| (place[x], place[y])).collect()
        });
        let walked = (task, step, walked.collect());
        if let Ok(mut seen) = seen.lock() {
            seen.push(walked);
        }
    };
    let of = (evaluation, Split::Test);
    let tasks = subject
        .act::<B>(&rates, of, (shots, last), device, &show)?
        .0;
    let mut seen = seen.into_inner().unwrap_or_default();
    seen.sort_by_key(|(task, step, _)| (*task, *step));
    let [x, y] = plane.goal;
    let mut walked: Vec<Walked> = (tasks.iter())
        .map(|task| Walked {
            goal: (task[x], task[y]),
            paths: Vec::new(),
        })
        .collect();
    for (task, step, paths) in seen {
        walked[task].paths.push((step, paths));
    }
    Ok(walked)
}
