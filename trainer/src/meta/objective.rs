//! The meta-gradient: the gradient of the query loss after adaptation with
//! respect to the initialisation and the inner rates.
//!
//! The objective is `J(θ₀, α) = 1/T Σ_tasks Σ_s w_s L(θ_s; query)` with
//! `θ_{s+1} = θ_s − α_s g(θ_s)` and `g(θ) = ∇L(θ; support)`.
//!
//! [`MetaObjective::gradient`] pulls the derivative back one inner step at a time. With
//! `λ_s = ∂J/∂θ_s` per task and `H = ∂g/∂θ`,
//!
//! ```text
//! λ_n      = w_n ∇L(θ_n; query)
//! λ_s      = λ_{s+1} + H(θ_s)ᵀ u_s + w_s ∇L(θ_s; query),   u_s = −α_s λ_{s+1}
//! ∂J/∂α_s  = −⟨g(θ_s), λ_{s+1}⟩
//! ```
//!
//! where an [`InnerOptimiser`] with momentum or clipping changes `u_s` and, in
//! the last line, `g`. The query gradients are the networks' own backward pass, and
//! the product with `H` is how that of the support loss moves along `u_s`
//! ([`Network::gradient_tangents`]), so that no graph is built. First-order MAML
//! leaves the product out.
//!
//! The textbook form, one reverse pass of automatic differentiation through the whole
//! adaptation, computes the same; the tests hold both against each other and against
//! finite differences.
//!
//! The sets come from a [`Sampler`], which is asked once for each inner step, at the
//! parameters before it: what a policy did there is what the derivative is of.

use std::cell::RefCell;

use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use super::backward::{Backward, State, add_some, add_to, like};
use super::body::{BodyAndHead, InputGradients};
use super::checkpointing;
use super::{InnerLoop, InnerOptimiser, PerTensor, Rate, prototypes};
use crate::loss::Loss;
use crate::nn::{HeadStart, Network};
use crate::samplers::{Sampler, Set};

/// How far the derivative goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Through the inner gradients: the exact meta-gradient.
    Second,
    /// Inner gradients are constants (first-order MAML).
    First,
}

/// What happens to the values of an inner step's passes until the derivative is pulled
/// back through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Graph {
    /// Kept: fastest, memory grows with the number of steps.
    Keep,
    /// Built again: memory does not grow with the number of steps. Each costs
    /// one more forward and backward pass; and as the weights of only a few steps
    /// are kept, those of the others are computed again, which costs 0.8 more of
    /// a step in the mean of 10 steps, and 1.5 in that of 20. The gradient is the same but for
    /// rounding.
    Rebuild,
}

/// The meta-objective of a network.
#[derive(Clone, Debug)]
pub struct MetaObjective {
    pub(super) network: Network,
    /// The same with all tensors adapting.
    pub(super) all: Network,
    /// Of the inner steps.
    pub(super) loss: Loss,
    /// Of the query sets.
    query_loss: Loss,
    pub(super) optimiser: InnerOptimiser,
    pub(super) order: Order,
    graph: Graph,
    /// Batches that the query examples of a task are evaluated in.
    pub(super) query_batches: usize,
    /// Where the head starts.
    head: HeadStart,
    /// Where the lowest layers do not adapt.
    body_and_head: Option<Box<BodyAndHead>>,
}

/// The meta-gradient of a batch.
#[derive(Clone, Debug)]
pub struct MetaGradient<B: Backend> {
    /// Query loss after the last inner step, mean over tasks, `[1]`.
    pub loss: Tensor<B, 1>,
    /// `∂J/∂θ` for every tensor of the network, `[1, ...]`.
    pub params: Vec<Tensor<B, 3>>,
    /// `∂J/∂α`, flat, one for each of the rates, step after step; empty if not
    /// learned.
    pub rates: Vec<Tensor<B, 1>>,
}

/// Parameters `[1 or T, ...]` of a network.
pub(super) type Params<B> = Vec<Tensor<B, 3>>;

/// States that [`Graph::Rebuild`] keeps beside the first and the current one.
const KEPT: usize = 2;

impl MetaObjective {
    /// With the inner loop over the adapting tensors of `network` and `loss`
    /// inside and out.
    pub fn new(
        network: Network,
        loss: Loss,
        optimiser: InnerOptimiser,
        order: Order,
        graph: Graph,
    ) -> Self {
        let body_and_head = BodyAndHead::new(&network, |head| {
            Self::new(head, loss, optimiser, order, graph)
        });
        Self {
            all: network.all_adapting(),
            network,
            loss,
            query_loss: loss,
            optimiser,
            order,
            graph,
            query_batches: 1,
            head: HeadStart::Own,
            body_and_head: body_and_head.map(Box::new),
        }
    }

