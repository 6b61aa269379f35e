//! Means and their intervals.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::data::counted;

/// A mean with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Half the width of the interval; infinite where one value or one unit says nothing
    /// of the next, and `null` in JSON then.
    #[serde(serialize_with = "finite", deserialize_with = "or_infinite")]
    pub half_width: f64,
}

impl Interval {
    /// Of a sample, `mean ± 1.96 σ / √n`, where `σ` is the standard deviation (with
    /// `n − 1`); not finite if any value is not.
    pub fn of(values: &[f32]) -> Self {
        Self::of_sample(values.iter().map(|&value| f64::from(value)))
    }

    fn of_sample(values: impl Iterator<Item = f64> + Clone) -> Self {
        let n = values.clone().count();
        let (mean, deviation) = moments(values);
        let half_width = match n {
            0 | 1 => f64::INFINITY,
            n => 1.96 * deviation / (n as f64).sqrt(),
        };
        Self { mean, half_width }
    }

    /// Of the values of tasks: over their units, such as people or instruments, where it is
    /// known which unit each task is of, and over tasks elsewhere. Tasks of one unit are
    /// alike, so many tasks of few units do not make an interval narrow. Where all tasks are
    /// of one unit it is over tasks, and says nothing of other units.
    pub fn over(values: &[f32], units: Option<&[u32]>) -> Self {
        Self::over_units(values.iter().map(|&value| f64::from(value)), units)
    }

    /// [`over`](Self::over) of the differences `b − a` between values of the same tasks:
    /// what they share does not widen it. Panics unless there are as many of each.
    pub fn of_differences(a: &[f32], b: &[f32], units: Option<&[u32]>) -> Self {
        assert_eq!(a.len(), b.len());
        let differences = a.iter().zip(b).map(|(&a, &b)| f64::from(b) - f64::from(a));
        Self::over_units(differences, units)
    }

    fn over_units(values: impl Iterator<Item = f64> + Clone, units: Option<&[u32]>) -> Self {
        let Some(units) = units else {
            return Self::of_sample(values);
        };
        let mut clusters: BTreeMap<u32, (f64, usize)> = BTreeMap::new();
        for (value, &unit) in values.clone().zip(units) {
            let (sum, count) = clusters.entry(unit).or_default();
            *sum += value;
            *count += 1;
        }
        if clusters.len() < 2 {
            return Self::of_sample(values);
        }
        let clusters: Vec<(f64, usize)> = clusters.into_values().collect();
        Self::of_clusters(&clusters).unwrap_or(Self {
            mean: f64::NAN,
            half_width: f64::INFINITY,
        })
    }

    /// Of values in clusters, such as the queries of a task or the tasks of a unit, from
    /// the sum and the number of each cluster's values: `p = Σ sᵢ / Σ nᵢ` with the ratio
    /// estimator's interval, `t √(c/(c − 1) Σ (sᵢ − p nᵢ)²) / Σ nᵢ` of `c` clusters, where
    /// `t` is the 97.5 % point of Student's distribution with `c − 1` degrees of freedom
    /// (Cochran, Sampling Techniques, 1977, chapter 6): 1.96 of many clusters, 2.14 of
    /// fifteen, 4.3 of three. `None` without a value; infinitely wide with one cluster,
    /// which says nothing of the next.
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
        let half_width = match student(clusters.len()) {
            t if t.is_finite() => t * (count / (count - 1.0) * rests).sqrt() / values,
            nothing => nothing,
        };
        Some(Self { mean, half_width })
    }

    /// What the intervals of tasks of so many units are over, in words.
    pub(crate) fn over_what(units: Option<usize>) -> String {
        match units {
            None => "tasks".into(),
            Some(1) => "tasks of 1 unit".into(),
            Some(units) => counted(units, "unit"),
        }
    }

    /// How many units tasks are of.
    pub(crate) fn count_units(units: &[u32]) -> usize {
        units.iter().collect::<BTreeSet<_>>().len()
    }

    /// Of the root, from that of a mean of squares: `√p ± h / (2 √p)`.
    pub fn root(self) -> Self {
        let mean = self.mean.sqrt();
        Self {
            mean,
            half_width: self.half_width / (2.0 * mean).max(f64::MIN_POSITIVE),
        }
    }

    /// Times a factor.
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            mean: factor * self.mean,
            half_width: factor * self.half_width,
        }
    }

    /// Whether 0 lies outside; not if it is not finite.
    pub fn excludes_zero(&self) -> bool {
        self.mean.abs() > self.half_width
    }
}

