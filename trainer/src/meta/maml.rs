//! The meta-gradient: the gradient of the query loss after adaptation with
//! respect to the initialisation and the inner rates.
//!
//! The objective is `J(θ₀, α) = 1/T Σ_tasks Σ_s w_s L(θ_s; query)` with
//! `θ_{s+1} = θ_s − α_s g(θ_s)` and `g(θ) = ∇L(θ; support)`.
//!
//! [`Maml::gradient`] pulls the derivative back one inner step at a time. With
//! `v_s = ∂J/∂θ_s` per task and `H = ∂g/∂θ`,
//!
//! ```text
//! v_n      = w_n ∇L(θ_n; query)
//! v_s      = v_{s+1} − H(θ_s)ᵀ (α_s v_{s+1}) + w_s ∇L(θ_s; query)
//! ∂J/∂α_s  = −⟨g(θ_s), v_{s+1}⟩
//! ```
//!
//! The query gradients are the networks' own backward pass. Only the product
//! with `H` needs automatic differentiation: it is the gradient of the scalar
//! `⟨g(θ), −α v⟩`, whose graph covers a single forward and backward pass and is
//! dropped afterwards. First-order MAML leaves the product out and builds no
//! graph at all.
//!
//! [`Maml::gradient_unrolled`] is the textbook form, one reverse pass through
//! the whole adaptation. Both compute the same exact gradient; the tests hold
//! them against each other and against finite differences.

use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use serde::{Deserialize, Serialize};

use super::{InnerLoop, Rate, inner_step};
use crate::loss::Loss;
use crate::nn::{Deltas, Network, Trace};
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
    pub(super) order: Order,
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
    /// `g(θ_s)`, kept if the rates are learned.
    gradients: Vec<Option<Tensor<B::InnerBackend, 3>>>,
    /// The graph of `g`, if kept.
    graph: Option<StepGraph<B>>,
}

/// The graph of an inner gradient. Every tensor is a leaf twice, once for the
/// forward and once for the backward pass, where weights are transposed: their
/// two gradients are then added by [`Maml::curvature`] in the same memory
/// order, which the CPU backend does forty times as fast.
struct StepGraph<B: AutodiffBackend> {
    forward: Params<B>,
    backward: Params<B>,
    trace: Trace<B>,
    deltas: Deltas<B>,
}

