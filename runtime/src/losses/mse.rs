//! Mean squared error: `scale · Σ (y − t)²`, gradient `2 scale (y − t)`.

/// See [`super::Objective::value_and_gradient`].
pub(super) fn value_and_gradient(
    y: &[f32],
    targets: &[f32],
    dy: &mut [f32],
    scale: f32,
    sum: &mut f32,
) {
    for ((y, target), dy) in y.iter().zip(targets).zip(dy) {
        let difference = y - target;
        *sum += difference * difference;
        *dy = 2.0 * scale * difference;
    }
}
