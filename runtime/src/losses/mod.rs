//! The losses: one file each, with value and gradient.

mod cross_entropy;
mod mse;

use mamlet_formats::{Loss, Reduction};

/// Writes the gradient of the loss by the outputs `y` to `dy` (both
/// `[examples, outputs]`) and returns the loss. `targets` is
/// `[examples, outputs]`, or `[examples]` where it holds classes.
pub(crate) fn value_and_gradient(
    loss: Loss,
    reduction: Reduction,
    y: &[f32],
    targets: &[f32],
    dy: &mut [f32],
    outputs: usize,
) -> f32 {
    let examples = (y.len() / outputs.max(1)) as f32;
    let averaged = match loss {
        Loss::CrossEntropy => examples,
        _ => examples * outputs as f32,
    };
    let scale = match reduction {
        Reduction::Sum => 1.0,
        _ => 1.0 / averaged,
    };
    match loss {
        Loss::CrossEntropy => cross_entropy::value_and_gradient(y, targets, dy, outputs, scale),
        _ => mse::value_and_gradient(y, targets, dy, scale),
    }
}
