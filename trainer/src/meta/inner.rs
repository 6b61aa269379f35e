//! The inner loop: a few gradient steps on a task's support set,
//! `θ_{s+1} = θ_s − α_s ∇L(θ_s; support)`, where the gradient may be bounded
//! and gain momentum on the way.

use burn::tensor::{Tensor, backend::Backend};

use super::step::{InnerOptimiser, PerTensor, Rate};
use super::{Order, prototypes};
use crate::loss::Loss;
use crate::nn::{HeadStart, Network};
use crate::samplers::{Sampler, Set};

/// What the inner loop minimises, and over which tensors.
#[derive(Clone, Copy, Debug)]
pub struct InnerLoop<'a> {
    /// The network; its adapting tensors are the ones that change.
    pub network: &'a Network,
    /// Loss on the support set.
    pub loss: Loss,
    /// What a step does to a gradient before the rate scales it.
    pub optimiser: InnerOptimiser,
    /// Whether an autodiff backend sees through the inner gradients.
    pub order: Order,
    /// Where the head starts.
    pub head: HeadStart,
}

impl InnerLoop<'_> {
    /// The gradient of the support loss for every adapting tensor, one per
    /// task: `[T, in, out]` or `[T, 1, n]`, `None` for the others.
    pub fn gradient<B: Backend>(&self, params: &[Tensor<B, 3>], support: Set<B>) -> PerTensor<B> {
        let trace = self.network.forward_trace(params, support.x);
        let dy = self.loss.gradient(trace.output().clone(), support.y);
        self.network.backward(params, &trace, dy)
    }

    /// The parameters before the first step, from those of the network: with a head for
    /// each task, `[T, ...]`, where it starts at the examples' prototypes.
    pub fn start<B: Backend>(
        &self,
        params: Vec<Tensor<B, 3>>,
        sampler: &dyn Sampler<B>,
    ) -> Vec<Tensor<B, 3>> {
        match self.head {
            HeadStart::Own | HeadStart::Shared => params,
            HeadStart::Prototype => {
                let support = sampler.support(0, &params);
                prototypes::start(&self.network.at_step(0), &params, support).0
            }
        }
    }

    /// Adapts to every task of a batch: `steps` inner steps from [`start`](Self::start) on the
    /// support sets that `sampler` gives, calling `visit(s, θ_s)` for `s = 0..=steps`. Steps
    /// beyond the rows of `rates` use the last row.
    ///
    /// On an autodiff backend the result is a graph through all steps.
    pub fn adapt<B: Backend>(
        &self,
        params: Vec<Tensor<B, 3>>,
        rates: &[Vec<Rate<B>>],
        sampler: &dyn Sampler<B>,
        steps: usize,
        mut visit: impl FnMut(usize, &[Tensor<B, 3>]),
    ) -> Vec<Tensor<B, 3>> {
        let mut params = self.start(params, sampler);
        let mut velocity = None;
        visit(0, &params);
        for step in 0..steps {
            let at_step = InnerLoop {
                network: &self.network.at_step(step),
                ..*self
            };
            let mut gradients = at_step.gradient(&params, sampler.support(step, &params));
            if self.order == Order::First {
                for gradient in gradients.iter_mut().flatten() {
                    *gradient = gradient.clone().detach();
                }
            }
            let rates = &rates[step.min(rates.len() - 1)];
            let (next, taken) = self.optimiser.step(&params, gradients, velocity, rates);
            params = next;
            velocity = Some(taken.velocity);
            visit(step + 1, &params);
        }
        params
    }
}
