//! The meta-gradient in its textbook form.

use burn::tensor::{Tensor, backend::AutodiffBackend};

use super::maml::Params;
use super::{Maml, MetaGradient, Rate};
use crate::tasks::DeviceBatch;

impl Maml {
    /// The same gradient by one reverse pass through the unrolled adaptation.
    /// Slower and larger; kept as the oracle of [`Maml::gradient`].
    pub fn gradient_unrolled<B: AutodiffBackend>(
        &self,
        params: &[Tensor<B::InnerBackend, 3>],
        rates: &[Vec<Rate<B::InnerBackend>>],
        weights: &[f32],
        batch: &DeviceBatch<B::InnerBackend>,
    ) -> MetaGradient<B> {
        let leaves: Params<B> = params
            .iter()
            .map(|p| Tensor::from_inner(p.clone()).require_grad())
            .collect();
        let rates: Vec<Vec<Rate<B>>> = rates
            .iter()
            .map(|row| row.iter().map(Rate::leaf).collect())
            .collect();
        let x = Tensor::from_inner(batch.support_x.clone());
        let y = Tensor::from_inner(batch.support_y.clone());
        let queries = batch.query_batches(self.query_batches).into_iter();
        let queries: Vec<(Tensor<B, 3>, Tensor<B, 3>)> = queries
            .map(|(x, y)| (Tensor::from_inner(x), Tensor::from_inner(y)))
            .collect();

        let mut losses: Vec<Tensor<B, 1>> = Vec::with_capacity(weights.len());
        self.inner_loop().adapt(
            leaves.clone(),
            &rates,
            (&x, &y),
            weights.len() - 1,
            |_, theta| {
                let of_batches = queries.iter().map(|(x, y)| {
                    let prediction = self.network.forward(theta, x.clone());
                    self.loss.value(prediction, y.clone()).mean()
                });
                losses.push(Tensor::cat(of_batches.collect(), 0).mean());
            },
        );
        let loss = losses[losses.len() - 1].clone().inner();
        let total = losses
            .into_iter()
            .zip(weights)
            .map(|(loss, &weight)| loss.mul_scalar(weight))
            .reduce(|sum, term| sum + term)
            .expect("at least the loss before adaptation");
        let mut gradients = total.backward();
        let params = leaves
            .into_iter()
            .map(|leaf| {
                leaf.grad_remove(&mut gradients)
                    .unwrap_or_else(|| leaf.inner().zeros_like())
            })
            .collect();
        let rates = rates
            .into_iter()
            .flatten()
            .filter_map(|rate| match rate {
                Rate::Fixed(_) => None,
                Rate::Learned(rate) => Some(
                    rate.grad_remove(&mut gradients)
                        .unwrap_or_else(|| rate.inner().zeros_like())
                        .flatten(0, 2),
                ),
            })
            .collect();
        MetaGradient {
            loss,
            params,
            rates,
        }
    }
}
