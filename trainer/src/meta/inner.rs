//! The inner loop: a few gradient steps on a task's support set,
//! `θ_{s+1} = θ_s − α_s ∇L(θ_s; support)`.

use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};

use super::Order;
use crate::loss::Loss;
use crate::nn::Network;

/// The step size of one tensor in one inner step.
#[derive(Clone, Debug)]
pub enum Rate<B: Backend> {
    /// A number.
    Fixed(f32),
    /// A tensor `[1, 1, 1]`, so that it can be learned.
    Learned(Tensor<B, 3>),
}

impl<B: Backend> Rate<B> {
    /// `−α·x`.
    pub fn descend(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        match self {
            Self::Fixed(rate) => x.mul_scalar(-rate),
            Self::Learned(rate) => x * rate.clone().neg(),
        }
    }
}

impl<B: AutodiffBackend> Rate<B> {
    /// The same rate as a leaf of a graph.
    pub fn leaf(inner: &Rate<B::InnerBackend>) -> Self {
        match inner {
            Rate::Fixed(rate) => Self::Fixed(*rate),
            Rate::Learned(rate) => Self::Learned(Tensor::from_inner(rate.clone()).require_grad()),
        }
    }
}

/// What the inner loop minimises, and over which tensors.
#[derive(Clone, Copy, Debug)]
pub struct InnerLoop<'a> {
    /// The network; its adapting tensors are the ones that change.
    pub network: &'a Network,
    /// Loss on the support set.
    pub loss: Loss,
    /// Whether an autodiff backend sees through the inner gradients.
    pub order: Order,
}

impl InnerLoop<'_> {
    /// The gradient of the support loss for every adapting tensor, one per
    /// task: `[T, in, out]` or `[T, 1, n]`, `None` for the others.
    pub fn gradient<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        x: &Tensor<B, 3>,
        y: &Tensor<B, 3>,
    ) -> Vec<Option<Tensor<B, 3>>> {
        let trace = self.network.forward_trace(params, x.clone());
        let dy = self.loss.gradient(trace.output().clone(), y.clone());
        self.network.backward(params, &trace, dy)
    }

    /// Adapts to every task of a batch: `steps` inner steps from `params` on
    /// `support = (x, y)`, calling `visit(s, θ_s)` for `s = 0..=steps`. Steps
    /// beyond the rows of `rates` use the last row.
    ///
    /// On an autodiff backend the result is a graph through all steps.
    pub fn adapt<B: Backend>(
        &self,
        params: Vec<Tensor<B, 3>>,
        rates: &[Vec<Rate<B>>],
        (x, y): (&Tensor<B, 3>, &Tensor<B, 3>),
        steps: usize,
        mut visit: impl FnMut(usize, &[Tensor<B, 3>]),
    ) -> Vec<Tensor<B, 3>> {
        let mut params = params;
        visit(0, &params);
        for step in 0..steps {
            let at_step = InnerLoop {
                network: &self.network.at_step(step),
                ..*self
            };
            let mut gradients = at_step.gradient(&params, x, y);
            if self.order == Order::First {
                for gradient in gradients.iter_mut().flatten() {
                    *gradient = gradient.clone().detach();
                }
            }
            params = inner_step(&params, gradients, &rates[step.min(rates.len() - 1)]);
            visit(step + 1, &params);
        }
        params
    }
}

/// `p − α·g` for every adapting tensor; the others are passed on. `rates` holds
/// one rate per adapting tensor. The results have a task axis where the
/// gradients do.
pub fn inner_step<B: Backend>(
    params: &[Tensor<B, 3>],
    gradients: Vec<Option<Tensor<B, 3>>>,
    rates: &[Rate<B>],
) -> Vec<Tensor<B, 3>> {
    let mut rates = rates.iter();
    params
        .iter()
        .zip(gradients)
        .map(|(param, gradient)| match gradient {
            None => param.clone(),
            Some(gradient) => {
                // Rate tables have one column per adapting tensor.
                let rate = rates.next().expect("a rate for each adapting tensor");
                let change = rate.descend(gradient);
                add_shared(change, param.clone())
            }
        })
        .collect()
}

/// `a [T, r, c] + b [T or 1, r, c]`, flattened for a shared `b` because
/// broadcasting one row over a matrix is the fast case of the CPU backend.
fn add_shared<B: Backend>(a: Tensor<B, 3>, b: Tensor<B, 3>) -> Tensor<B, 3> {
    let dims @ [tasks, rows, columns] = a.dims();
    if b.dims()[0] == tasks {
        return a + b;
    }
    let sum: Tensor<B, 2> = a.reshape([tasks, rows * columns]) + b.reshape([1, rows * columns]);
    sum.reshape(dims)
}
