//! One inner step: from a gradient to the next parameters, and the derivative
//! back through it.
//!
//! With `g = ∇L(θ; support)` over all adapting tensors of a task, `μ` the
//! momentum and `c` the bound on the norm,
//!
//! ```text
//! ĝ  = g · min(1, c/‖g‖)
//! v' = μ v + ĝ              v = 0 before the first step
//! θ' = θ − α v'
//! ```
//!
//! Backwards, from `λ = ∂J/∂θ'` and `ν = ∂J/∂v'` as later steps see it,
//!
//! ```text
//! w       = ν − α λ
//! ∂J/∂v   = μ w
//! ∂J/∂g   = u = s·(w − ĝ ⟨ĝ, w⟩/c²) where g was clipped to s = c/‖g‖, else w
//! ∂J/∂α   = −⟨λ, v'⟩
//! ```
//!
//! and `∂J/∂θ = λ + (∂g/∂θ)ᵀ u`, which is left to [`super::MetaObjective`].

use burn::tensor::{Tensor, backend::Backend};

/// The step size of one tensor in one inner step.
#[derive(Clone, Debug)]
pub enum Rate<B: Backend> {
    /// A number.
    Fixed(f32),
    /// A tensor, so that it can be learned: `[1, 1, 1]`, or `[1, r, c]` for a
    /// rate of every parameter (Meta-SGD, Li et al. 2017).
    Learned(Tensor<B, 3>),
}

impl<B: Backend> Rate<B> {
    /// `−α·x`.
    pub fn descend(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        match self {
            Self::Fixed(rate) => x.mul_scalar(-rate),
            Self::Learned(rate) => times(x, rate.clone().neg()),
        }
    }

    /// A gradient of 0 by it, flat.
    pub(super) fn no_gradient(&self) -> Tensor<B, 1> {
        match self {
            Self::Fixed(_) => Tensor::zeros([1], &B::Device::default()),
            Self::Learned(rate) => {
                let count = rate.shape().num_elements();
                Tensor::zeros([count], &rate.device())
            }
        }
    }
}

/// A tensor `[T, r, c]` for each tensor of the network, `None` for those that
/// do not adapt.
pub type PerTensor<B> = Vec<Option<Tensor<B, 3>>>;

/// What an inner step does to a gradient before the rate scales it. The
/// default is plain gradient descent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct InnerOptimiser {
    /// `μ` in `[0, 1)`; no momentum if `None`.
    pub momentum: Option<f32>,
    /// `c`, the largest norm of a task's whole gradient; unbounded if `None`.
    pub clip_norm: Option<f32>,
}

/// What a step leaves besides the new parameters.
#[derive(Clone, Debug)]
pub struct Taken<B: Backend> {
    /// `v'`, which the next step goes on from.
    pub velocity: PerTensor<B>,
    clipped: Option<Clipped<B>>,
}

/// A bounded gradient.
#[derive(Clone, Debug)]
struct Clipped<B: Backend> {
    /// `ĝ`.
    gradient: PerTensor<B>,
    /// `s = min(1, c/‖g‖)`, `[T, 1, 1]`.
    factor: Tensor<B, 3>,
}

impl InnerOptimiser {
    /// Takes a step from `params [1 or T, r, c]` down `gradient`, going on from
    /// `velocity` (`None` before the first step); `rates` holds one rate per
    /// adapting tensor. The new parameters have a task axis where the gradients
    /// do; those that do not adapt are passed on.
    pub fn step<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        gradient: PerTensor<B>,
        velocity: Option<PerTensor<B>>,
        rates: &[Rate<B>],
    ) -> (Vec<Tensor<B, 3>>, Taken<B>) {
        let taken = self.take(gradient, velocity);
        (taken.apply(params, rates), taken)
    }

    /// The first half of [`InnerOptimiser::step`], which parameters and rates
    /// have no part in.
    pub(super) fn take<B: Backend>(
        &self,
        gradient: PerTensor<B>,
        velocity: Option<PerTensor<B>>,
    ) -> Taken<B> {
        let clipped = self.clip_norm.map(|norm| clip(gradient.clone(), norm));
        let bounded = match &clipped {
            Some(clipped) => clipped.gradient.clone(),
            None => gradient,
        };
        let velocity = match (self.momentum, velocity) {
            (Some(momentum), Some(velocity)) => add(scaled(velocity, momentum), bounded),
            _ => bounded,
        };
        Taken { velocity, clipped }
    }

    /// The derivative back through a step: `u = ∂J/∂g` and, with momentum,
    /// `∂J/∂v`, from `λ` and `ν` (`None` for 0, after the last step).
    pub(super) fn pull_back<B: Backend>(
        &self,
        taken: &Taken<B>,
        rates: &[Rate<B>],
        lambda: PerTensor<B>,
        nu: Option<PerTensor<B>>,
    ) -> (PerTensor<B>, Option<PerTensor<B>>) {
        let mut w = descend(lambda, rates);
        if let Some(nu) = nu {
            w = add(w, nu);
        }
        let before = self.momentum.map(|momentum| scaled(w.clone(), momentum));
        let u = match (&taken.clipped, self.clip_norm) {
            (Some(clipped), Some(norm)) => clipped.pull_back(w, norm),
            _ => w,
        };
        (u, before)
    }
}

