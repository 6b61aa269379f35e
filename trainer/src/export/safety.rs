//! Many tasks through the engine: what happens on devices that nobody watches.

use std::sync::mpsc;
use std::thread;

use mamlet_runtime::{Adaptation, Learner, Outcome, Rollback};
use mamlet_simulator::Model;
use mamlet_simulator::file::ArtifactFile;
use serde::Serialize;

use crate::evaluate::Progress;
use crate::model::TrainedModel;
use crate::random::{Stream, generator};
use crate::tasks::{Split, TaskDistribution, unscaled};

/// What became of many adaptations.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Safety {
    /// Tasks.
    pub tasks: usize,
    /// Support examples (of each class, if there are classes) that each task
    /// was tried with.
    pub shots: Vec<usize>,
    /// Numbers of steps that each was tried with.
    pub steps: Vec<usize>,
    /// Adaptations in all.
    pub adaptations: u64,
    /// All steps were kept.
    pub adapted: u64,
    /// The best of the earlier steps was kept.
    pub shortened: u64,
    /// Nothing was kept.
    pub rolled_back: u64,
    /// Tasks left with a prediction or a loss that is not a finite number.
    pub not_finite: u64,
    /// Tasks left with a support loss above that before the adaptation.
    pub worse: u64,
}

impl Safety {
    /// Adapts to `tasks` tasks with every number of `shots` and `steps`, with
    /// the engine, on all cores; `observe` hears of each task that is done. Numbers
    /// of shots that the test split has too few examples for are left out, where
    /// there are others.
    ///
    /// # Errors
    /// Where the data cannot be opened and where the artifact is not usable or
    /// refuses an example.
    pub fn survey(
        model: &TrainedModel,
        file: &ArtifactFile,
        tasks: usize,
        shots: &[usize],
        steps: &[usize],
        mut observe: impl FnMut(Progress<'_>),
    ) -> anyhow::Result<Self> {
        let distribution = &unscaled(model.examples()?);
        let possible = |shots: &usize| distribution.check(Split::Test, *shots, 1).is_ok();
        let possible: Vec<usize> = shots.iter().copied().filter(possible).collect();
        let shots = match &possible[..] {
            // Drawing says what is missing.
            [] => shots,
            possible => possible,
        };
        let workers = thread::available_parallelism().map_or(1, |count| count.get());
        let parts: Vec<anyhow::Result<Safety>> = thread::scope(|scope| {
            let (finished, done) = mpsc::channel();
            let part = |worker: usize| {
                let finished = finished.clone();
                let own = (worker..tasks).step_by(workers);
                scope.spawn(move || {
                    Self::part(model, distribution, file, own, shots, steps, &finished)
                })
            };
            let workers: Vec<_> = (0..workers).map(part).collect();
            drop(finished);
            let title = format!("the safety of {}", model.config.title);
            for (done, ()) in (1..).zip(done) {
                observe(Progress {
                    title: &title,
                    done,
                    tasks,
                });
            }
            let join = |worker: thread::ScopedJoinHandle<'_, _>| {
                let panicked = |_| Err(anyhow::anyhow!("a worker of the survey panicked"));
                worker.join().unwrap_or_else(panicked)
            };
            workers.into_iter().map(join).collect()
        });
        let mut all = Safety {
            tasks,
            shots: shots.to_vec(),
            steps: steps.to_vec(),
            ..Safety::default()
        };
        for part in parts {
            let part = part?;
            all.adaptations += part.adaptations;
            all.adapted += part.adapted;
            all.shortened += part.shortened;
            all.rolled_back += part.rolled_back;
            all.not_finite += part.not_finite;
            all.worse += part.worse;
        }
        Ok(all)
    }

    fn part(
        model: &TrainedModel,
        distribution: &dyn TaskDistribution,
        file: &ArtifactFile,
        tasks: impl Iterator<Item = usize>,
        shots: &[usize],
        steps: &[usize],
        finished: &mpsc::Sender<()>,
    ) -> anyhow::Result<Self> {
        let artifact = file.artifact()?;
        let device_model = Model::new(&artifact)?;
        let most = shots.iter().copied().max().unwrap_or(1);
        let rollback = Rollback::ToInitialisation;
        let room = distribution.support_size(most);
        distribution.check(Split::Test, most, 1)?;
        let mut memory = vec![0.0; device_model.memory(room, rollback).total().len()];
        let mut learner = Learner::new(&device_model, room, rollback, &mut memory)?;
        let mut safety = Safety::default();
        for task in tasks {
            let mut rng = generator(model.config.seed, Stream::Safety, task as u64);
            let batch = distribution.draw(Split::Test, &mut rng, 1, most, 1);
            let targets = super::targets(model, &batch);
            let numbers = targets.len() / room;
            let (support_x, query_x) = (batch.support_x.values(), batch.query_x.values());
            for &shots in shots {
                learner.clear_examples();
                let inputs = support_x.chunks_exact(batch.input);
                for (x, y) in inputs
                    .zip(targets.chunks_exact(numbers))
                    .take(distribution.support_size(shots))
                {
                    learner.add_target(x, y)?;
                }
                for &steps in steps {
                    let report = learner.adapt_with(Adaptation {
                        steps: Some(steps),
                        rate: None,
                    })?;
                    let output = learner.predict(&query_x[..batch.input])?;
                    let finite = report.loss_after().is_finite()
                        && output.iter().all(|value| value.is_finite());
                    safety.adaptations += 1;
                    match report.outcome {
                        Outcome::Adapted => safety.adapted += 1,
                        Outcome::Shortened { .. } => safety.shortened += 1,
                        Outcome::RolledBack { .. } => safety.rolled_back += 1,
                    }
                    safety.not_finite += u64::from(!finite);
                    safety.worse += u64::from(report.loss_after() > report.loss_before());
                }
            }
            // The survey listens until all have finished.
            let _ = finished.send(());
        }
        Ok(safety)
    }
}
