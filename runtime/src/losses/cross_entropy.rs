//! Cross-entropy with logits: `scale · Σ −log softmax(y)[class]`, gradient
//! `scale · (softmax(y) − onehot(class))`.

use crate::fault::{Checked, Internal};
use crate::kernels::{copy, rows, rows_mut};
use crate::math::{self, exponentials, largest};

/// See [`super::Objective::value_and_gradient`].
pub(super) fn value_and_gradient(
    y: &[f32],
    classes: &[f32],
    dy: &mut [f32],
    outputs: usize,
    scale: f32,
    sum: &mut f32,
) -> Checked {
    let rows = rows(y, outputs).zip(rows_mut(dy, outputs));
    for ((y, dy), &class) in rows.zip(classes) {
        *sum += of_example(y, class, dy, scale)?;
    }
    Ok(())
}

/// The loss of one example, unscaled. Classes are stored as whole numbers
/// below 2²⁴, exact in f32.
pub(super) fn of_example(y: &[f32], class: f32, dy: &mut [f32], scale: f32) -> Checked<f32> {
    let class = class as usize;
    copy(dy, y)?;
    let total = exponentials(dy);
    for (index, dy) in dy.iter_mut().enumerate() {
        let target = if index == class { 1.0 } else { 0.0 };
        *dy = scale * (*dy / total - target);
    }
    let logit = y.get(class).copied().ok_or(Internal)?;
    Ok(math::ln(total) - (logit - largest(y)))
}
