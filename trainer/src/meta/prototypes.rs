//! A head that starts where the examples lie, and the derivative through its start
//! (Proto-MAML, Triantafillou et al. 2020, arXiv 1903.03096).
//!
//! With `z_i` what the layers below the head make of the support examples, `n_c` the
//! examples of class `c` and `μ_c` their mean,
//!
//! ```text
//! w_c = 2 τ μ_c        b_c = −τ ‖μ_c‖²
//! ```
//!
//! Backwards, from `λ = ∂J/∂(w, b)` of every task,
//!
//! ```text
//! ∂J/∂μ_c   = 2 τ λ_w,c − 2 τ λ_b,c μ_c
//! ∂J/∂ln τ  = Σ_tasks Σ_c ⟨w_c, λ_w,c⟩ + b_c λ_b,c
//! ∂J/∂z_i   = 1/n_c ∂J/∂μ_c                        i of class c
//! ```
//!
//! and from there through the layers below at the parameters before adaptation.

use burn::tensor::{Tensor, backend::Backend};

use super::backward::{add_to, over_tasks};
use super::objective::Params;
use crate::nn::{Network, Trace};
use crate::predict::prototypes;
use crate::samplers::Set;

/// The start of a batch of tasks, with all that its derivative is made of.
pub(super) struct Prototypes<B: Backend> {
    /// The layers below the head with their parameters `[1, ...]` and their pass on the
    /// support set, where there are any.
    below: Option<(Network, Params<B>, Trace<B>)>,
    /// One-hot, `[T, S, N]`.
    classes: Tensor<B, 3>,
    /// `n [T, N, 1]`.
    counts: Tensor<B, 3>,
    /// `μ [T, N, d]`.
    means: Tensor<B, 3>,
    /// `2 τ`, `[1, 1, 1]`.
    scale: Tensor<B, 3>,
    /// `w [T, d, N]` and `b [T, 1, N]`.
    head: [Tensor<B, 3>; 2],
}

/// Parameters whose head starts at the prototypes of the support set, from those of
/// `network`, `[1, ...]`: the others are as they were. The network's head must be a dense
/// layer with as many outputs as there are classes, each with an example.
pub(super) fn start<B: Backend>(
    network: &Network,
    params: &[Tensor<B, 3>],
    support: Set<B>,
) -> (Params<B>, Prototypes<B>) {
    let Set { x, y: classes } = support;
    // A dense head has two tensors, the last of the network.
    let (lower, head) = params.split_at(params.len() - 2);
    let below = network.below_head().map(|below| {
        let below = below.all_adapting();
        let trace = below.forward_trace(lower, x.clone());
        (below, lower.to_vec(), trace)
    });
    let z = below.as_ref().map_or(&x, |(_, _, trace)| trace.output());
    let (means, counts) = prototypes(z.clone(), classes.clone());
    let scale = head[1].clone().narrow(2, 0, 1).exp().mul_scalar(2.0);
    let squares = (means.clone() * means.clone()).sum_dim(2).swap_dims(1, 2);
    let head = [
        means.clone().swap_dims(1, 2) * scale.clone(),
        squares * scale.clone().mul_scalar(-0.5),
    ];
    let params = lower.iter().chain(&head).cloned().collect();
    let start = Prototypes {
        below,
        classes,
        counts,
        means,
        scale,
        head,
    };
    (params, start)
}

impl<B: Backend> Prototypes<B> {
    /// From `λ` by the parameters it made to the gradient by those it was made of, and,
    /// where it is wanted, that by the support examples.
    pub fn pull_back(
        self,
        lambda: Params<B>,
        of_inputs: bool,
    ) -> (Params<B>, Option<Tensor<B, 3>>) {
        let mut lambda = lambda;
        let of_head = lambda.split_off(lambda.len() - 2);
        let mut lambda = lambda.into_iter().map(over_tasks).collect();
        let [weight, bias] = &self.head;
        let (of_weight, of_bias) = (of_head[0].clone(), of_head[1].clone());
        let along_weight = (weight.clone() * of_weight.clone()).sum();
        let along_bias = (bias.clone() * of_bias.clone()).sum();
        let of_logarithm = (along_weight + along_bias).reshape([1, 1, 1]);
        let of_means = of_weight.swap_dims(1, 2) - self.means.clone() * of_bias.swap_dims(1, 2);
        let dz = self.classes.matmul(of_means * self.scale / self.counts);
        let dx = match &self.below {
            None => of_inputs.then_some(dz),
            Some((below, params, trace)) => {
                let deltas = below.deltas(params, trace, dz);
                let gradients = below.gradients(trace, &deltas).into_iter();
                let gradients = gradients.flatten().map(over_tasks).collect();
                add_to(&mut lambda, gradients);
                of_inputs.then(|| below.input_gradient(params, trace, &deltas))
            }
        };
        let [_, features, classes] = weight.dims();
        let device = weight.device();
        let zeros = |dims: [usize; 3]| Tensor::zeros(dims, &device);
        lambda.push(zeros([1, features, classes]));
        lambda.push(match classes {
            1 => of_logarithm,
            _ => Tensor::cat(vec![of_logarithm, zeros([1, 1, classes - 1])], 2),
        });
        (lambda, dx)
    }
}
