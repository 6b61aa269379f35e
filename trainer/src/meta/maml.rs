//! The meta-gradient: the gradient of the query loss after adaptation with
//! respect to the initialisation and the inner rates.
//!
//! The objective is `J(θ₀, α) = 1/T Σ_tasks Σ_s w_s L(θ_s; query)` with
//! `θ_{s+1} = θ_s − α_s g(θ_s)` and `g(θ) = ∇L(θ; support)`.
//!
//! [`Maml::gradient`] pulls the derivative back one inner step at a time. With
//! `λ_s = ∂J/∂θ_s` per task and `H = ∂g/∂θ`,
//!
//! ```text
//! λ_n      = w_n ∇L(θ_n; query)
//! λ_s      = λ_{s+1} + H(θ_s)ᵀ u_s + w_s ∇L(θ_s; query),   u_s = −α_s λ_{s+1}
//! ∂J/∂α_s  = −⟨g(θ_s), λ_{s+1}⟩
//! ```
//!
//! where an [`InnerOptimiser`] with momentum or clipping changes `u_s` and, in
//! the last line, `g`. The query gradients are the networks' own backward pass.
//! Only the product with `H` needs automatic differentiation: it is the
//! gradient of the scalar `⟨g(θ), u⟩`, whose graph covers a single forward and
//! backward pass and is dropped afterwards. First-order MAML leaves the product
//! out and builds no graph at all.
//!
//! [`Maml::gradient_unrolled`] is the textbook form, one reverse pass through
//! the whole adaptation. Both compute the same exact gradient; the tests hold
//! them against each other and against finite differences.

use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use serde::{Deserialize, Serialize};

use super::curvature::StepGraph;
use super::{InnerLoop, InnerOptimiser, PerTensor, Rate, Taken};
use crate::loss::Loss;
use crate::nn::Network;
use crate::tasks::DeviceBatch;

/// How far the derivative goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Through the inner gradients: the exact meta-gradient.
    Second,
    /// Inner gradients are constants (first-order MAML).
    First,
}

/// What happens to the graph of an inner step between its forward pass and
/// the moment the derivative is pulled back through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Graph {
    /// Kept: fastest, memory grows with the number of steps.
    Keep,
    /// Built again: memory does not depend on the number of steps, each costs
    /// one more forward and backward pass.
    Rebuild,
}

/// The meta-objective of a network.
#[derive(Clone, Debug)]
pub struct Maml {
    pub(super) network: Network,
    all: Network,
    pub(super) loss: Loss,
    optimiser: InnerOptimiser,
    order: Order,
    graph: Graph,
}

/// The meta-gradient of a batch, on the backend without autodiff.
#[derive(Clone, Debug)]
pub struct MetaGradient<B: AutodiffBackend> {
    /// Query loss after the last inner step, mean over tasks, `[1]`.
    pub loss: Tensor<B::InnerBackend, 1>,
    /// `∂J/∂θ` for every tensor of the network, `[1, ...]`.
    pub params: Vec<Tensor<B::InnerBackend, 3>>,
    /// `∂J/∂α`, one `[1]` per rate, step after step; empty if not learned.
    pub rates: Vec<Tensor<B::InnerBackend, 1>>,
}

/// Parameters `[1 or T, ...]` of a network.
pub(super) type Params<B> = Vec<Tensor<B, 3>>;

/// One inner step, as far as it has to be remembered for the way back.
struct Step<B: AutodiffBackend> {
    /// `θ_s`.
    params: Params<B::InnerBackend>,
    /// What made `θ_{s+1}` of it. The velocity is kept if rates are learned.
    taken: Taken<B::InnerBackend>,
    /// The graph of `g`, if kept.
    graph: Option<StepGraph<B>>,
}

impl Maml {
    /// With the inner loop over the adapting tensors of `network` and `loss`
    /// inside and out.
    pub fn new(
        network: Network,
        loss: Loss,
        optimiser: InnerOptimiser,
        order: Order,
        graph: Graph,
    ) -> Self {
        Self {
            all: network.all_adapting(),
            network,
            loss,
            optimiser,
            order,
            graph,
        }
    }

    /// Derivatives go as far as `order` from here on.
    pub fn set_order(&mut self, order: Order) {
        self.order = order;
    }

