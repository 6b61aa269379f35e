//! Backwards from the query loss to the initialisation, one inner step at a time.

use burn::tensor::{Tensor, backend::Backend};

use super::body::InputGradients;
use super::hessian::StepPasses;
use super::objective::Params;
use super::prototypes::Prototypes;
use super::{MetaGradient, MetaObjective, Order, PerTensor, Rate, Taken};
use crate::samplers::{Sampler, Set};

/// Where an adaptation stands.
pub(super) struct State<B: Backend> {
    /// `θ_s`.
    pub params: Params<B>,
    /// With momentum, from the first step on.
    pub velocity: Option<PerTensor<B>>,
}

impl<B: Backend> State<B> {
    /// Before the first step.
    pub fn start(params: Params<B>) -> Self {
        Self {
            params,
            velocity: None,
        }
    }
}

/// One inner step, with all that its derivative is made of.
pub(super) struct Step<B: Backend> {
    /// `θ_s`.
    params: Params<B>,
    /// What makes `θ_{s+1}` of it.
    taken: Taken<B>,
    /// The passes that `g` is of, in second order.
    passes: Option<StepPasses<B>>,
}

impl<B: Backend> Step<B> {
    /// The state after it.
    pub fn next(&self, rates: &[Rate<B>]) -> State<B> {
        State {
            params: self.taken.apply(&self.params, rates),
            velocity: Some(self.taken.velocity.clone()),
        }
    }
}

/// The backward pass through an adaptation: `λ`, `ν` and the gradient of the rates as
/// far as it has come.
pub(super) struct Backward<'a, B: Backend> {
    objective: &'a MetaObjective,
    rates: &'a [Vec<Rate<B>>],
    weights: &'a [f32],
    sampler: &'a dyn Sampler<B>,
    lambda: Params<B>,
    nu: Option<PerTensor<B>>,
    loss: Option<Tensor<B, 1>>,
    rate_gradients: Vec<Vec<Tensor<B, 1>>>,
    /// Where the gradient of the examples is wanted too.
    inputs: Option<InputGradients<B>>,
}

impl<'a, B: Backend> Backward<'a, B> {
    /// Before the last step is reached. The arguments are those of
    /// [`MetaObjective::gradient`], and `inputs` where the gradient of the examples is
    /// wanted too.
    pub fn new(
        objective: &'a MetaObjective,
        rates: &'a [Vec<Rate<B>>],
        weights: &'a [f32],
        sampler: &'a dyn Sampler<B>,
        inputs: Option<InputGradients<B>>,
    ) -> Self {
        Self {
            objective,
            rates,
            weights,
            sampler,
            lambda: Vec::new(),
            nu: None,
            loss: None,
            rate_gradients: vec![Vec::new(); rates.len()],
            inputs,
        }
    }

    fn learns_rates(&self) -> bool {
        matches!(self.rates[0][0], Rate::Learned(_))
    }

    fn row(&self, step: usize) -> usize {
        step.min(self.rates.len() - 1)
    }

    /// Whether a step before the last has a part in the gradient.
    pub fn is_needed(&self) -> bool {
        let early = &self.weights[..self.weights.len() - 1];
        self.objective.order == Order::Second
            || self.learns_rates()
            || early.iter().any(|&w| w != 0.0)
    }

    /// At `θ_n`: the loss, and `λ_n`.
    pub fn finish(&mut self, params: &Params<B>) {
        let last = self.weights.len() - 1;
        let query = self.sampler.query(last, params);
        let (lambda, loss) =
            self.objective
                .query_gradient(params, self.weights[last], &query, &mut self.inputs);
        self.lambda = lambda;
        self.loss = Some(loss);
    }

    /// The step from `state` on `support`, with what its derivative is made of where it
    /// has one.
    pub fn step(&self, state: State<B>, support: Set<B>) -> Step<B> {
        let State { params, velocity } = state;
        let objective = self.objective;
        let (passes, gradient) = match objective.order {
            Order::Second => {
                let passes = objective.passes(&params, support);
                let gradient = objective.gradient_of(&passes);
                (Some(passes), gradient)
            }
            Order::First => (None, objective.inner_loop().gradient(&params, support)),
        };
        Step {
            taken: objective.optimiser.take(gradient, velocity),
            params,
            passes,
        }
    }

