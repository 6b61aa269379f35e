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
        let (mean, deviation) = moments(values.iter().map(|&value| f64::from(value)));
        let half_width = 1.96 * deviation / n.sqrt();
        Self { mean, half_width }
    }

    /// Of the differences `b − a` between values of the same tasks: what they
    /// share does not widen it. Panics unless there are as many of each.
    pub fn of_differences(a: &[f32], b: &[f32]) -> Self {
        assert_eq!(a.len(), b.len());
        let differences = a.iter().zip(b).map(|(&a, &b)| f64::from(b) - f64::from(a));
        let (mean, deviation) = moments(differences);
        let half_width = 1.96 * deviation / (a.len() as f64).sqrt();
        Self { mean, half_width }
    }

    /// Of values in clusters, such as the queries of a task, from the sum and the
    /// number of each cluster's values: `p = Σ sᵢ / Σ nᵢ` with the ratio
    /// estimator's interval, `1.96 √(c/(c − 1) Σ (sᵢ − p nᵢ)²) / Σ nᵢ` of `c`
    /// clusters. `None` without a value; infinitely wide with one cluster, which
    /// says nothing of the next.
    pub fn of_clusters(clusters: &[(f64, usize)]) -> Option<Self> {
        let values: usize = clusters.iter().map(|(_, count)| count).sum();
        if values == 0 {
            return None;
        }
        let values = values as f64;
        let mean = clusters.iter().map(|(sum, _)| sum).sum::<f64>() / values;
        let rest = |&(sum, count): &(f64, usize)| (sum - mean * count as f64).powi(2);
        let rests: f64 = clusters.iter().map(rest).sum();
        let count = clusters.len() as f64;
        let half_width = match clusters.len() {
            1 => f64::INFINITY,
            _ => 1.96 * (count / (count - 1.0) * rests).sqrt() / values,
        };
        Some(Self { mean, half_width })
    }

    /// Whether 0 lies outside; not if it is not finite.
    pub fn excludes_zero(&self) -> bool {
        self.mean.abs() > self.half_width
    }
}

/// Mean and standard deviation (with `n − 1`, 0 of one value).
pub(crate) fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0).max(1.0)).sqrt())
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

    /// With clusters of one value it is the interval of a sample; clusters whose
    /// values agree count as one value each.
    #[test]
    fn clusters_by_hand() {
        let sample = [1.0, 2.0, 3.0, 4.0];
        let alone: Vec<(f64, usize)> = sample.iter().map(|&v| (f64::from(v), 1)).collect();
        let twice: Vec<(f64, usize)> = sample.iter().map(|&v| (2.0 * f64::from(v), 2)).collect();
        for clusters in [alone, twice] {
            let interval = Interval::of_clusters(&clusters).unwrap();
            assert_eq!(interval.mean, 2.5);
            assert!((interval.half_width - Interval::of(&sample).half_width).abs() < 1e-12);
        }
        let unequal = Interval::of_clusters(&[(1.0, 1), (0.0, 3)]).unwrap();
        // p = 1/4, rests 3/4 and -3/4: √(2 · 9/8) = 3/2 over 4 values.
        assert_eq!(unequal.mean, 0.25);
        assert!((unequal.half_width - 1.96 * 1.5 / 4.0).abs() < 1e-12);
        assert_eq!(
            Interval::of_clusters(&[(1.0, 2)]).unwrap().half_width,
            f64::INFINITY
        );
        assert_eq!(Interval::of_clusters(&[]), None);
    }

    /// Values that differ a hundred times more between tasks than between runs.
    #[test]
    fn paired_by_hand() {
        let (a, b) = ([100.0, 200.0, 300.0], [101.0, 203.0, 302.0]);
        let paired = Interval::of_differences(&a, &b);
        // Differences 1, 3, 2: mean 2, deviation 1.
        assert_eq!(paired.mean, 2.0);
        assert!((paired.half_width - 1.96 / 3.0f64.sqrt()).abs() < 1e-12);
        assert!(paired.excludes_zero());
        assert_eq!(Interval::of_differences(&b, &a).mean, -2.0);
        let same = Interval::of_differences(&a, &a);
        assert_eq!((same.mean, same.half_width), (0.0, 0.0));
        assert!(!same.excludes_zero());
        let broken = Interval::of_differences(&a, &[1.0, f32::NAN, 1.0]);
        assert!(broken.mean.is_nan() && !broken.excludes_zero());
    }
}
