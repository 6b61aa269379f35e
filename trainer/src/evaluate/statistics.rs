//! Means and their intervals.

use serde::{Deserialize, Serialize};

/// A mean over tasks with its 95 % interval, `mean ± 1.96 σ / √n`, where `σ` is
/// the standard deviation over tasks (with `n − 1`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Half the width of the interval.
    pub half_width: f64,
}

impl Interval {
    /// Of a sample; not finite if any value is not.
    pub fn of(values: &[f32]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / n;
        let squares: f64 = values
            .iter()
            .map(|&value| (f64::from(value) - mean).powi(2))
            .sum();
        let half_width = 1.96 * (squares / (n - 1.0).max(1.0)).sqrt() / n.sqrt();
        Self { mean, half_width }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let interval = Interval::of(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(interval.mean, 2.5);
        let deviation = (5.0f64 / 3.0).sqrt();
        assert!((interval.half_width - 1.96 * deviation / 2.0).abs() < 1e-12);
        assert!(Interval::of(&[1.0, f32::NAN]).mean.is_nan());
        assert_eq!(Interval::of(&[7.0]).half_width, 0.0);
    }
}