    /// A step without what [`Backward::pull_back`] does not ask for.
    pub fn to_keep(&self, mut step: Step<B>) -> Step<B> {
        if !self.learns_rates() {
            step.taken.velocity.clear();
        }
        step
    }

    /// From `λ_{s+1}` to `λ_s`.
    pub fn pull_back(&mut self, index: usize, step: Step<B>) {
        let Step {
            params,
            taken,
            passes,
        } = step;
        let (objective, row) = (self.objective, self.row(index));
        let rates = &self.rates[row];
        let adapting = objective.adapting(&self.lambda);
        if self.learns_rates() {
            let terms = taken.rate_gradients(&adapting, rates);
            add_to(&mut self.rate_gradients[row], terms);
        }
        let second_order = passes.map(|passes| {
            let nu = self.nu.take();
            let (direction, before) = objective.optimiser.pull_back(&taken, rates, adapting, nu);
            self.nu = before;
            let of_inputs = self.inputs.is_some();
            let (product, dx) =
                objective.hessian_vector_product(&params, &passes, &direction, of_inputs);
            if let (Some(inputs), Some(dx)) = (&mut self.inputs, dx) {
                add_some(&mut inputs.support, dx);
            }
            product
        });
        if index == 0 {
            // All tasks start from the same θ₀, but for a head at their prototypes.
            let lambda = std::mem::take(&mut self.lambda).into_iter();
            self.lambda = lambda
                .zip(&params)
                .map(|(lambda, theta)| like(theta, lambda))
                .collect();
        }
        if let Some(product) = second_order {
            add_to(&mut self.lambda, product);
        }
        if self.weights[index] != 0.0 {
            let weight = self.weights[index];
            let query = self.sampler.query(index, &params);
            let (gradient, _) = objective.query_gradient(&params, weight, &query, &mut self.inputs);
            add_to(&mut self.lambda, gradient);
        }
    }

    /// At `θ₀`, and further back through what it was made by.
    pub fn result(
        mut self,
        start: Option<Prototypes<B>>,
    ) -> (MetaGradient<B>, Option<InputGradients<B>>) {
        if let Some(start) = start {
            let lambda = std::mem::take(&mut self.lambda);
            let (lambda, dx) = start.pull_back(lambda, self.inputs.is_some());
            self.lambda = lambda;
            if let (Some(inputs), Some(dx)) = (&mut self.inputs, dx) {
                add_some(&mut inputs.support, dx);
            }
        }
        let mut rates = Vec::new();
        if self.learns_rates() {
            for (mut gradients, rates_of_row) in self.rate_gradients.into_iter().zip(self.rates) {
                if gradients.is_empty() {
                    // A row that no step has used.
                    gradients = rates_of_row.iter().map(Rate::no_gradient).collect();
                }
                rates.append(&mut gradients);
            }
        }
        let result = MetaGradient {
            // The callers finish before they ask.
            loss: self.loss.expect("a finished adaptation"),
            params: self.lambda.into_iter().map(over_tasks).collect(),
            rates,
        };
        (result, self.inputs)
    }
}

/// `Σ_tasks`, keeping the axis.
pub(crate) fn over_tasks<B: Backend>(tensor: Tensor<B, 3>) -> Tensor<B, 3> {
    if tensor.dims()[0] == 1 {
        tensor
    } else {
        tensor.sum_dim(0)
    }
}

/// A gradient by `theta`, `[T, ...]` or `[1, ...]` where tasks share it.
pub(super) fn like<B: Backend>(theta: &Tensor<B, 3>, gradient: Tensor<B, 3>) -> Tensor<B, 3> {
    match theta.dims()[0] {
        1 => over_tasks(gradient),
        _ => gradient,
    }
}

/// Adds a term to a sum; `None` is 0.
pub(super) fn add_some<B: Backend>(sum: &mut Option<Tensor<B, 3>>, term: Tensor<B, 3>) {
    *sum = Some(match sum.take() {
        Some(sum) => sum + term,
        None => term,
    });
}

/// Adds `terms` to `sums` one by one; an empty list of sums is 0.
pub(super) fn add_to<B: Backend, const D: usize>(
    sums: &mut Vec<Tensor<B, D>>,
    terms: Vec<Tensor<B, D>>,
) {
    *sums = if sums.is_empty() {
        terms
    } else {
        std::mem::take(sums)
            .into_iter()
            .zip(terms)
            .map(|(sum, term)| sum + term)
            .collect()
    };
}
