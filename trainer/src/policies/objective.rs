//! The outer objective on what an iteration's tasks have shown.

use burn::tensor::{Tensor, backend::Backend};
use rayon::prelude::*;

use crate::loss::{Estimator, Form, Loss, LossKind, Policy, Reduction, Surrogate};
use crate::meta::{
    Curvature, Direction, Graph, InnerOptimiser, MetaGradient, MetaObjective, Order, Rate, join,
    to_host,
};
use crate::nn::Network;
use crate::rollouts::Seen;
use crate::samplers::{Replayed, Set};

/// The outer objective, the mean over tasks of the surrogate of the return after
/// adaptation, on the rollouts of one iteration. All its functions are of where the
/// parameters go from there.
pub struct Objective<B: Backend> {
    /// With the surrogate as query loss.
    surrogate: MetaObjective,
    /// With the divergence as query loss.
    divergence: MetaObjective,
    /// Without inner steps: the sampling term.
    sampling: MetaObjective,
    policy: Policy,
    tasks: Vec<Task<B>>,
    steps: usize,
}

/// The sets of one task.
struct Task<B: Backend> {
    support: Vec<Set<B>>,
    surrogate: Set<B>,
    divergence: Set<B>,
    /// Targets of the divergence before adaptation.
    before: Set<B>,
    /// Targets of the sampling term.
    sampling: Option<Set<B>>,
}

/// Parameters and inner rates.
pub struct Point<'a, B: Backend> {
    /// `[1, ...]` each.
    pub params: &'a [Tensor<B, 3>],
    /// A row for each step.
    pub rates: &'a [Vec<Rate<B>>],
}

/// What the objective is made with.
#[derive(Clone, Copy)]
pub struct Recipe {
    /// The surrogate of the inner steps.
    pub estimator: Estimator,
    /// That of the result.
    pub outer: Form,
    /// What an inner step does to a gradient.
    pub optimiser: InnerOptimiser,
    /// First or second derivatives.
    pub order: Order,
    /// Whether first actions are paid for what came of them.
    pub sampling_term: bool,
}

impl<B: Backend> Objective<B> {
    /// On what was seen of every task after 0, 1, ... inner steps, `horizon` steps each.
    pub fn new(
        network: &Network,
        policy: Policy,
        horizon: usize,
        seen: &[Vec<Seen<B>>],
        recipe: Recipe,
    ) -> Self {
        let surrogate = |form| Loss {
            kind: LossKind::Surrogate(Surrogate { policy, form }),
            reduction: Reduction::Mean,
        };
        let objective = |inner: Form, query: Loss| {
            let Recipe {
                optimiser, order, ..
            } = recipe;
            MetaObjective::new(
                network.clone(),
                surrogate(inner),
                optimiser,
                order,
                Graph::Keep,
            )
            .with_query_loss(query)
        };
        let inner = recipe.estimator.form(horizon);
        let divergence = Loss {
            kind: LossKind::Divergence(policy),
            reduction: Reduction::Mean,
        };
        let returns = seen
            .iter()
            .filter_map(|seen| Some(seen.last()?.mean_return));
        let mean_return = returns.sum::<f64>() / seen.len().max(1) as f64;
        let spread = spread(seen, mean_return);
        let tasks = seen.iter().filter_map(|seen| {
            let (last, support) = seen.split_last()?;
            let first = seen.first()?;
            // The surrogate's unit: a deviation of the advantage, per step.
            let paid = (last.mean_return - mean_return) / spread;
            Some(Task {
                support: support.iter().map(Seen::for_surrogate).collect(),
                surrogate: last.for_surrogate(),
                divergence: last.for_divergence(),
                before: first.for_divergence(),
                sampling: recipe.sampling_term.then(|| first.weighted(paid)),
            })
        });
        Self {
            surrogate: objective(inner, surrogate(recipe.outer)),
            divergence: objective(inner, divergence),
            sampling: objective(inner, surrogate(recipe.outer)),
            steps: seen.first().map_or(0, |seen| seen.len().saturating_sub(1)),
            tasks: tasks.collect(),
            policy,
        }
    }

    /// Value and gradient of the surrogate.
    pub fn gradient(&self, at: &Point<'_, B>) -> MetaGradient<B> {
        self.over_tasks(|task| {
            let mut weights = vec![0.0; self.steps + 1];
            weights[self.steps] = 1.0;
            let replayed = task.replayed(&task.surrogate);
            let gradient = (self.surrogate).gradient(at.params, at.rates, &weights, &replayed);
            match &task.sampling {
                None => gradient,
                Some(set) => {
                    let replayed = task.replayed(set);
                    let paid = (self.sampling).gradient(at.params, at.rates, &[1.0], &replayed);
                    MetaGradient {
                        loss: gradient.loss + paid.loss,
                        params: sums(gradient.params, paid.params),
                        rates: gradient.rates,
                    }
                }
            }
        })
    }

