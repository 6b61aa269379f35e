//! Actions from the outputs of a policy.
//!
//! | policy | action |
//! |---|---|
//! | Gaussian, outputs `[μ, log σ]` | `μ + σ z`, `z = √(−2 ln u) cos 2π v` (Box & Muller 1958) |
//! | categorical, outputs are logits | the first choice whose probabilities, summed, exceed `u` |
//!
//! `u` and `v` are even in `(0, 1]` and `[0, 1)`, in steps of 2⁻²⁴. Logarithm and cosine are
//! those of `libm` whatever the features are. Both take a fixed number of draws: two for
//! every number of a Gaussian action, one for a choice.

use core::f32::consts::TAU;

use mamlet_formats::Loss;
use rand_core::Rng;

use crate::math;

/// An even number in `[0, 1)`, in steps of 2⁻²⁴.
fn uniform(generator: &mut impl Rng) -> f32 {
    (generator.next_u32() >> 8) as f32 / (1 << 24) as f32
}

/// A number of the standard normal distribution.
pub(super) fn normal(generator: &mut impl Rng) -> f32 {
    let u = 1.0 - uniform(generator);
    let v = uniform(generator);
    libm::sqrtf(-2.0 * libm::logf(u)) * libm::cosf(TAU * v)
}

/// Draws an action, a choice as a whole number. Returns whether it is finite.
pub(super) fn sample(
    loss: Loss,
    outputs: &[f32],
    generator: &mut impl Rng,
    action: &mut [f32],
) -> bool {
    if loss == Loss::CategoricalPolicy {
        let most = math::largest(outputs);
        let share = |y: &f32| math::exp(y - most);
        let total = outputs.iter().map(share).sum::<f32>();
        let mut left = uniform(generator) * total;
        // Where rounding leaves something behind the last, it is the last.
        let mut choice = outputs.len().saturating_sub(1);
        for (at, y) in outputs.iter().enumerate() {
            left -= share(y);
            if left < 0.0 {
                choice = at;
                break;
            }
        }
        action.fill(choice as f32);
        return total.is_finite() && outputs.iter().all(|y| !y.is_nan());
    }
    let log_deviations = outputs.get(action.len()..).unwrap_or_default();
    for ((to, mean), log_deviation) in action.iter_mut().zip(outputs).zip(log_deviations) {
        *to = mean + math::exp(*log_deviation) * normal(generator);
    }
    action.iter().all(|a| a.is_finite())
}

/// Writes the likeliest action. Returns whether it is finite.
pub(super) fn likeliest(loss: Loss, outputs: &[f32], action: &mut [f32]) -> bool {
    if loss == Loss::CategoricalPolicy {
        action.fill(crate::prediction::best(outputs) as f32);
        return outputs.iter().all(|y| !y.is_nan());
    }
    for (to, mean) in action.iter_mut().zip(outputs) {
        *to = *mean;
    }
    action.iter().all(|a| a.is_finite())
}