/// How many standard errors half of a 95 % interval over so many clusters is.
fn student(clusters: usize) -> f64 {
    match clusters {
        0 | 1 => f64::INFINITY,
        count => StudentsT::new(0.0, 1.0, (count - 1) as f64)
            .map_or(f64::INFINITY, |t| t.inverse_cdf(0.975)),
    }
}

fn finite<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    value.is_finite().then_some(value).serialize(to)
}

fn or_infinite<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::INFINITY))
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
        assert_eq!(Interval::of(&[7.0]).half_width, f64::INFINITY);
    }

    /// With clusters of one value it is the interval of a sample by Student's
    /// distribution, whose points for 3 and 1 degrees of freedom are 3.182 and 12.706;
    /// clusters whose values agree count as one value each.
    #[test]
    fn clusters_by_hand() {
        let sample = [1.0, 2.0, 3.0, 4.0];
        let near = |a: f64, b: f64| (a - b).abs() < 1e-3 * b;
        let alone: Vec<(f64, usize)> = sample.iter().map(|&v| (f64::from(v), 1)).collect();
        let twice: Vec<(f64, usize)> = sample.iter().map(|&v| (2.0 * f64::from(v), 2)).collect();
        for clusters in [alone, twice] {
            let interval = Interval::of_clusters(&clusters).unwrap();
            assert_eq!(interval.mean, 2.5);
            let expected = Interval::of(&sample).half_width * 3.182 / 1.96;
            assert!(near(interval.half_width, expected), "{interval:?}");
        }
        let unequal = Interval::of_clusters(&[(1.0, 1), (0.0, 3)]).unwrap();
        // p = 1/4, rests 3/4 and -3/4: √(2 · 9/8) = 3/2 over 4 values.
        assert_eq!(unequal.mean, 0.25);
        assert!(near(unequal.half_width, 12.706 * 1.5 / 4.0));
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
        let paired = Interval::of_differences(&a, &b, None);
        // Differences 1, 3, 2: mean 2, deviation 1.
        assert_eq!(paired.mean, 2.0);
        assert!((paired.half_width - 1.96 / 3.0f64.sqrt()).abs() < 1e-12);
        assert!(paired.excludes_zero());
        assert_eq!(Interval::of_differences(&b, &a, None).mean, -2.0);
        let same = Interval::of_differences(&a, &a, None);
        assert_eq!((same.mean, same.half_width), (0.0, 0.0));
        assert!(!same.excludes_zero());
        let broken = Interval::of_differences(&a, &[1.0, f32::NAN, 1.0], None);
        assert!(broken.mean.is_nan() && !broken.excludes_zero());
    }

    /// A hundred tasks of three units that differ, and hardly within: the interval is that of
    /// three values, not of a hundred.
    #[test]
    fn tasks_of_few_units_do_not_make_an_interval_narrow() {
        let units: Vec<u32> = (0..99).map(|task| task % 3).collect();
        let values: Vec<f32> = units
            .iter()
            .map(|&unit| [1.0, 2.0, 6.0][unit as usize])
            .collect();
        let over = Interval::over(&values, Some(&units));
        let three = Interval::of(&[1.0, 2.0, 6.0]);
        assert!((over.mean - three.mean).abs() < 1e-9);
        assert!((over.half_width - three.half_width * 4.3027 / 1.96).abs() < 1e-3);
        assert!(Interval::of(&values).half_width < over.half_width / 10.0);
        assert_eq!(Interval::over(&values, None), Interval::of(&values));
        let shifted: Vec<f32> = values.iter().map(|value| value + 0.5).collect();
        let paired = Interval::of_differences(&values, &shifted, Some(&units));
        assert!((paired.mean - 0.5).abs() < 1e-6 && paired.half_width < 1e-5);
        let alone = Interval::over(&[1.0, 2.0], Some(&[4, 4]));
        assert_eq!(alone, Interval::of(&[1.0, 2.0]));
    }

    #[test]
    fn an_unknown_width_is_null() {
        let one = Interval::of(&[7.0]);
        let text = serde_json::to_string(&one).unwrap();
        assert_eq!(text, r#"{"mean":7.0,"half_width":null}"#);
        assert_eq!(serde_json::from_str::<Interval>(&text).unwrap(), one);
    }

    #[test]
    fn roots_by_hand() {
        let root = Interval {
            mean: 9.0,
            half_width: 0.6,
        }
        .root();
        assert!(root.mean == 3.0 && (root.half_width - 0.1).abs() < 1e-12);
    }
}
