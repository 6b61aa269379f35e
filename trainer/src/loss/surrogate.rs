//! Surrogates of the expected return: functions of the log-likelihoods `ℓ` of actions that
//! were taken, whose gradient is a policy gradient, `L = −Φ(ℓ)` before the reduction.
//!
//! With `ℓ'` the log-likelihood under the policy that acted, `A` the advantage (times what
//! the reduction needs) and `ρ = e^{ℓ − ℓ'}`:
//!
//! | form | `Φ` | `c = ∂Φ/∂ℓ` | `ċ` along `ℓ̇` |
//! |---|---|---|---|
//! | log-likelihood | `Σ A ℓ` | `A` | 0 |
//! | ratio | `Σ A ρ` | `A ρ` | `A ρ ℓ̇` |
//! | clipped | `Σ min(A ρ, A clip(ρ, 1 ± ε))` | `A ρ`, 0 where clipped | `c ℓ̇` |
//! | DiCE | `Σ_t (e^{C_t} − e^{C_{t−1}}) A_t` | `Σ_{t' ≥ t} e^{C_t'} x_t'` | `Σ_{t' ≥ t} e^{C_t'} x_t' Ċ_t'` |
//!
//! with `C_t = Σ_{t' ≤ t} (ℓ_t' − ℓ'_t')` along a rollout and `x_t = A_t − A_{t+1}`, 0 beyond
//! its end. At `ℓ = ℓ'` all have the same value of `c`, so the same gradient; they differ in
//! how it moves. Log-likelihood is the paper's code. Ratio: ProMP (Rothfuss et al. 2019,
//! arXiv 1810.06784). Clipped: PPO (Schulman et al. 2017, arXiv 1707.06347). DiCE: Foerster
//! et al. 2018 (arXiv 1802.05098), with the advantages of Loaded DiCE (Farquhar et al. 2019).
//!
//! The gradient by the prediction is `−c ∂ℓ/∂p`, that of the log-likelihood with `c` as
//! weights, and its tangent follows by the product rule.
//!
//! Shapes: targets are `[T, B, n + 2]`: the action, one-hot where it is a choice, `A` and `ℓ'`.
//! Where `A` is 0 an example has no part in anything but for DiCE, which is asked for
//! examples that stand in rollouts of equal length, `B = rollouts · steps`.

use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use super::Policy;

/// A surrogate of the expected return.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surrogate {
    /// What actions are drawn from.
    pub policy: Policy,
    /// Which function of their log-likelihoods.
    pub form: Form,
}

/// Which function of the log-likelihoods.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// `A ℓ`.
    LogLikelihood,
    /// `A ρ`.
    Ratio,
    /// The pessimistic one of `A ρ` and `A clip(ρ, 1 ± ε)`.
    Clipped {
        /// `ε`.
        range: f32,
    },
    /// Products of the ratios along a rollout.
    Dice {
        /// Steps of a rollout, those included that only fill it up.
        steps: usize,
    },
}

/// Which surrogate the inner steps follow: all have the same gradient where they are
/// taken, and differ in how it moves with the initialisation, which is what the outer
/// gradient sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// The likelihood ratio: low variance, and only terms between different steps of one
    /// rollout missing.
    #[default]
    Ratio,
    /// All terms, at a higher variance.
    Dice,
    /// The log-likelihood, as in the code of the paper: what actions will be drawn after
    /// a change of the initialisation is left out.
    LogLikelihood,
}

impl Estimator {
    /// The form, where a rollout has so many steps.
    pub fn form(self, steps: usize) -> Form {
        match self {
            Self::Ratio => Form::Ratio,
            Self::Dice => Form::Dice { steps },
            Self::LogLikelihood => Form::LogLikelihood,
        }
    }
}

/// What a target is made of, `[T, B, n]`, `[T, B, 1]` and `[T, B, 1]`.
struct Parts<B: Backend> {
    action: Tensor<B, 3>,
    advantage: Tensor<B, 3>,
    /// `ℓ − ℓ'`.
    change: Tensor<B, 3>,
}

