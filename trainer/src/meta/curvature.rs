//! The product of the curvature of a divergence, seen from the initialisation, with a
//! vector: what a natural gradient is made of.
//!
//! Let `θ_n(φ)` be the adapted parameters as a function of `φ = (θ₀, α)`, the
//! initialisation and the inner rates, and `J = ∂θ_n/∂φ`. Where the divergence of the
//! adapted policy from the one that acted is 0, so is its gradient, and its Hessian by `φ`
//! is exactly
//!
//! ```text
//! Jᵀ F J        F the Fisher information of the adapted policy on the query set
//! ```
//!
//! as terms with second derivatives of `θ_n` are multiplied with a gradient that is 0. The
//! product with a direction `φ̇ = (θ̇₀, α̇)` goes forwards through the adaptation and back:
//!
//! ```text
//! θ̇_{s+1} = θ̇_s − α_s H(θ_s) θ̇_s − α̇_s g(θ_s)         g = ∇L(θ_s; support), H = ∂g/∂θ
//! λ_n      = F θ̇_n
//! λ_s      = λ_{s+1} − H(θ_s) α_s λ_{s+1}
//! ∂/∂α_s   = −⟨g(θ_s), λ_{s+1}⟩
//! ```
//!
//! every product by tangents ([`Network::gradient_tangents`](crate::nn::Network)). First
//! order leaves `H` out. Inner steps are plain gradient steps here.

use burn::tensor::{Tensor, backend::Backend};

use super::backward::{add_to, over_tasks};
use super::hessian::StepPasses;
use super::objective::Params;
use super::step::descend;
use super::{MetaObjective, Order, PerTensor, Rate};
use crate::loss::{Loss, LossKind, Policy, Reduction};
use crate::samplers::{Sampler, Set};

/// An adaptation that has been gone through, ready for products.
pub struct Curvature<'a, B: Backend> {
    objective: &'a MetaObjective,
    rates: &'a [Vec<Rate<B>>],
    steps: Vec<Passed<B>>,
    /// The passes at `θ_n` on the query set.
    last: StepPasses<B>,
    /// `θ_n`.
    adapted: Params<B>,
    /// The divergence, whose second derivative is wanted.
    divergence: Loss,
}

/// One inner step.
struct Passed<B: Backend> {
    /// `θ_s`.
    params: Params<B>,
    passes: StepPasses<B>,
    gradient: PerTensor<B>,
}

/// A direction, or a product with one: a tensor for each of the network's, `[1, ...]`, and
/// a number for each of the rates in the form of [`Rate::Learned`].
#[derive(Clone, Debug)]
pub struct Direction<B: Backend> {
    /// `θ̇₀`.
    pub params: Vec<Tensor<B, 3>>,
    /// `α̇`, a row for each of the rates' rows; empty where rates are fixed.
    pub rates: Vec<Vec<Tensor<B, 3>>>,
}

impl<'a, B: Backend> Curvature<'a, B> {
    /// Goes through the adaptation of `objective` from `params [1, ...]` by `steps` inner
    /// steps on the one task of `sampler`, whose query set has the targets of
    /// [`LossKind::Divergence`].
    pub fn new(
        objective: &'a MetaObjective,
        params: &[Tensor<B, 3>],
        rates: &'a [Vec<Rate<B>>],
        steps: usize,
        sampler: &dyn Sampler<B>,
        policy: Policy,
    ) -> Self {
        let mut theta = params.to_vec();
        let mut passed = Vec::with_capacity(steps);
        for step in 0..steps {
            let passes = objective.passes(&theta, sampler.support(step, &theta));
            let gradient = objective.gradient_of(&passes);
            let row = &rates[step.min(rates.len() - 1)];
            let (next, _) = objective
                .optimiser
                .step(&theta, gradient.clone(), None, row);
            passed.push(Passed {
                params: theta,
                passes,
                gradient,
            });
            theta = next;
        }
        let divergence = Loss {
            kind: LossKind::Divergence(policy),
            reduction: Reduction::Mean,
        };
        let Set { x, y } = sampler.query(steps, &theta);
        Self {
            last: objective.passes_at_rest(&theta, Set { x, y }),
            adapted: theta,
            steps: passed,
            objective,
            rates,
            divergence,
        }
    }

