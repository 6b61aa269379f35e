//! Softmax and cross-entropy: `−scale · Σ ln softmax(y)[class]`, gradient
//! `scale (softmax(y) − onehot(class))`.

use crate::kernels::{rows, rows_mut};
use crate::math;

/// See [`super::value_and_gradient`]. The largest logit is subtracted first,
/// so no exponential overflows.
pub(super) fn value_and_gradient(
    y: &[f32],
    classes: &[f32],
    dy: &mut [f32],
    outputs: usize,
    scale: f32,
) -> f32 {
    let mut sum = 0.0;
    let rows = rows(y, outputs).zip(rows_mut(dy, outputs));
    for ((y, dy), &class) in rows.zip(classes) {
        // Classes are stored as whole numbers below 2²⁴, exact in f32.
        let class = class as usize;
        let largest = y
            .iter()
            .fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a });
        let mut total = 0.0;
        for (dy, y) in dy.iter_mut().zip(y) {
            *dy = math::exp(y - largest);
            total += *dy;
        }
        let logit = y.get(class).copied().unwrap_or(f32::NAN);
        sum += math::ln(total) - (logit - largest);
        for (index, dy) in dy.iter_mut().enumerate() {
            let target = if index == class { 1.0 } else { 0.0 };
            *dy = scale * (*dy / total - target);
        }
    }
    scale * sum
}
