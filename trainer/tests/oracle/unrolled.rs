//! The meta-gradient in its textbook form: one reverse pass of automatic differentiation
//! through the unrolled adaptation. Slow and large, and the oracle of
//! [`MetaObjective::gradient`].

use burn::backend::{Autodiff, Flex};
use burn::tensor::Tensor;
use mamlet_trainer::meta::{MetaGradient, MetaObjective, Rate};
use mamlet_trainer::samplers::{Sampler, Set};
use mamlet_trainer::tasks::DeviceBatch;

pub type Graph = Autodiff<Flex>;

/// A batch of tasks as constants of a graph.
pub fn on_graph(batch: &DeviceBatch<Flex>) -> DeviceBatch<Graph> {
    let graph = |tensor: &Tensor<Flex, 3>| Tensor::from_inner(tensor.clone());
    DeviceBatch {
        support_x: graph(&batch.support_x),
        support_y: graph(&batch.support_y),
        query_x: graph(&batch.query_x),
        query_y: graph(&batch.query_y),
    }
}

/// [`MetaObjective::gradient`], whose query sets are evaluated in `query_batches`.
pub fn unrolled(
    objective: &MetaObjective,
    query_batches: usize,
    params: &[Tensor<Flex, 3>],
    rates: &[Vec<Rate<Flex>>],
    weights: &[f32],
    sampler: &dyn Sampler<Graph>,
) -> MetaGradient<Flex> {
    let graph = Tensor::<Graph, 3>::from_inner;
    let leaves: Vec<Tensor<Graph, 3>> = params
        .iter()
        .map(|param| graph(param.clone()).require_grad())
        .collect();
    let leaf = |rate: &Rate<Flex>| match rate {
        Rate::Fixed(rate) => Rate::Fixed(*rate),
        Rate::Learned(rate) => Rate::Learned(graph(rate.clone()).require_grad()),
    };
    let rates: Vec<Vec<Rate<Graph>>> = rates
        .iter()
        .map(|row| row.iter().map(leaf).collect())
        .collect();
    let inner = objective.inner_loop();
    let mut losses: Vec<Tensor<Graph, 1>> = Vec::with_capacity(weights.len());
    let steps = weights.len() - 1;
    inner.adapt(leaves.clone(), &rates, sampler, steps, |step, theta| {
        let queries = sampler.query(step, theta).batches(query_batches);
        let of_batches = queries.iter().map(|Set { x, y }| {
            let prediction = inner.network.forward(theta, x.clone());
            inner.loss.value(prediction, y.clone()).mean()
        });
        losses.push(Tensor::cat(of_batches.collect(), 0).mean());
    });
    let loss = losses[losses.len() - 1].clone().inner();
    let total = losses
        .into_iter()
        .zip(weights)
        .map(|(loss, &weight)| loss.mul_scalar(weight))
        .reduce(|sum, term| sum + term)
        .expect("at least the loss before adaptation");
    let mut gradients = total.backward();
    let mut of = |leaf: Tensor<Graph, 3>| {
        let gradient = leaf.grad_remove(&mut gradients);
        gradient.unwrap_or_else(|| leaf.inner().zeros_like())
    };
    let params = leaves.into_iter().map(&mut of).collect();
    let learned = rates.into_iter().flatten().filter_map(|rate| match rate {
        Rate::Fixed(_) => None,
        Rate::Learned(rate) => Some(of(rate).flatten(0, 2)),
    });
    MetaGradient {
        loss,
        params,
        rates: learned.collect(),
    }
}