    /// Value and gradient of the divergence after adaptation.
    pub fn divergence_gradient(&self, at: &Point<'_, B>) -> MetaGradient<B> {
        self.over_tasks(|task| {
            let mut weights = vec![0.0; self.steps + 1];
            weights[self.steps] = 1.0;
            let replayed = task.replayed(&task.divergence);
            (self.divergence).gradient(at.params, at.rates, &weights, &replayed)
        })
    }

    /// Value and gradient of the divergence before adaptation.
    pub fn divergence_before(&self, at: &Point<'_, B>) -> MetaGradient<B> {
        self.over_tasks(|task| {
            let replayed = task.replayed(&task.before);
            (self.divergence).gradient(at.params, at.rates, &[1.0], &replayed)
        })
    }

    /// The surrogate, and the divergence after adaptation.
    pub fn values(&self, at: &Point<'_, B>) -> [f64; 2] {
        let of_task = |task: &Task<B>| {
            let of = |objective: &MetaObjective, set: &Set<B>, steps: usize| {
                let value = objective.value(at.params, at.rates, steps, &task.replayed(set));
                f64::from(to_host(value)[0])
            };
            let paid = (task.sampling.as_ref()).map_or(0.0, |set| of(&self.sampling, set, 0));
            [
                of(&self.surrogate, &task.surrogate, self.steps) + paid,
                of(&self.divergence, &task.divergence, self.steps),
            ]
        };
        let all: Vec<[f64; 2]> = self.tasks.par_iter().map(of_task).collect();
        [0, 1].map(|at| all.iter().map(|of| of[at]).sum::<f64>() / all.len().max(1) as f64)
    }

    /// Goes through the adaptation of every task at a point, for products with the
    /// curvature of the divergence there.
    pub fn curvatures<'s>(&'s self, at: &'s Point<'_, B>) -> Vec<Curvature<'s, B>> {
        let of_task = |task: &Task<B>| {
            let replayed = task.replayed(&task.divergence);
            let Point { params, rates } = *at;
            Curvature::new(
                &self.divergence,
                params,
                rates,
                self.steps,
                &replayed,
                self.policy,
            )
        };
        self.tasks.par_iter().map(of_task).collect()
    }

    fn over_tasks(&self, gradient: impl Fn(&Task<B>) -> MetaGradient<B> + Sync) -> MetaGradient<B> {
        let share = 1.0 / self.tasks.len() as f32;
        let of_tasks = self.tasks.par_iter();
        let all: Vec<MetaGradient<B>> = of_tasks.map(|task| gradient(task).scaled(share)).collect();
        (all.into_iter().reduce(MetaGradient::add))
            // A batch has at least one task.
            .expect("a task")
    }
}

/// The product of the mean curvature of all tasks with a direction, flat: parameters, then
/// rates.
pub(super) fn product<B: Backend>(
    curvatures: &[Curvature<'_, B>],
    direction: &Direction<B>,
) -> (Tensor<B, 1>, Option<Tensor<B, 1>>) {
    let of_tasks = curvatures.par_iter().map(|own| {
        let Direction { params, rates } = own.product(direction);
        let rates: Vec<Tensor<B, 1>> = (rates.into_iter().flatten())
            .map(|rate| {
                let count = rate.shape().num_elements();
                rate.reshape([count])
            })
            .collect();
        let rates = (!rates.is_empty()).then(|| Tensor::cat(rates, 0));
        (join(params), rates)
    });
    let all: Vec<_> = of_tasks.collect();
    let share = 1.0 / all.len() as f32;
    let sum = all
        .into_iter()
        .reduce(|(a, b), (c, d)| (a + c, b.zip(d).map(|(b, d)| b + d)));
    // A batch has at least one task.
    let (params, rates) = sum.expect("a task");
    (
        params.mul_scalar(share),
        rates.map(|rates| rates.mul_scalar(share)),
    )
}

impl<B: Backend> Task<B> {
    fn replayed<'a>(&'a self, query: &Set<B>) -> Replayed<'a, B> {
        Replayed {
            support: &self.support,
            query: query.clone(),
        }
    }
}

/// The standard deviation of the tasks' returns after adaptation, 1 where it is 0.
fn spread<B: Backend>(seen: &[Vec<Seen<B>>], mean: f64) -> f64 {
    let squares = seen
        .iter()
        .filter_map(|seen| Some((seen.last()?.mean_return - mean).powi(2)));
    let variance = squares.sum::<f64>() / seen.len().max(1) as f64;
    match variance.sqrt() {
        deviation if deviation > 0.0 => deviation,
        _ => 1.0,
    }
}

fn sums<B: Backend>(a: Vec<Tensor<B, 3>>, b: Vec<Tensor<B, 3>>) -> Vec<Tensor<B, 3>> {
    a.into_iter().zip(b).map(|(a, b)| a + b).collect()
}