impl Maml {
    /// With the inner loop over the adapting tensors of `network` and `loss`
    /// inside and out.
    pub fn new(network: Network, loss: Loss, order: Order, graph: Graph) -> Self {
        Self {
            all: network.all_adapting(),
            network,
            loss,
            order,
            graph,
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
        let mut steps: Vec<Step<B>> = Vec::with_capacity(last);
        for step in 0..last {
            let (gradients, graph) = self.inner_gradient::<B>(&theta, batch);
            let next = inner_step(&theta, gradients.clone(), &rates[row(step)]);
            let gradients = if learned { gradients } else { Vec::new() };
            steps.push(Step {
                params: theta,
                gradients,
                graph,
            });
            theta = next;
        }

        let (mut v, loss) = self.query_gradient::<B>(&theta, weights[last], batch);
        let mut rate_gradients = vec![Vec::new(); rates.len()];
        for (step, taken) in steps.into_iter().enumerate().rev() {
            if learned {
                let dot = taken.gradients.iter().zip(&v).filter_map(|(gradient, v)| {
                    gradient
                        .as_ref()
                        .map(|g| (g.clone() * v.clone()).sum().neg())
                });
                add_to(&mut rate_gradients[row(step)], dot.collect());
            }
            let curvature = match self.order {
                Order::First => None,
                Order::Second => Some(
                    self.curvature(
                        taken
                            .graph
                            .unwrap_or_else(|| self.graph_of(&taken.params, batch)),
                        &v,
                        &rates[row(step)],
                    ),
                ),
            };
            if step == 0 {
                // All tasks start from the same θ₀.
                v = v.into_iter().map(over_tasks).collect();
            }
            if let Some(curvature) = curvature {
                add_to(&mut v, curvature);
            }
            if weights[step] != 0.0 {
                let (query, _) = self.query_gradient::<B>(&taken.params, weights[step], batch);
                add_to(&mut v, query);
            }
        }
        if last == 0 {
            v = v.into_iter().map(over_tasks).collect();
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
            params: v,
            rates,
        }
    }

    /// `g(θ)`, and its graph if that is to be kept.
    #[allow(clippy::type_complexity)]
    fn inner_gradient<B: AutodiffBackend>(
        &self,
        theta: &[Tensor<B::InnerBackend, 3>],
        batch: &DeviceBatch<B::InnerBackend>,
    ) -> (
        Vec<Option<Tensor<B::InnerBackend, 3>>>,
        Option<StepGraph<B>>,
    ) {
        if self.order == Order::Second && self.graph == Graph::Keep {
            let graph = self.graph_of::<B>(theta, batch);
            let gradients = self
                .network
                .gradients(&graph.trace.inner(), &graph.deltas.inner());
            (gradients, Some(graph))
        } else {
            let inner = InnerLoop {
                network: &self.network,
                loss: self.loss,
                order: Order::First,
            };
            (
                inner.gradient(theta, &batch.support_x, &batch.support_y),
                None,
            )
        }
    }

    /// Forward and backward on the support set, as a graph from `θ`.
    fn graph_of<B: AutodiffBackend>(
        &self,
        theta: &[Tensor<B::InnerBackend, 3>],
        batch: &DeviceBatch<B::InnerBackend>,
    ) -> StepGraph<B> {
        let leaves = || -> Params<B> {
            theta
                .iter()
                .map(|p| Tensor::from_inner(p.clone()).require_grad())
                .collect()
        };
        let (forward, backward) = (leaves(), leaves());
        let trace = self
            .network
            .forward_trace(&forward, Tensor::from_inner(batch.support_x.clone()));
        let dy = self.loss.gradient(
            trace.output().clone(),
            Tensor::from_inner(batch.support_y.clone()),
        );
        let deltas = self.network.deltas(&backward, &trace, dy);
        StepGraph {
            forward,
            backward,
            trace,
            deltas,
        }
    }

    /// `−Hᵀ (α v)` for every tensor, with the leading axis of `θ`: the gradient
    /// of the slope of the support loss along `−α v`.
    fn curvature<B: AutodiffBackend>(
        &self,
        graph: StepGraph<B>,
        v: &[Tensor<B::InnerBackend, 3>],
        rates: &[Rate<B::InnerBackend>],
    ) -> Params<B::InnerBackend> {
        let mut rates = rates.iter();
        let directions: Vec<Option<Tensor<B, 3>>> = self
            .network
            .tensors()
            .iter()
            .zip(v)
            .map(|(info, v)| {
                info.adapts.then(|| {
                    let rate = rates.next().expect("a rate for each adapting tensor");
                    Tensor::from_inner(rate.descend(v.clone()))
                })
            })
            .collect();
        let slope = self.network.slope(&graph.trace, &graph.deltas, &directions);
        let mut gradients = slope.backward();
        graph
            .forward
            .into_iter()
            .zip(graph.backward)
            .map(|(forward, backward)| {
                let parts = (
                    forward.grad_remove(&mut gradients),
                    backward.grad_remove(&mut gradients),
                );
                match parts {
                    (Some(a), Some(b)) => in_row_order(b) + a,
                    (Some(gradient), None) | (None, Some(gradient)) => gradient,
                    // The slope does not depend on the last bias, for one.
                    (None, None) => forward.inner().zeros_like(),
                }
            })
            .collect()
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

/// The same values for a tensor that may be a transposed view, in row-major
/// memory. For many matrices the CPU backend transposes element by element, and
/// a product with the identity is seven times as fast.
fn in_row_order<B: Backend>(tensor: Tensor<B, 3>) -> Tensor<B, 3> {
    let [tasks, rows, columns] = tensor.dims();
    if tasks == 1 || rows == 1 || columns == 1 {
        let flat: Tensor<B, 1> = tensor.reshape([tasks * rows * columns]);
        return flat.reshape([tasks, rows, columns]);
    }
    let identity: Tensor<B, 2> = Tensor::eye(columns, &tensor.device());
    tensor.matmul(identity.reshape([1, columns, columns]))
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
