//! The log-likelihood of actions, weighted with their advantages: a step down
//! it is a policy-gradient step (Williams 1992; Finn et al. 2017, section 5.3).
//!
//! | policy | outputs | `log π(a)` | gradient of `−w log π(a)` |
//! |---|---|---|---|
//! | Gaussian | `[μ, log σ]` | `Σ −½ z² − log σ − ½ log 2π`, `z = (a − μ) / σ` | `−w z / σ` by `μ`, `w (1 − z²)` by `log σ` |
//! | categorical | logits | `log softmax(y)[a]` | `w (softmax(y) − onehot(a))` |
//!
//! A target is the action and then its weight.

use super::cross_entropy;
use crate::fault::{Checked, Internal};
use crate::kernels::{rows, rows_mut};
use crate::math;

/// `½ log 2π`
const HALF_LOG_TAU: f32 = 0.918_938_5;

/// See [`super::Objective::value_and_gradient`].
pub(super) fn gaussian(
    y: &[f32],
    targets: &[f32],
    dy: &mut [f32],
    outputs: usize,
    scale: f32,
    sum: &mut f32,
) -> Checked {
    let actions = outputs / 2;
    let rows = rows(y, outputs).zip(rows_mut(dy, outputs));
    for ((y, dy), target) in rows.zip(self::rows(targets, actions + 1)) {
        let (mean, log_sigma) = y.split_at_checked(actions).ok_or(Internal)?;
        let (by_mean, by_log_sigma) = dy.split_at_mut_checked(actions).ok_or(Internal)?;
        let weight = target.last().copied().ok_or(Internal)?;
        let outputs = mean.iter().zip(log_sigma);
        let gradients = by_mean.iter_mut().zip(by_log_sigma);
        for (((mean, log_sigma), (by_mean, by_log_sigma)), action) in
            outputs.zip(gradients).zip(target)
        {
            let inverse = math::exp(-log_sigma);
            let z = (action - mean) * inverse;
            *sum += weight * (0.5 * z * z + log_sigma + HALF_LOG_TAU);
            *by_mean = -scale * weight * z * inverse;
            *by_log_sigma = scale * weight * (1.0 - z * z);
        }
    }
    Ok(())
}

/// See [`super::Objective::value_and_gradient`].
pub(super) fn categorical(
    y: &[f32],
    targets: &[f32],
    dy: &mut [f32],
    outputs: usize,
    scale: f32,
    sum: &mut f32,
) -> Checked {
    let rows = rows(y, outputs).zip(rows_mut(dy, outputs));
    for ((y, dy), target) in rows.zip(self::rows(targets, 2)) {
        let [action, weight] = target else {
            return Err(Internal);
        };
        *sum += weight * cross_entropy::of_example(y, *action, dy, scale * weight)?;
    }
    Ok(())
}
