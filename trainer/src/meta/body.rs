//! The meta-gradient where only upper layers adapt (ANIL, Raghu et al. 2020).
//!
//! The layers below, the body, give every example features `z` that no inner
//! step changes. So they are computed once, the adaptation runs on features, and
//! the body's gradient is its own backward pass of
//!
//! ```text
//! ∂J/∂z_query   = Σ_s w_s ∂L(θ_s; query)/∂z
//! ∂J/∂z_support = Σ_s (∂g(θ_s)/∂z)ᵀ u_s            0 in first order,
//!                 and what the prototypes have a part in, where the head starts there
//! ```
//!
//! without a graph through the body, however many steps there are.

use burn::tensor::{Tensor, backend::Backend};

use super::backward::{add_to, over_tasks};
use super::{MetaGradient, MetaObjective, Rate};
use crate::nn::{HeadStart, Network};
use crate::tasks::DeviceBatch;

/// A network below and above its lowest adapting layer.
#[derive(Clone, Debug)]
pub(super) struct BodyAndHead {
    /// With all tensors adapting, so that it has a gradient.
    body: Network,
    head: MetaObjective,
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

impl BodyAndHead {
    /// Both parts of a network; `None` where its first layer adapts.
    pub fn new(network: &Network, head: impl FnOnce(Network) -> MetaObjective) -> Option<Self> {
        let (body, upper) = network.split_frozen()?;
        Some(Self {
            body: body.all_adapting(),
            head: head(upper),
        })
    }

    /// As [`MetaObjective::with_query_batches`].
    pub fn with_query_batches(mut self, count: usize) -> Self {
        self.head = self.head.with_query_batches(count);
        self
    }

    /// As [`MetaObjective::with_head`].
    pub fn with_head(mut self, head: HeadStart) -> Self {
        self.head = self.head.with_head(head);
        self
    }

    /// [`MetaObjective::gradient`] on sets that do not depend on the parameters.
    pub fn gradient<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        rates: &[Vec<Rate<B>>],
        weights: &[f32],
        batch: &DeviceBatch<B>,
    ) -> MetaGradient<B> {
        let body = &self.body;
        let (lower, upper) = params.split_at(body.tensors().len());
        let pass = |x| body.forward_trace(lower, x);
        let count = self.head.query_batches;
        let support = pass(batch.support_x.clone());
        let queries = batch.query_set().batches(count).into_iter();
        let queries: Vec<_> = queries.map(|set| pass(set.x)).collect();
        let outputs = queries.iter().map(|trace| trace.output().clone());
        let features = DeviceBatch {
            support_x: support.output().clone(),
            query_x: Tensor::cat(outputs.collect(), 1),
            ..batch.clone()
        };
        let (mut result, inputs) = self
            .head
            .gradient_and_inputs(upper, rates, weights, &features);
        let of_queries = inputs.query.map_or(Vec::new(), |dz| dz.chunk(count, 1));
        let passes = queries.iter().zip(of_queries);
        let passes = passes.chain(inputs.support.map(|dz| (&support, dz)));
        let mut gradients = Vec::new();
        for (trace, dz) in passes {
            let of_pass = body.backward(lower, trace, dz).into_iter();
            add_to(&mut gradients, of_pass.flatten().map(over_tasks).collect());
        }
        if gradients.is_empty() {
            gradients = lower.iter().map(Tensor::zeros_like).collect();
        }
        gradients.append(&mut result.params);
        MetaGradient {
            params: gradients,
            ..result
        }
    }
}
