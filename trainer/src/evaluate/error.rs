//! How far predictions are off, in the unit of the target.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Interval;

/// A root mean square error over all queries of all tasks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RootMeanSquare {
    /// `√(mean of the tasks' mean squared errors)`.
    pub mean: f64,
    /// Half the width of its 95 % interval over tasks: that of the mean squared
    /// error, divided by twice the root.
    pub half_width: f64,
    /// The same device by device, where tasks are of a finite set of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<OfDevices>,
}

/// Root mean square errors of devices.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfDevices {
    /// How many.
    pub count: usize,
    /// The mean over devices of the root of each one's mean squared error.
    pub mean: f64,
    /// Half the width of its 95 % interval over devices.
    pub half_width: f64,
}

impl RootMeanSquare {
    /// Of the tasks' mean squared errors, whose devices may be known; `None` if any
    /// is not finite.
    pub(super) fn of(errors: &[f32], devices: Option<&[usize]>) -> Option<Self> {
        let squares = Interval::of(errors);
        let mean = squares.mean.sqrt();
        mean.is_finite().then(|| Self {
            mean,
            half_width: squares.half_width / (2.0 * mean).max(f64::MIN_POSITIVE),
            devices: devices.map(|devices| of_devices(errors, devices)),
        })
    }

    /// The interval over tasks.
    pub fn interval(&self) -> Interval {
        Interval {
            mean: self.mean,
            half_width: self.half_width,
        }
    }
}

impl OfDevices {
    /// The interval over devices.
    pub fn interval(&self) -> Interval {
        Interval {
            mean: self.mean,
            half_width: self.half_width,
        }
    }
}

fn of_devices(errors: &[f32], devices: &[usize]) -> OfDevices {
    let mut all: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for (&device, &error) in devices.iter().zip(errors) {
        let (sum, count) = all.entry(device).or_default();
        *sum += f64::from(error);
        *count += 1.0;
    }
    let roots = all.values().map(|(sum, count)| (sum / count).sqrt() as f32);
    let roots: Vec<f32> = roots.collect();
    let Interval { mean, half_width } = Interval::of(&roots);
    OfDevices {
        count: roots.len(),
        mean,
        half_width,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let errors = [1.0, 9.0, 4.0, 4.0, 16.0, 14.0];
        let error = RootMeanSquare::of(&errors, Some(&[5, 5, 7, 7, 8, 8])).unwrap();
        assert!((error.mean - 8.0f64.sqrt()).abs() < 1e-9);
        // Deviations of the squares: -7, 1, -4, -4, 8, 6.
        let half = 1.96 * (182.0f64 / 5.0).sqrt() / 6.0f64.sqrt();
        assert!((error.half_width - half / (2.0 * error.mean)).abs() < 1e-9);
        let devices = error.devices.unwrap();
        let roots = [5.0f64, 4.0, 15.0].map(f64::sqrt);
        assert_eq!(devices.count, 3);
        assert!((devices.mean - roots.iter().sum::<f64>() / 3.0).abs() < 1e-6);
        assert_eq!(RootMeanSquare::of(&[1.0, f32::NAN], None), None);
        assert_eq!(RootMeanSquare::of(&[0.0, 0.0], None).unwrap().mean, 0.0);
    }
}
