//! One natural gradient step within a trust region (TRPO, Schulman et al. 2015): with the
//! gradient `g` of the surrogate and the curvature `A` of the mean divergence of the adapted
//! policies, both by the initialisation (and by the logarithms of learned rates),
//!
//! ```text
//! d = (A + damping)⁻¹ g            by conjugate gradients
//! φ ← φ − s·√(2 δ / ⟨d, A d⟩) d     s = 1, shrink, shrink², … until the surrogate is lower
//!                                   and the divergence at most δ; else φ stays
//! ```

use burn::tensor::{Tensor, backend::Backend};

use super::conjugate::{self, dot};
use super::objective::{Objective, Point, product};
use crate::config::{Products, Trpo};
use crate::meta::{Direction, MetaGradient, in_rows, join, split, to_host};
use crate::nn::Network;
use crate::outer::{Learned, flat::vector};

/// Parameters and logarithms of learned rates, as one vector of numbers.
pub(super) struct Flat<'a, B: Backend> {
    pub network: &'a Network,
    pub learned: &'a Learned<B>,
}

/// Where the step ends: parameters and logarithms of rates on the host.
pub(super) fn step<B: Backend>(
    trpo: &Trpo,
    objective: &Objective<B>,
    from: &Flat<'_, B>,
    device: &B::Device,
) -> (Vec<f32>, Vec<f32>) {
    let start = from.numbers();
    let lengths = from.lengths();
    let start_values = from.with(&start, device, |at, _| objective.values(at));
    let gradient = from.with(&start, device, |at, factors| {
        gradient_of(objective.gradient(at), factors)
    });
    let damped = |mut product: Vec<f64>, direction: &[f64]| {
        for (product, direction) in product.iter_mut().zip(direction) {
            *product += trpo.damping * direction;
        }
        product
    };
    let direction = from.with(&start, device, |at, factors| {
        let curvatures = match trpo.products {
            Products::Tangents => objective.curvatures(at),
            Products::Differences => Vec::new(),
        };
        let mut of = |direction: &[f64]| {
            let moved = match trpo.products {
                Products::Tangents => {
                    let along = from.direction(direction, factors, device);
                    flat_product(product(&curvatures, &along), factors)
                }
                Products::Differences => differences(objective, from, &start, direction, device),
            };
            damped(moved, direction)
        };
        let solved = conjugate::solve(&gradient, trpo.conjugate_iterations, &mut of);
        let along = dot(&solved, &of(&solved));
        let scale = (2.0 * trpo.divergence / along.max(1e-12)).sqrt();
        solved.iter().map(|own| own * scale).collect::<Vec<f64>>()
    });
    let usable = direction.iter().all(|number| number.is_finite());
    for attempt in (0..trpo.tries).filter(|_| usable) {
        let share = trpo.shrink.powi(attempt as i32);
        let candidate: Vec<f64> = (start.iter().zip(&direction))
            .map(|(start, direction)| start - share * direction)
            .collect();
        let [surrogate, divergence] = from.with(&candidate, device, |at, _| objective.values(at));
        if surrogate < start_values[0] && divergence <= trpo.divergence {
            return parted(&candidate, lengths);
        }
    }
    parted(&start, lengths)
}

fn parted(numbers: &[f64], [params, _]: [usize; 2]) -> (Vec<f32>, Vec<f32>) {
    let all: Vec<f32> = numbers.iter().map(|&number| number as f32).collect();
    let (params, rates) = all.split_at(params);
    (params.to_vec(), rates.to_vec())
}

/// Parameters, then logarithms of rates, whose gradient is `α ∂/∂α`.
fn gradient_of<B: Backend>(gradient: MetaGradient<B>, factors: Option<&Tensor<B, 1>>) -> Vec<f64> {
    let rates = factors.map(|factors| Tensor::cat(gradient.rates, 0) * factors.clone());
    numbers(join(gradient.params), rates)
}

fn flat_product<B: Backend>(
    (params, rates): (Tensor<B, 1>, Option<Tensor<B, 1>>),
    factors: Option<&Tensor<B, 1>>,
) -> Vec<f64> {
    let rates = rates
        .zip(factors)
        .map(|(rates, factors)| rates * factors.clone());
    numbers(params, rates)
}

fn numbers<B: Backend>(params: Tensor<B, 1>, rates: Option<Tensor<B, 1>>) -> Vec<f64> {
    let mut all = to_host(params);
    all.extend(rates.map(to_host).unwrap_or_default());
    all.into_iter().map(f64::from).collect()
}

/// How far the points of a difference are from the start, as a share of its norm: far enough
/// for single precision, near enough for the curvature not to change.
const DIFFERENCE: f64 = 3e-3;

/// `A d` by `(∇D(φ + ε d) − ∇D(φ − ε d)) / 2ε`.
fn differences<B: Backend>(
    objective: &Objective<B>,
    from: &Flat<'_, B>,
    start: &[f64],
    direction: &[f64],
    device: &B::Device,
) -> Vec<f64> {
    let length = dot(direction, direction).sqrt();
    let size = dot(start, start).sqrt().max(1.0);
    let epsilon = DIFFERENCE * size / (length + 1e-8);
    let gradient = |sign: f64| {
        let moved: Vec<f64> = (start.iter().zip(direction))
            .map(|(start, direction)| start + sign * epsilon * direction)
            .collect();
        from.with(&moved, device, |at, factors| {
            gradient_of(objective.divergence_gradient(at), factors)
        })
    };
    let (above, below) = (gradient(1.0), gradient(-1.0));
    let pairs = above.iter().zip(&below);
    pairs
        .map(|(above, below)| (above - below) / (2.0 * epsilon))
        .collect()
}

impl<B: Backend> Flat<'_, B> {
    fn numbers(&self) -> Vec<f64> {
        numbers(self.learned.params.clone(), self.learned.log_rates.clone())
    }

    fn lengths(&self) -> [usize; 2] {
        let Learned {
            params, log_rates, ..
        } = self.learned;
        let rates = log_rates.as_ref().map_or(0, |rates| rates.dims()[0]);
        [params.dims()[0], rates]
    }

    /// Calls with the point that `numbers` are, and the rates there as a flat vector if
    /// they are learned.
    fn with<R>(
        &self,
        numbers: &[f64],
        device: &B::Device,
        call: impl FnOnce(&Point<'_, B>, Option<&Tensor<B, 1>>) -> R,
    ) -> R {
        let (params, rates) = parted(numbers, self.lengths());
        let params = split(self.network, &vector(&params, device));
        let learned = self.learned.log_rates.is_some();
        let logarithms = learned.then(|| vector(&rates, device));
        let (rates, flat) = self.learned.rates_at(logarithms.as_ref());
        let at = Point {
            params: &params,
            rates: &rates,
        };
        call(&at, flat.as_ref())
    }

    /// `numbers` as a direction: `α̇ = α ρ̇` for the logarithms `ρ` of rates.
    fn direction(
        &self,
        numbers: &[f64],
        factors: Option<&Tensor<B, 1>>,
        device: &B::Device,
    ) -> Direction<B> {
        let (params, rates) = parted(numbers, self.lengths());
        let rates = factors.map(|factors| vector(&rates, device) * factors.clone());
        Direction {
            params: split(self.network, &vector(&params, device)),
            rates: rates.map_or(Vec::new(), |rates| in_rows(&rates, &self.learned.dims)),
        }
    }
}
