//! How far predictions are off, in the unit of the target.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Interval;

/// A root mean square error over all queries of all tasks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RootMeanSquare {
    /// `√(mean of the tasks' mean squared errors)` and its interval, over units where it is
    /// known which unit a task is of: that of the mean squared error, divided by twice the
    /// root.
    #[serde(flatten)]
    pub interval: Interval,
    /// The same unit by unit, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<OfUnits>,
}

/// Root mean square errors of units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfUnits {
    /// How many.
    pub count: usize,
    /// The mean over units of the root of each one's mean squared error.
    #[serde(flatten)]
    pub interval: Interval,
}

impl RootMeanSquare {
    /// Of the tasks' mean squared errors, whose units may be known; `None` if any is not
    /// finite.
    pub(super) fn of(errors: &[f32], units: Option<&[u32]>) -> Option<Self> {
        let interval = Interval::over(errors, units).root();
        interval.mean.is_finite().then(|| Self {
            interval,
            units: units.map(|units| OfUnits::of(errors, units)),
        })
    }
}

impl OfUnits {
    fn of(errors: &[f32], units: &[u32]) -> Self {
        let mut all: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
        for (&unit, &error) in units.iter().zip(errors) {
            let (sum, count) = all.entry(unit).or_default();
            *sum += f64::from(error);
            *count += 1.0;
        }
        let roots = all.values().map(|(sum, count)| (sum / count).sqrt() as f32);
        let roots: Vec<f32> = roots.collect();
        let each: Vec<u32> = (0..roots.len() as u32).collect();
        Self {
            count: roots.len(),
            interval: Interval::over(&roots, Some(&each)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let errors = [1.0, 9.0, 4.0, 4.0, 16.0, 14.0];
        let error = RootMeanSquare::of(&errors, Some(&[5, 5, 7, 7, 8, 8])).unwrap();
        assert!((error.interval.mean - 8.0f64.sqrt()).abs() < 1e-9);
        // Means of the squares 5, 4 and 15, deviations from 8: -3, -4 and 7; Student's
        // point for 2 degrees of freedom is 4.3027.
        let half = 4.3027 * (74.0f64 / 2.0 / 3.0).sqrt();
        assert!((error.interval.half_width - half / (2.0 * error.interval.mean)).abs() < 1e-3);
        let units = error.units.unwrap();
        let roots = [5.0f64, 4.0, 15.0].map(f64::sqrt);
        assert_eq!(units.count, 3);
        assert!((units.interval.mean - roots.iter().sum::<f64>() / 3.0).abs() < 1e-6);
        let over_tasks = RootMeanSquare::of(&errors, None).unwrap();
        assert!(over_tasks.interval.half_width < error.interval.half_width);
        assert_eq!(RootMeanSquare::of(&[1.0, f32::NAN], None), None);
        assert_eq!(
            RootMeanSquare::of(&[0.0, 0.0], None).unwrap().interval.mean,
            0.0
        );
    }
}
