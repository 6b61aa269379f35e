//! The way back from the query loss to the initialisation, one inner step at a
//! time.

use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};

use super::body::InputGradients;
use super::curvature::StepPasses;
use super::maml::Params;
use super::{Maml, MetaGradient, Order, PerTensor, Rate, Taken};
use crate::tasks::DeviceBatch;

/// Where an adaptation stands.
pub(super) struct State<B: Backend> {
    /// `θ_s`.
    pub params: Params<B>,
    /// With momentum, from the first step on.
    pub velocity: Option<PerTensor<B>>,
}

impl<B: Backend> State<B> {
    /// Before the first step.
    pub fn start(params: &[Tensor<B, 3>]) -> Self {
        Self {
            params: params.to_vec(),
            velocity: None,
        }
    }
}

/// One inner step, as far as it has to be remembered for the way back.
pub(super) struct Step<B: AutodiffBackend> {
    /// `θ_s`.
    params: Params<B::InnerBackend>,
    /// What makes `θ_{s+1}` of it.
    taken: Taken<B::InnerBackend>,
    /// The passes that `g` is of, in second order.
    passes: Option<StepPasses<B::InnerBackend>>,
}

impl<B: AutodiffBackend> Step<B> {
    /// The state after it.
    pub fn next(&self, rates: &[Rate<B::InnerBackend>]) -> State<B::InnerBackend> {
        State {
            params: self.taken.apply(&self.params, rates),
            velocity: Some(self.taken.velocity.clone()),
        }
    }
}

/// `λ`, `ν` and the gradient of the rates as they stand on the way.
pub(super) struct WayBack<'a, B: AutodiffBackend> {
    maml: &'a Maml,
    rates: &'a [Vec<Rate<B::InnerBackend>>],
    weights: &'a [f32],
    batch: &'a DeviceBatch<B::InnerBackend>,
    lambda: Params<B::InnerBackend>,
    nu: Option<PerTensor<B::InnerBackend>>,
    loss: Tensor<B::InnerBackend, 1>,
    rate_gradients: Vec<Vec<Tensor<B::InnerBackend, 1>>>,
    /// Where the gradient of the examples is wanted too.
    inputs: Option<InputGradients<B::InnerBackend>>,
}

impl<'a, B: AutodiffBackend> WayBack<'a, B> {
    /// Before the last step is reached. The arguments are those of
    /// [`Maml::gradient`], and `inputs` where the gradient of the examples is
    /// wanted too.
    pub fn new(
        maml: &'a Maml,
        rates: &'a [Vec<Rate<B::InnerBackend>>],
        weights: &'a [f32],
        batch: &'a DeviceBatch<B::InnerBackend>,
        inputs: Option<InputGradients<B::InnerBackend>>,
    ) -> Self {
        Self {
            maml,
            rates,
            weights,
            batch,
            lambda: Vec::new(),
            nu: None,
            loss: Tensor::zeros([1], &batch.query_x.device()),
            rate_gradients: vec![Vec::new(); rates.len()],
            inputs,
        }
    }

    fn learned(&self) -> bool {
        matches!(self.rates[0][0], Rate::Learned(_))
    }

    fn row(&self, step: usize) -> usize {
        step.min(self.rates.len() - 1)
    }

    /// Whether anything is to be learned from the steps before the last.
    pub fn looks_back(&self) -> bool {
        let early = &self.weights[..self.weights.len() - 1];
        self.maml.order == Order::Second || self.learned() || early.iter().any(|&w| w != 0.0)
    }

    /// At `θ_n`: the loss, and `λ_n`.
    pub fn finish(&mut self, params: &Params<B::InnerBackend>) {
        let weight = self.weights[self.weights.len() - 1];
        (self.lambda, self.loss) =
            self.maml
                .query_gradient::<B>(params, weight, self.batch, &mut self.inputs);
    }

    /// The step from `state`, and what its derivative is made of where it has one.
    pub fn recall(&self, state: State<B::InnerBackend>) -> Step<B> {
        let State { params, velocity } = state;
        let maml = self.maml;
        let passes = (maml.order == Order::Second).then(|| maml.passes(&params, self.batch));
        let gradient = match &passes {
            Some(passes) => maml.gradient_of(passes),
            None => {
                let (x, y) = (&self.batch.support_x, &self.batch.support_y);
                maml.inner_loop().gradient(&params, x, y)
            }
        };
        Step {
            taken: maml.optimiser.take(gradient, velocity),
            params,
            passes,
        }
    }

    /// A step to be kept, without what no one will ask for.
    pub fn without_needless(&self, mut step: Step<B>) -> Step<B> {
        if !self.learned() {
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
        let (maml, row) = (self.maml, self.row(index));
        let rates = &self.rates[row];
        let adapting = maml.adapting(&self.lambda);
        if self.learned() {
            let terms = taken.rate_gradients(&adapting, rates);
            add_to(&mut self.rate_gradients[row], terms);
        }
        let curvature = passes.map(|passes| {
            let nu = self.nu.take();
            let (direction, before) = maml.optimiser.pull_back(&taken, rates, adapting, nu);
            self.nu = before;
            let of_inputs = self.inputs.is_some();
            let (curvature, dx) =
                maml.curvature(&params, &passes, self.batch, &direction, of_inputs);
            if let (Some(inputs), Some(dx)) = (&mut self.inputs, dx) {
                add_some(&mut inputs.support, dx);
            }
            curvature
        });
        if index == 0 {
            // All tasks start from the same θ₀.
            self.lambda = std::mem::take(&mut self.lambda)
                .into_iter()
                .map(over_tasks)
                .collect();
        }
        if let Some(curvature) = curvature {
            add_to(&mut self.lambda, curvature);
        }
        if self.weights[index] != 0.0 {
            let weight = self.weights[index];
            let (query, _) =
                maml.query_gradient::<B>(&params, weight, self.batch, &mut self.inputs);
            add_to(&mut self.lambda, query);
        }
    }

    /// At `θ₀`.
    pub fn result(self) -> (MetaGradient<B>, Option<InputGradients<B::InnerBackend>>) {
        let mut rates = Vec::new();
        if self.learned() {
            for (mut gradients, rates_of_row) in self.rate_gradients.into_iter().zip(self.rates) {
                if gradients.is_empty() {
                    // A row that no step has used.
                    gradients = rates_of_row.iter().map(Rate::no_gradient).collect();
                }
                rates.append(&mut gradients);
            }
        }
        let result = MetaGradient {
            loss: self.loss,
            params: self.lambda.into_iter().map(over_tasks).collect(),
            rates,
        };
        (result, self.inputs)
    }
}

/// `Σ_tasks`, keeping the axis.
pub(super) fn over_tasks<B: Backend>(tensor: Tensor<B, 3>) -> Tensor<B, 3> {
    if tensor.dims()[0] == 1 {
        tensor
    } else {
        tensor.sum_dim(0)
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