    /// The product with `direction`.
    pub fn product(&self, direction: &Direction<B>) -> Direction<B> {
        let moved = self.forwards(direction);
        let moved: PerTensor<B> = moved.into_iter().map(Some).collect();
        let objective = self.objective;
        let loss = self.divergence;
        let (mut lambda, _) = objective.product_of(loss, &self.adapted, &self.last, &moved, false);
        let mut of_rates: Vec<Vec<Tensor<B, 3>>> = self.no_rates();
        for (index, step) in self.steps.iter().enumerate().rev() {
            let row = index.min(self.rates.len() - 1);
            let rates = &self.rates[row];
            let adapting = objective.adapting(&lambda);
            if !of_rates.is_empty() {
                let terms = rate_terms(&step.gradient, &adapting, rates);
                add_to(&mut of_rates[row], terms);
            }
            if objective.order == Order::Second {
                let scaled = descend(adapting, rates);
                let (product, _) =
                    objective.hessian_vector_product(&step.params, &step.passes, &scaled, false);
                add_to(&mut lambda, product);
            }
        }
        Direction {
            params: lambda.into_iter().map(over_tasks).collect(),
            rates: of_rates,
        }
    }

    /// `θ̇_n`.
    fn forwards(&self, direction: &Direction<B>) -> Params<B> {
        let objective = self.objective;
        let mut moved = direction.params.clone();
        for (index, step) in self.steps.iter().enumerate() {
            let row = index.min(self.rates.len() - 1);
            let rates = &self.rates[row];
            let along: PerTensor<B> = moved.iter().cloned().map(Some).collect();
            let mut changes: PerTensor<B> = vec![None; moved.len()];
            if objective.order == Order::Second {
                let (products, _) =
                    objective.hessian_vector_product(&step.params, &step.passes, &along, false);
                let of_adapting = objective.adapting(&products);
                changes = descend(of_adapting, rates);
            }
            let mut of_rates = direction.rates.get(row).into_iter().flatten();
            for ((moved, change), gradient) in moved.iter_mut().zip(changes).zip(&step.gradient) {
                if let Some(change) = change {
                    *moved = moved.clone() + change;
                }
                if let Some(gradient) = gradient
                    && let Some(rate) = of_rates.next()
                {
                    *moved = moved.clone() - gradient.clone() * rate.clone();
                }
            }
        }
        moved
    }

    fn no_rates(&self) -> Vec<Vec<Tensor<B, 3>>> {
        let row = |rates: &Vec<Rate<B>>| {
            let learned = rates.iter().filter_map(|rate| match rate {
                Rate::Learned(rate) => Some(rate.zeros_like()),
                Rate::Fixed(_) => None,
            });
            learned.collect::<Vec<_>>()
        };
        let all: Vec<_> = self.rates.iter().map(row).collect();
        match all.iter().all(Vec::is_empty) {
            true => Vec::new(),
            false => all,
        }
    }
}

/// `−⟨g, λ⟩` in the shape of each rate.
fn rate_terms<B: Backend>(
    gradient: &PerTensor<B>,
    lambda: &PerTensor<B>,
    rates: &[Rate<B>],
) -> Vec<Tensor<B, 3>> {
    let pairs = gradient.iter().flatten().zip(lambda.iter().flatten());
    let terms = pairs.zip(rates).map(|((gradient, lambda), rate)| {
        let product = (gradient.clone() * lambda.clone()).neg();
        match rate {
            Rate::Learned(rate) if rate.shape().num_elements() > 1 => over_tasks(product),
            _ => product.sum().reshape([1, 1, 1]),
        }
    });
    terms.collect()
}
