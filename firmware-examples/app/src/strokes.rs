//! Strokes as [`STROKES`](crate::STROKES) was trained on.

/// What an accelerometer of one axis gives as sample `at` of so many: up, down, up and
/// down, or nothing. The slower a stroke is, the larger it is.
pub fn sample(stroke: usize, at: u16, samples: u16) -> f32 {
    let u = f32::from(at) / f32::from(samples.saturating_sub(1).max(1));
    let arch = 4.0 * u * (1.0 - u);
    let value = match stroke {
        0 => arch,
        1 => -arch,
        2 => 3.0 * arch * (1.0 - 2.0 * u),
        _ => 0.0,
    };
    0.25 * f32::from(samples) * value
}
