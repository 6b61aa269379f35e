//! Mean squared error: `scale · Σ (y − t)²`, gradient `2 scale (y − t)`.

/// See [`super::value_and_gradient`]; `scale` is one over the numbers averaged.
pub(super) fn value_and_gradient(y: &[f32], targets: &[f32], dy: &mut [f32], scale: f32) -> f32 {
    let mut sum = 0.0;
    for ((y, target), dy) in y.iter().zip(targets).zip(dy) {
        let difference = y - target;
        sum += difference * difference;
        *dy = 2.0 * scale * difference;
    }
    scale * sum
}
