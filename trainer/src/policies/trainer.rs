//! Training where a policy acts, as a state: one iteration, validation, saving, restoring.

use std::sync::Arc;

use burn::tensor::backend::Backend;

use super::acting::{Adapting, act};
use super::objective::{Objective, Point, Recipe};
use super::{clipped, trpo};
use crate::algorithms::Algorithm;
use crate::config::{Clipped, Config, PolicyConfig, PolicyOuter};
use crate::environments::{EnvironmentFault, Environments};
use crate::interval::Interval;
use crate::loss::Form;
use crate::meta::{join, split, to_host};
use crate::model::TrainedModel;
use crate::nn::{Network, NetworkError};
use crate::outer::{Learned, Rhythm, TrainError, Training};
use crate::random::Stream;
use crate::rollouts::{Actors, Address, Seen};
use crate::run::{ActingState, Checkpoint, Returns, Validation};

/// Training of a policy by an algorithm whose gradient goes through inner steps, or by one
/// without inner steps.
pub struct PolicyTrainer<B: Backend> {
    config: Config,
    policy: PolicyConfig,
    environments: Arc<dyn Environments>,
    network: Network,
    device: B::Device,
    learned: Learned<B>,
    state: ActingState,
    window_count: u32,
}

impl<B: Backend> PolicyTrainer<B> {
    /// At iteration 0.
    ///
    /// # Errors
    /// [`NetworkError`] where the network cannot be built.
    pub fn new(
        config: &Config,
        environments: Arc<dyn Environments>,
        device: &B::Device,
    ) -> Result<Self, NetworkError> {
        let initial = TrainedModel::initial(config.clone())?;
        let network = match config.method.properties().through_inner_loop {
            true => initial.network.clone(),
            false => initial.network.all_adapting(),
        };
        let policy = config.policy.clone().unwrap_or_default();
        let divergence_weight = match &policy.outer {
            PolicyOuter::Clipped(clipped) => clipped.divergence_weight,
            PolicyOuter::Trpo(_) => 0.0,
        };
        Ok(Self {
            learned: Learned::new(
                config,
                &network,
                &initial.params.concat(),
                initial.learned_rates(),
                device,
            ),
            state: ActingState {
                return_sums: vec![0.0; config.inner.steps + 1],
                environment_steps: 0,
                divergence_weight,
            },
            window_count: 0,
            device: device.clone(),
            config: config.clone(),
            policy,
            environments,
            network,
        })
    }

    /// Acts in tasks with the parameters as they stand.
    fn act(
        &self,
        address: Address,
        (tasks, rollouts, steps): (usize, [usize; 2], usize),
    ) -> Result<Vec<Vec<Seen<B>>>, EnvironmentFault> {
        let actors = self.actors();
        let (rates, _) = self.learned.rates();
        let adapting = Adapting {
            actors,
            optimiser: self.config.inner_optimiser(),
            rates: &rates,
            steps,
            rollouts,
            weighing: self.policy.weighing(),
        };
        let params = split(&self.network, &self.learned.params);
        act(
            &adapting,
            &params,
            &actors.draw_tasks(address, tasks),
            address,
        )
    }

    fn actors(&self) -> Actors<'_> {
        Actors {
            network: &self.network,
            environments: &*self.environments,
        }
    }

    fn objective(&self, seen: &[Vec<Seen<B>>]) -> Objective<B> {
        let recipe = Recipe {
            estimator: self.policy.estimator,
            outer: match &self.policy.outer {
                PolicyOuter::Trpo(_) => Form::Ratio,
                PolicyOuter::Clipped(clipped) => Form::Clipped {
                    range: clipped.range as f32,
                },
            },
            optimiser: self.config.inner_optimiser(),
            order: self.config.inner.order_at(self.learned.iteration),
            sampling_term: self.policy.sampling_term,
        };
        let horizon = self.environments.horizon();
        Objective::new(&self.network, self.actors().policy(), horizon, seen, recipe)
    }

    /// Steps of Adam on what was seen.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] where the first gradient is not finite; nothing has changed
    /// then.
    fn clipped(&mut self, settings: &Clipped, objective: &Objective<B>) -> Result<(), TrainError> {
        let weight = self.state.divergence_weight;
        let mut divergence = 0.0;
        for epoch in 0..settings.epochs {
            let (rates, flat_rates) = self.learned.rates();
            let params = split(&self.network, &self.learned.params);
            let at = Point {
                params: &params,
                rates: &rates,
            };
            let mut gradient = objective.gradient(&at);
            if weight > 0.0 {
                let before = objective.divergence_before(&at);
                divergence = f64::from(to_host(before.loss)[0]);
                let pairs = gradient.params.into_iter().zip(before.params);
                gradient.params = pairs
                    .map(|(own, before)| own + before.mul_scalar(weight as f32))
                    .collect();
            }
            let of_rates = gradient.rates.iter().map(|rate| rate.clone().sum());
            let of_all = of_rates.fold(join(gradient.params.clone()).sum(), |all, own| all + own);
            if !to_host(of_all)[0].is_finite() {
                if epoch == 0 {
                    return Err(TrainError::Diverged {
                        iteration: self.learned.iteration,
                        loss: f64::from(to_host(gradient.loss)[0]),
                    });
                }
                // So far from where it was seen, the surrogate tells nothing more.
                break;
            }
            self.learned.descend(&self.config, gradient, flat_rates);
        }
        self.state.divergence_weight = clipped::weight_after(settings, weight, divergence);
        Ok(())
    }
}