    /// The query examples of a task are evaluated in `count` batches of equal size, whose
    /// number must be a multiple of it: `L(θ; query)` is the mean over the batches.
    /// What it changes is what norms that use the batch at hand see.
    pub fn with_query_batches(mut self, count: usize) -> Self {
        self.query_batches = count;
        self.body_and_head =
            (self.body_and_head).map(|parts| Box::new(parts.with_query_batches(count)));
        self
    }

    /// Where the head starts; [`HeadStart::Own`] if it is not said.
    pub fn with_head(mut self, head: HeadStart) -> Self {
        self.head = head;
        self.body_and_head = (self.body_and_head).map(|parts| Box::new(parts.with_head(head)));
        self
    }

    /// The query sets are evaluated by `loss`, and only the inner steps by that of
    /// [`MetaObjective::new`]. For networks whose first layer adapts.
    pub fn with_query_loss(mut self, loss: Loss) -> Self {
        self.query_loss = loss;
        self
    }

    /// The query loss after the inner steps, mean over tasks, `[1]`; the arguments are those
    /// of [`MetaObjective::gradient`].
    pub fn value<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        rates: &[Vec<Rate<B>>],
        steps: usize,
        sampler: &dyn Sampler<B>,
    ) -> Tensor<B, 1> {
        let inner = self.inner_loop();
        let theta = inner.adapt(params.to_vec(), rates, sampler, steps, |_, _| {});
        let Set { x, y } = sampler.query(steps, &theta);
        self.query_loss
            .value(self.network.forward(&theta, x), y)
            .mean()
    }

    /// The adaptation that is differentiated.
    pub fn inner_loop(&self) -> InnerLoop<'_> {
        InnerLoop {
            network: &self.network,
            loss: self.loss,
            optimiser: self.optimiser,
            order: self.order,
            head: self.head,
        }
    }

    /// The network and its adapting tensors.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The meta-gradient at `params [1, ...]`, pulled back step by step.
    ///
    /// `weights` are `w_0..=w_n`, the weight of the query loss after each step;
    /// their number gives the number of inner steps. Plain MAML is
    /// `[0, ..., 0, 1]`. Steps beyond the rows of `rates` use the last row; the
    /// gradient of the rates is computed if they are [`Rate::Learned`].
    pub fn gradient<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        rates: &[Vec<Rate<B>>],
        weights: &[f32],
        sampler: &dyn Sampler<B>,
    ) -> MetaGradient<B> {
        match (&self.body_and_head, sampler.fixed()) {
            (Some(parts), Some(batch)) => parts.gradient(params, rates, weights, batch),
            _ => self.pull_back(params, rates, weights, sampler, None).0,
        }
    }

    /// [`MetaObjective::gradient`] of a network whose first layer adapts, and the gradient
    /// of what goes into it.
    pub(super) fn gradient_and_inputs<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        rates: &[Vec<Rate<B>>],
        weights: &[f32],
        sampler: &dyn Sampler<B>,
    ) -> (MetaGradient<B>, InputGradients<B>) {
        let wanted = Some(InputGradients::default());
        let (result, inputs) = self.pull_back(params, rates, weights, sampler, wanted);
        (result, inputs.unwrap_or_default())
    }

    fn pull_back<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        rates: &[Vec<Rate<B>>],
        weights: &[f32],
        sampler: &dyn Sampler<B>,
        inputs: Option<InputGradients<B>>,
    ) -> (MetaGradient<B>, Option<InputGradients<B>>) {
        let last = weights.len() - 1;
        let row = |step: usize| &rates[step.min(rates.len() - 1)];
        let supports = Supports::new(sampler, last);
        let mut backward = Backward::new(self, rates, weights, sampler, inputs);
        let (params, start) = match self.head {
            HeadStart::Own | HeadStart::Shared => (params.to_vec(), None),
            HeadStart::Prototype => {
                let support = sampler.support(0, params);
                let (params, start) = prototypes::start(&self.network, params, support);
                (params, Some(start))
            }
        };
        let mut state = State::start(params);
        if !backward.is_needed() {
            for step in 0..last {
                state = self.advance(&state, row(step), supports.at(step, &state));
            }
            backward.finish(&state.params);
            return backward.result(start);
        }
        match self.graph {
            Graph::Keep => {
                let mut steps = Vec::with_capacity(last);
                for step in 0..last {
                    let support = supports.at(step, &state);
                    let taken = backward.step(state, support);
                    state = taken.next(row(step));
                    steps.push(backward.to_keep(taken));
                }
                backward.finish(&state.params);
                for (index, step) in steps.into_iter().enumerate().rev() {
                    backward.pull_back(index, step);
                }
            }
            Graph::Rebuild => checkpointing::reverse(
                state,
                0,
                last + 1,
                KEPT,
                &mut |step, state| self.advance(state, row(step), supports.at(step, state)),
                &mut |step, state| {
                    if step == last {
                        backward.finish(&state.params);
                    } else {
                        let support = supports.at(step, &state);
                        let taken = backward.step(state, support);
                        backward.pull_back(step, taken);
                    }
                },
            ),
        }
        backward.result(start)
    }

    /// One inner step, without what its derivative is made of.
    fn advance<B: Backend>(
        &self,
        state: &State<B>,
        rates: &[Rate<B>],
        support: Set<B>,
    ) -> State<B> {
        let gradient = self.inner_loop().gradient(&state.params, support);
        let taken = self.optimiser.take(gradient, state.velocity.clone());
        State {
            params: taken.apply(&state.params, rates),
            velocity: self.optimiser.momentum.map(|_| taken.velocity),
        }
    }

    /// Those of a tensor each that belong to adapting tensors.
    pub(super) fn adapting<B: Backend>(&self, tensors: &[Tensor<B, 3>]) -> PerTensor<B> {
        let infos = self.network.tensors().iter();
        infos
            .zip(tensors)
            .map(|(info, tensor)| info.adapts.then(|| tensor.clone()))
            .collect()
    }

    /// The gradient `w/T ∇L(θ; query)` of every tensor, and the loss, `[1]`, the mean over
    /// tasks. Tensors that tasks have of their own have a gradient of each task, `[T, ...]`;
    /// the others have the sum over tasks, `[1, ...]`.
    ///
    /// Where `inputs` is given, the gradient by the query examples is added to it.
    pub(super) fn query_gradient<B: Backend>(
        &self,
        theta: &[Tensor<B, 3>],
        weight: f32,
        query: &Set<B>,
        inputs: &mut Option<InputGradients<B>>,
    ) -> (Params<B>, Tensor<B, 1>) {
        let tasks = query.x.dims()[0];
        let scale = weight / (tasks * self.query_batches) as f32;
        let (mut sums, mut losses, mut of_inputs) = (Vec::new(), Vec::new(), Vec::new());
        for Set { x, y } in query.batches(self.query_batches) {
            let trace = self.all.forward_trace(theta, x);
            let prediction = trace.output().clone();
            let loss = self.query_loss;
            losses.push(loss.value(prediction.clone(), y.clone()).mean());
            let dy = loss.gradient(prediction, y).mul_scalar(scale);
            let deltas = self.all.deltas(theta, &trace, dy);
            if inputs.is_some() {
                of_inputs.push(self.all.input_gradient(theta, &trace, &deltas));
            }
            let gradients = self.all.gradients(&trace, &deltas).into_iter();
            let gradients = gradients.zip(theta).map(|(gradient, theta)| {
                let gradient = gradient.expect("every tensor of `all` adapts");
                like(theta, gradient)
            });
            add_to(&mut sums, gradients.collect());
        }
        if let Some(inputs) = inputs {
            add_some(&mut inputs.query, Tensor::cat(of_inputs, 1));
        }
        (sums, Tensor::cat(losses, 0).mean())
    }
}

/// The support sets of an adaptation: a step that is computed again sees the set that it
/// saw the first time.
struct Supports<'a, B: Backend> {
    sampler: &'a dyn Sampler<B>,
    of_steps: RefCell<Vec<Option<Set<B>>>>,
}

impl<'a, B: Backend> Supports<'a, B> {
    fn new(sampler: &'a dyn Sampler<B>, steps: usize) -> Self {
        Self {
            sampler,
            of_steps: RefCell::new(vec![None; steps]),
        }
    }

    /// That of inner step `step`, whose parameters are those of `state`.
    fn at(&self, step: usize, state: &State<B>) -> Set<B> {
        let of_step = &mut self.of_steps.borrow_mut()[step];
        of_step
            .get_or_insert_with(|| self.sampler.support(step, &state.params))
            .clone()
    }
}
