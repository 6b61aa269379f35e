//! The meta-gradient where only upper layers adapt (ANIL, Raghu et al. 2020).
//!
//! The layers below, the body, give every example features `z` that no inner
//! step changes. So they are computed once, the adaptation runs on features, and
//! the body's gradient is its own backward pass of
//!
//! ```text
//! ∂J/∂z_query   = Σ_s w_s ∂L(θ_s; query)/∂z
//! ∂J/∂z_support = Σ_s (∂g(θ_s)/∂z)ᵀ u_s            0 in first order
//! ```
//!
//! without a graph through the body, however many steps there are.

use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};

use super::way_back::over_tasks;
use super::{Maml, MetaGradient, Rate};
use crate::nn::Network;
use crate::tasks::DeviceBatch;

/// A network's two halves.
#[derive(Clone, Debug)]
pub(super) struct Halves {
    /// With all tensors adapting, so that it has a gradient.
    body: Network,
    head: Maml,
}

/// `∂J/∂z` of both sets, `[T, B, features]`; `None` is 0.
#[derive(Clone, Debug)]
pub(super) struct InputGradients<B: Backend> {
    pub support: Option<Tensor<B, 3>>,
    pub query: Option<Tensor<B, 3>>,
}

impl<B: Backend> Default for InputGradients<B> {
    fn default() -> Self {
        Self {
            support: None,
            query: None,
        }
    }
}

impl Halves {
    /// The halves of a network; `None` where its first layer adapts.
    pub fn new(network: &Network, head: impl FnOnce(Network) -> Maml) -> Option<Self> {
        let (body, upper) = network.halves()?;
        Some(Self {
            body: body.all_adapting(),
            head: head(upper),
        })
    }

    /// [`Maml::gradient`].
    pub fn gradient<B: AutodiffBackend>(
        &self,
        params: &[Tensor<B::InnerBackend, 3>],
        rates: &[Vec<Rate<B::InnerBackend>>],
        weights: &[f32],
        batch: &DeviceBatch<B::InnerBackend>,
    ) -> MetaGradient<B> {
        let body = &self.body;
        let (lower, upper) = params.split_at(body.tensors().len());
        let support = body.forward_trace(lower, batch.support_x.clone());
        let query = body.forward_trace(lower, batch.query_x.clone());
        let features = DeviceBatch {
            support_x: support.output().clone(),
            query_x: query.output().clone(),
            ..batch.clone()
        };
        let (mut result, inputs) = self
            .head
            .gradient_and_inputs::<B>(upper, rates, weights, &features);
        let gradient = |trace, dz: Option<Tensor<B::InnerBackend, 3>>| {
            let gradients = body.backward(lower, trace, dz?).into_iter();
            let summed: Vec<_> = gradients.flatten().map(over_tasks).collect();
            Some(summed)
        };
        let sets = [
            gradient(&query, inputs.query),
            gradient(&support, inputs.support),
        ];
        let sum = sets.into_iter().flatten().reduce(|a, b| {
            let pairs = a.into_iter().zip(b);
            pairs.map(|(a, b)| a + b).collect()
        });
        let zeros = || lower.iter().map(Tensor::zeros_like).collect();
        let mut gradients = sum.unwrap_or_else(zeros);
        gradients.append(&mut result.params);
        MetaGradient {
            params: gradients,
            ..result
        }
    }
}