impl<B: Backend> Taken<B> {
    /// The parameters after the step from `params`.
    pub(super) fn apply(&self, params: &[Tensor<B, 3>], rates: &[Rate<B>]) -> Vec<Tensor<B, 3>> {
        let changes = descend(self.velocity.clone(), rates);
        params
            .iter()
            .zip(changes)
            .map(|(param, change)| match change {
                None => param.clone(),
                Some(change) => add_shared(change, param.clone()),
            })
            .collect()
    }

    /// `∂J/∂α = −Σ_tasks λ v'` for each adapting tensor, flat: of every element
    /// where the rate has them, else of their sum, `[1]`.
    pub(super) fn rate_gradients(
        &self,
        lambda: &PerTensor<B>,
        rates: &[Rate<B>],
    ) -> Vec<Tensor<B, 1>> {
        let pairs = self.velocity.iter().flatten().zip(lambda.iter().flatten());
        pairs
            .zip(rates)
            .map(|((velocity, lambda), rate)| {
                let product = velocity.clone() * lambda.clone();
                match rate {
                    Rate::Learned(rate) if rate.shape().num_elements() > 1 => {
                        let count = rate.shape().num_elements();
                        product.sum_dim(0).reshape([count]).neg()
                    }
                    _ => product.sum().neg(),
                }
            })
            .collect()
    }
}

impl<B: Backend> Clipped<B> {
    /// `s·(w − ĝ ⟨ĝ, w⟩/c²)` for the tasks that were clipped, whose `ĝ` has the
    /// norm `c`; `w` for the others, whose `s` is exactly 1.
    fn pull_back(&self, w: PerTensor<B>, norm: f32) -> PerTensor<B> {
        let was_clipped = self.factor.clone().neg().add_scalar(1.0).sign();
        let along = dot(&self.gradient, &w).mul_scalar(1.0 / (norm * norm)) * was_clipped;
        let each = w.into_iter().zip(&self.gradient).map(|(w, gradient)| {
            let (w, gradient) = (w?, gradient.clone()?);
            Some((w - gradient * along.clone()) * self.factor.clone())
        });
        each.collect()
    }
}

/// Every task's gradient over all tensors, to at most a norm. The factor is
/// `1/√max(‖g‖²/c², 1)`, whose derivative exists at `g = 0`.
fn clip<B: Backend>(gradient: PerTensor<B>, norm: f32) -> Clipped<B> {
    let excess = dot(&gradient, &gradient).mul_scalar(1.0 / (norm * norm));
    let factor = excess.clamp_min(1.0).sqrt().recip();
    let bounded = gradient
        .into_iter()
        .map(|gradient| Some(gradient? * factor.clone()));
    Clipped {
        gradient: bounded.collect(),
        factor,
    }
}

/// `⟨a, b⟩` of every task over all tensors, `[T, 1, 1]`.
fn dot<B: Backend>(a: &PerTensor<B>, b: &PerTensor<B>) -> Tensor<B, 3> {
    a.iter()
        .flatten()
        .zip(b.iter().flatten())
        .map(|(a, b)| {
            let [tasks, rows, columns] = a.dims();
            let product = (a.clone() * b.clone()).reshape([tasks, 1, rows * columns]);
            product.sum_dim(2)
        })
        .reduce(|sum, term| sum + term)
        // A network is refused unless a tensor adapts.
        .expect("an adapting tensor")
}

/// `−α·x` for every adapting tensor: what a plain step makes of a gradient, and of `λ` on the
/// way back.
pub(super) fn descend<B: Backend>(x: PerTensor<B>, rates: &[Rate<B>]) -> PerTensor<B> {
    let mut rates = rates.iter();
    x.into_iter()
        .map(|x| {
            // Rate tables have one column per adapting tensor.
            x.map(|x| {
                rates
                    .next()
                    .expect("a rate for each adapting tensor")
                    .descend(x)
            })
        })
        .collect()
}

fn scaled<B: Backend>(x: PerTensor<B>, factor: f32) -> PerTensor<B> {
    x.into_iter().map(|x| Some(x?.mul_scalar(factor))).collect()
}

fn add<B: Backend>(a: PerTensor<B>, b: PerTensor<B>) -> PerTensor<B> {
    a.into_iter().zip(b).map(|(a, b)| Some(a? + b?)).collect()
}

/// `x [T, r, c] · rate [1, r, c] or [1, 1, 1]`, flattened as in [`add_shared`].
fn times<B: Backend>(x: Tensor<B, 3>, rate: Tensor<B, 3>) -> Tensor<B, 3> {
    let dims @ [tasks, rows, columns] = x.dims();
    if rate.dims()[1..] != [rows, columns] {
        return x * rate;
    }
    let product: Tensor<B, 2> =
        x.reshape([tasks, rows * columns]) * rate.reshape([1, rows * columns]);
    product.reshape(dims)
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