impl<B: Backend> Training for PolicyTrainer<B> {
    fn initialise(&mut self) -> Result<(), TrainError> {
        Ok(())
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), NetworkError> {
        self.learned.restore(checkpoint, &self.device);
        if let Some(state) = &checkpoint.acting {
            self.state = state.clone();
        }
        self.window_count = checkpoint.window_count;
        Ok(())
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            window_count: self.window_count,
            acting: Some(self.state.clone()),
            ..self.learned.checkpoint(&self.config)
        }
    }

    fn iteration(&self) -> u64 {
        self.learned.iteration
    }

    fn rhythm(&self) -> Rhythm {
        let record = &self.config.record;
        Rhythm {
            loss: record.every,
            validation: record.validate_every,
            checkpoint: record.checkpoint_every,
        }
    }

    fn step(&mut self) -> Result<(), TrainError> {
        let (meta, inner) = (&self.config.meta, &self.config.inner);
        let address = Address {
            seed: self.config.seed,
            stream: Stream::Train,
            batch: self.learned.iteration,
        };
        let rollouts = [meta.shots.choices()[0], meta.queries];
        let seen = self.act(address, (meta.tasks, rollouts, inner.steps))?;
        let objective = self.objective(&seen);
        match self.policy.outer.clone() {
            PolicyOuter::Clipped(settings) => self.clipped(&settings, &objective)?,
            PolicyOuter::Trpo(settings) => {
                let from = trpo::Flat {
                    network: &self.network,
                    learned: &self.learned,
                };
                let (params, rates) = trpo::step(&settings, &objective, &from, &self.device);
                self.learned.go_to((&params, &rates), &self.device);
            }
        }
        for (step, sum) in self.state.return_sums.iter_mut().enumerate() {
            let of_tasks = seen.iter().map(|seen| seen[step].mean_return);
            *sum += of_tasks.sum::<f64>() / seen.len() as f64;
        }
        let taken: usize = seen.iter().flatten().map(|seen| seen.taken).sum();
        self.state.environment_steps += taken as u64;
        self.window_count += 1;
        self.learned.iteration += 1;
        Ok(())
    }

    /// The negative mean return after the last inner step.
    fn take_loss(&mut self) -> f64 {
        let sum = self.state.return_sums.last().copied().unwrap_or(0.0);
        -sum / f64::from(self.window_count.max(1))
    }

    fn take_returns(&mut self) -> Option<Returns> {
        let count = f64::from(std::mem::take(&mut self.window_count).max(1));
        let mean = self.state.return_sums.iter_mut();
        Some(Returns {
            mean: mean.map(|sum| std::mem::take(sum) / count).collect(),
            environment_steps: self.state.environment_steps,
        })
    }

    /// Mean returns on the validation tasks after 0, 1, ... inner steps; remembers the
    /// parameters if they are the best so far. Methods without inner steps are evaluated
    /// before adaptation.
    fn validate(&mut self) -> Result<Option<Validation>, TrainError> {
        let record = &self.config.record;
        let address = Address {
            seed: self.config.seed,
            stream: Stream::Validation,
            batch: 0,
        };
        let steps = match self.config.method.has_recipe() {
            true => record.validation_steps.iter().copied().max().unwrap_or(0),
            false => 0,
        };
        let rollouts = [record.validation_shots; 2];
        let seen = self.act(address, (record.validation_tasks, rollouts, steps))?;
        let intervals: Vec<Interval> = (0..=steps)
            .map(|step| {
                let returns = seen.iter().map(|seen| seen[step].mean_return as f32);
                Interval::of(&returns.collect::<Vec<f32>>())
            })
            .collect();
        let at_steps = &record.validation_steps;
        let returns = at_steps.iter().map(|&step| intervals[step.min(steps)].mean);
        let score = -returns.sum::<f64>() / at_steps.len() as f64;
        let now = self.learned.on_host();
        self.learned.keep_if_best(score, now);
        Ok(Some(Validation {
            shots: record.validation_shots,
            mean: intervals.iter().map(|own| Some(own.mean)).collect(),
            half_width: intervals.iter().map(|own| Some(own.half_width)).collect(),
            accuracy: Vec::new(),
        }))
    }
}
