//! Huber: with `d = y − t`, `scale · Σ ½ d²` where `|d| ≤ δ` and `scale · Σ δ
//! (|d| − ½ δ)` beyond; gradient `scale · d`, clamped to `scale · δ`.

/// See [`super::Objective::value_and_gradient`].
pub(super) fn value_and_gradient(
    y: &[f32],
    targets: &[f32],
    dy: &mut [f32],
    delta: f32,
    scale: f32,
    sum: &mut f32,
) {
    for ((y, target), dy) in y.iter().zip(targets).zip(dy) {
        let difference = y - target;
        let size = difference.abs();
        // A NaN takes the first branch and stays.
        *sum += match size > delta {
            false => 0.5 * difference * difference,
            true => delta * (size - 0.5 * delta),
        };
        let clamped = if size > delta {
            delta.copysign(difference)
        } else {
            difference
        };
        *dy = scale * clamped;
    }
}