    /// The adaptation that is differentiated.
    pub fn inner_loop(&self) -> InnerLoop<'_> {
        InnerLoop {
            network: &self.network,
            loss: self.loss,
            optimiser: self.optimiser,
            order: self.order,
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
    pub fn gradient<B: AutodiffBackend>(
        &self,
        params: &[Tensor<B::InnerBackend, 3>],
        rates: &[Vec<Rate<B::InnerBackend>>],
        weights: &[f32],
        batch: &DeviceBatch<B::InnerBackend>,
    ) -> MetaGradient<B> {
        let last = weights.len() - 1;
        let learned = matches!(rates[0][0], Rate::Learned(_));
        let row = |step: usize| step.min(rates.len() - 1);

        let mut theta = params.to_vec();
        let mut velocity = None;
        let mut steps: Vec<Step<B>> = Vec::with_capacity(last);
        for step in 0..last {
            let (gradient, graph) = self.inner_gradient::<B>(&theta, batch);
            let (next, mut taken) =
                self.optimiser
                    .step(&theta, gradient, velocity, &rates[row(step)]);
            velocity = Some(taken.velocity.clone());
            if !learned {
                taken.velocity.clear();
            }
            steps.push(Step {
                params: theta,
                taken,
                graph,
            });
            theta = next;
        }

        let (mut lambda, loss) = self.query_gradient::<B>(&theta, weights[last], batch);
        let mut nu = None;
        let mut rate_gradients = vec![Vec::new(); rates.len()];
        for (
            step,
            Step {
                params,
                taken,
                graph,
            },
        ) in steps.into_iter().enumerate().rev()
        {
            let adapting = self.adapting(&lambda);
            if learned {
                add_to(
                    &mut rate_gradients[row(step)],
                    taken.rate_gradients(&adapting),
                );
            }
            let curvature = match self.order {
                Order::First => None,
                Order::Second => {
                    let (direction, before) =
                        self.optimiser
                            .pull_back(&taken, &rates[row(step)], adapting, nu);
                    nu = before;
                    let graph = graph.unwrap_or_else(|| self.graph_of(&params, batch));
                    Some(self.curvature(graph, direction))
                }
            };
            if step == 0 {
                // All tasks start from the same θ₀.
                lambda = lambda.into_iter().map(over_tasks).collect();
            }
            if let Some(curvature) = curvature {
                add_to(&mut lambda, curvature);
            }
            if weights[step] != 0.0 {
                let (query, _) = self.query_gradient::<B>(&params, weights[step], batch);
                add_to(&mut lambda, query);
            }
        }
        if last == 0 {
            lambda = lambda.into_iter().map(over_tasks).collect();
        }
        let rates = if learned {
            let tensors = self.network.adapting().len();
            let device = params[0].device();
            for row in &mut rate_gradients {
                // Rows that no step has used.
                row.resize_with(tensors, || Tensor::zeros([1], &device));
            }
            rate_gradients.concat()
        } else {
            Vec::new()
        };
        MetaGradient {
            loss,
            params: lambda,
            rates,
        }
    }

    /// Those of a tensor each that belong to adapting tensors.
    fn adapting<B: Backend>(&self, tensors: &[Tensor<B, 3>]) -> PerTensor<B> {
        let infos = self.network.tensors().iter();
        infos
            .zip(tensors)
            .map(|(info, tensor)| info.adapts.then(|| tensor.clone()))
            .collect()
    }

    /// `g(θ)`, and its graph if that is to be kept.
    fn inner_gradient<B: AutodiffBackend>(
        &self,
        theta: &[Tensor<B::InnerBackend, 3>],
        batch: &DeviceBatch<B::InnerBackend>,
    ) -> (PerTensor<B::InnerBackend>, Option<StepGraph<B>>) {
        if self.order == Order::Second && self.graph == Graph::Keep {
            let graph = self.graph_of::<B>(theta, batch);
            (graph.gradient(&self.network), Some(graph))
        } else {
            let (x, y) = (&batch.support_x, &batch.support_y);
            (self.inner_loop().gradient(theta, x, y), None)
        }
    }

    /// `w/T ∇L(θ; query)` for every tensor, per task for those that adapt and
    /// summed over tasks for the others; and the mean loss.
    fn query_gradient<B: AutodiffBackend>(
        &self,
        theta: &[Tensor<B::InnerBackend, 3>],
        weight: f32,
        batch: &DeviceBatch<B::InnerBackend>,
    ) -> (Params<B::InnerBackend>, Tensor<B::InnerBackend, 1>) {
        let tasks = batch.query_x.dims()[0];
        let shared = theta.iter().all(|p| p.dims()[0] == 1);
        let trace = self.all.forward_trace(theta, batch.query_x.clone());
        let prediction = trace.output().clone();
        let loss = self
            .loss
            .value(prediction.clone(), batch.query_y.clone())
            .mean();
        let dy = self
            .loss
            .gradient(prediction, batch.query_y.clone())
            .mul_scalar(weight / tasks as f32);
        let gradients = self
            .all
            .backward(theta, &trace, dy)
            .into_iter()
            .zip(self.network.tensors())
            .map(|(gradient, info)| {
                let gradient = gradient.expect("every tensor of `all` adapts");
                if shared || !info.adapts {
                    over_tasks(gradient)
                } else {
                    gradient
                }
            })
            .collect();
        (gradients, loss)
    }
}

/// `Σ_tasks`, keeping the axis.
fn over_tasks<B: Backend>(tensor: Tensor<B, 3>) -> Tensor<B, 3> {
    if tensor.dims()[0] == 1 {
        tensor
    } else {
        tensor.sum_dim(0)
    }
}

/// Adds `terms` to `sums` one by one; an empty list of sums is 0.
fn add_to<B: Backend, const D: usize>(sums: &mut Vec<Tensor<B, D>>, terms: Vec<Tensor<B, D>>) {
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