impl Surrogate {
    fn parts<B: Backend>(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Parts<B> {
        let width = self.policy.action(prediction.dims()[2]);
        let action = target.clone().narrow(2, 0, width);
        let before = target.clone().narrow(2, width + 1, 1);
        let advantage = target.narrow(2, width, 1);
        let change = self.policy.log_likelihood(prediction, action.clone()) - before;
        Parts {
            change: match self.form {
                Form::Dice { steps } => until_the_last(change, advantage.clone(), steps),
                _ => change,
            },
            action,
            advantage,
        }
    }

    /// `−Φ`, `[T, 1]`.
    pub(super) fn sums<B: Backend>(
        &self,
        prediction: Tensor<B, 3>,
        target: Tensor<B, 3>,
    ) -> Tensor<B, 2> {
        let [tasks, examples, outputs] = prediction.dims();
        let before = target.clone().narrow(2, self.policy.action(outputs) + 1, 1);
        let Parts {
            advantage, change, ..
        } = self.parts(prediction, target);
        let terms = match self.form {
            Form::LogLikelihood => advantage * (change + before),
            Form::Ratio => advantage * change.exp(),
            Form::Clipped { range } => {
                let ratio = change.exp();
                let bounded = ratio.clone().clamp(1.0 - range, 1.0 + range);
                (advantage.clone() * ratio).min_pair(advantage * bounded)
            }
            Form::Dice { steps } => {
                let products = along(cumulative, change, steps).exp();
                let of_all = products * differences(advantage.clone(), steps);
                // Φ is Σ e^{C_t} x_t − A_0.
                of_all - first_steps(advantage, steps)
            }
        };
        terms.reshape([tasks, examples]).sum_dim(1).neg()
    }

    /// `c`, `[T, B, 1]`.
    fn weights<B: Backend>(&self, parts: &Parts<B>) -> Tensor<B, 3> {
        let advantage = parts.advantage.clone();
        let ratio = || parts.change.clone().exp();
        match self.form {
            Form::LogLikelihood => advantage,
            Form::Ratio => advantage * ratio(),
            Form::Clipped { range } => {
                let ratio = ratio();
                let above = (ratio.clone().greater_elem(1.0 + range).float())
                    * advantage.clone().greater_elem(0.0).float();
                let below = (ratio.clone().lower_elem(1.0 - range).float())
                    * advantage.clone().lower_elem(0.0).float();
                let active = (above + below).neg().add_scalar(1.0);
                advantage * ratio * active
            }
            Form::Dice { steps } => along(remaining, self.dice_terms(parts, steps), steps),
        }
    }

    /// `e^{C_t} x_t`.
    fn dice_terms<B: Backend>(&self, parts: &Parts<B>, steps: usize) -> Tensor<B, 3> {
        let products = along(cumulative, parts.change.clone(), steps).exp();
        products * differences(parts.advantage.clone(), steps)
    }

    /// `∂L/∂p`.
    pub(super) fn gradient<B: Backend>(
        &self,
        prediction: Tensor<B, 3>,
        target: Tensor<B, 3>,
        factor: f32,
    ) -> Tensor<B, 3> {
        let parts = self.parts(prediction.clone(), target);
        let weighted = Tensor::cat(vec![parts.action.clone(), self.weights(&parts)], 2);
        self.policy.gradient(prediction, weighted, factor)
    }

    /// How [`Surrogate::gradient`] moves along a direction of the prediction.
    pub(super) fn gradient_tangent<B: Backend>(
        &self,
        prediction: Tensor<B, 3>,
        target: Tensor<B, 3>,
        along_prediction: Tensor<B, 3>,
        factor: f32,
    ) -> Tensor<B, 3> {
        let parts = self.parts(prediction.clone(), target);
        let weights = self.weights(&parts);
        let weighted = |weights: Tensor<B, 3>| Tensor::cat(vec![parts.action.clone(), weights], 2);
        let fixed = self.policy.gradient_tangent(
            prediction.clone(),
            weighted(weights.clone()),
            along_prediction.clone(),
            factor,
        );
        // ℓ̇ = ∂ℓ/∂p · ṗ.
        let moved = || {
            let ones = weighted(weights.ones_like());
            let score = self.policy.gradient(prediction.clone(), ones, -1.0);
            (score * along_prediction.clone()).sum_dim(2)
        };
        let weights = match self.form {
            Form::LogLikelihood => return fixed,
            Form::Ratio | Form::Clipped { .. } => weights.clone() * moved(),
            Form::Dice { steps } => {
                let moved = along(cumulative, moved(), steps);
                along(remaining, self.dice_terms(&parts, steps) * moved, steps)
            }
        };
        fixed + self.policy.gradient(prediction, weighted(weights), factor)
    }
}

/// `change` of `[rollouts of all tasks, steps]`, for values `[T, B, 1]`.
fn along<B: Backend>(
    change: impl FnOnce(Tensor<B, 2>) -> Tensor<B, 2>,
    values: Tensor<B, 3>,
    steps: usize,
) -> Tensor<B, 3> {
    let shape @ [tasks, examples, _] = values.dims();
    change(values.reshape([tasks * examples / steps, steps])).reshape(shape)
}

/// `Σ_{t' ≤ t}`.
fn cumulative<B: Backend>(values: Tensor<B, 2>) -> Tensor<B, 2> {
    values.cumsum(1)
}

/// `Σ_{t' ≥ t}`.
fn remaining<B: Backend>(values: Tensor<B, 2>) -> Tensor<B, 2> {
    values.flip([1]).cumsum(1).flip([1])
}

/// 0 behind the last advantage of a rollout, where all `x_t` are 0: products of whatever a
/// policy would do in steps that only fill up a rollout could be beyond all numbers.
fn until_the_last<B: Backend>(
    change: Tensor<B, 3>,
    advantage: Tensor<B, 3>,
    steps: usize,
) -> Tensor<B, 3> {
    let over = along(remaining, advantage.abs(), steps).equal_elem(0.0);
    change.mask_fill(over, 0.0)
}

/// `x_t = A_t − A_{t+1}`.
fn differences<B: Backend>(advantage: Tensor<B, 3>, steps: usize) -> Tensor<B, 3> {
    let next = |values: Tensor<B, 2>| {
        let zeros = values.clone().narrow(1, 0, 1).zeros_like();
        let next = match steps {
            1 => zeros,
            _ => Tensor::cat(vec![values.clone().narrow(1, 1, steps - 1), zeros], 1),
        };
        values - next
    };
    along(next, advantage, steps)
}

/// `A_0` of every rollout where it begins, 0 elsewhere.
fn first_steps<B: Backend>(advantage: Tensor<B, 3>, steps: usize) -> Tensor<B, 3> {
    let first = |values: Tensor<B, 2>| match steps {
        1 => values,
        _ => {
            let zeros = values.clone().narrow(1, 1, steps - 1).zeros_like();
            Tensor::cat(vec![values.narrow(1, 0, 1), zeros], 1)
        }
    };
    along(first, advantage, steps)
}
