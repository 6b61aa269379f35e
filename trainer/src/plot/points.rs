//! From raw values to what can be drawn: runs between gaps, smoothed, thinned, clipped.

use super::curves::CurvePoint;

/// What was left out of a figure.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Skipped {
    pub(super) diverged: usize,
    pub(super) not_positive: usize,
    pub(super) intervals: usize,
    pub(super) clipped: usize,
}

impl Skipped {
    /// The notes that tell the reader, empty when nothing was left out.
    pub(super) fn notes(&self) -> Vec<String> {
        let count = |n: usize, one: &str, many: &str| match n {
            0 => None,
            1 => Some(format!("1 {one} not shown.")),
            n => Some(format!("{n} {many} not shown.")),
        };
        [
            count(self.diverged, "diverged value", "diverged values"),
            count(
                self.not_positive,
                "value at or below zero cannot stand on a logarithmic axis and is",
                "values at or below zero cannot stand on a logarithmic axis and are",
            ),
            count(
                self.intervals,
                "interval that is not finite is",
                "intervals that are not finite are",
            ),
            match self.clipped {
                0 => None,
                1 => Some("1 predicted curve leaves the axes.".to_owned()),
                n => Some(format!("{n} predicted curves leave the axes.")),
            },
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Whether an axis can hold the value; ranges of larger ones would overflow.
pub(super) fn drawable(value: f64) -> bool {
    value.is_finite() && value.abs() < 1e100
}

/// Splits a curve at the values that cannot be drawn, and counts them.
pub(super) fn runs(
    points: &[CurvePoint],
    log: bool,
    skipped: &mut Skipped,
) -> Vec<Vec<CurvePoint>> {
    let mut runs = vec![Vec::new()];
    for mut point in points.iter().copied() {
        let gap = if !drawable(point.x) || !drawable(point.y) {
            skipped.diverged += 1;
            true
        } else if log && point.y <= 0.0 {
            skipped.not_positive += 1;
            true
        } else {
            false
        };
        if gap {
            runs.push(Vec::new());
            continue;
        }
        if point
            .half_width
            .is_some_and(|half| !drawable(half) || half < 0.0)
        {
            skipped.intervals += 1;
            point.half_width = None;
        }
        if let Some(run) = runs.last_mut() {
            run.push(point);
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// The centred mean over `window` values, gaps passed over; near an end over
/// those of them that there are.
pub(super) fn smooth(runs: &[Vec<CurvePoint>], window: usize) -> Vec<Vec<CurvePoint>> {
    let values: Vec<f64> = runs.iter().flatten().map(|point| point.y).collect();
    let reach = window / 2;
    let mean = |at: usize| {
        let part = &values[at.saturating_sub(reach)..(at + reach + 1).min(values.len())];
        part.iter().sum::<f64>() / part.len() as f64
    };
    let mut at = 0..;
    runs.iter()
        .map(|run| {
            run.iter()
                .zip(&mut at)
                .map(|(point, at)| CurvePoint {
                    y: mean(at),
                    ..*point
                })
                .collect()
        })
        .collect()
}

/// At most about `most` values that keep the extremes of what they replace.
pub(super) fn thin(run: &[CurvePoint], most: usize) -> Vec<CurvePoint> {
    if run.len() <= most.max(4) {
        return run.to_vec();
    }
    let chunk = run.len().div_ceil(most.max(4) / 2);
    let mut kept = Vec::new();
    for part in run.chunks(chunk) {
        let lowest = (0..part.len())
            .min_by(|&a, &b| part[a].y.total_cmp(&part[b].y))
            .unwrap_or(0);
        let highest = (0..part.len())
            .max_by(|&a, &b| part[a].y.total_cmp(&part[b].y))
            .unwrap_or(0);
        kept.push(part[lowest.min(highest)]);
        if lowest != highest {
            kept.push(part[lowest.max(highest)]);
        }
    }
    kept
}

/// The parts of a line that lie between two heights, cut where it crosses.
pub(super) fn clip(line: &[(f64, f64)], low: f64, high: f64) -> Vec<Vec<(f64, f64)>> {
    let mut parts: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    let mut put = |point: (f64, f64), starts: bool| {
        if starts {
            parts.push(Vec::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push(point);
        }
    };
    let inside = |y: f64| (low..=high).contains(&y);
    if let [only] = line
        && inside(only.1)
    {
        put(*only, true);
    }
    for pair in line.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let at = |y: f64| ((y - a.1) / (b.1 - a.1)).clamp(0.0, 1.0);
        // The stretch of the segment, from 0 to 1, that is inside.
        let (mut from, mut to) = (0.0, 1.0);
        if a.1 == b.1 {
            if !inside(a.1) {
                continue;
            }
        } else {
            if (a.1 < low && b.1 < low) || (a.1 > high && b.1 > high) {
                continue;
            }
            let (near, far) = if a.1 < b.1 { (low, high) } else { (high, low) };
            from = f64::max(from, at(near));
            to = f64::min(to, at(far));
        }
        // Exactly the ends where nothing is cut, so that neighbours join.
        let point = |t: f64| match t {
            t if t <= 0.0 => a,
            t if t >= 1.0 => b,
            t => (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)),
        };
        put(point(from), true);
        put(point(to), false);
    }
    // Segments that touch are one line, so that dashes run through.
    let mut joined: Vec<Vec<(f64, f64)>> = Vec::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        match joined.last_mut() {
            Some(line) if line.last() == part.first() => line.extend(&part[1..]),
            _ => joined.push(part),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[f64]) -> Vec<CurvePoint> {
        (0..)
            .zip(values)
            .map(|(x, &y)| CurvePoint {
                x: f64::from(x),
                y,
                half_width: None,
            })
            .collect()
    }

    fn heights(run: &[CurvePoint]) -> Vec<f64> {
        run.iter().map(|point| point.y).collect()
    }

    #[test]
    fn gaps_split_a_series_and_the_mean_passes_over_them() {
        let mut skipped = Skipped::default();
        let runs = runs(&points(&[3.0, 6.0, f64::NAN, 9.0]), false, &mut skipped);
        assert_eq!(skipped.diverged, 1);
        let smooth: Vec<_> = smooth(&runs, 3).iter().map(|run| heights(run)).collect();
        assert_eq!(smooth, [vec![4.5, 6.0], vec![7.5]]);
    }

    #[test]
    fn thinning_keeps_extremes() {
        let mut values = vec![1.0; 10_000];
        values[1234] = -7.0;
        values[4321] = 7.0;
        let kept = heights(&thin(&points(&values), 100));
        assert!(kept.len() <= 100 && kept.contains(&-7.0) && kept.contains(&7.0));
    }

    #[test]
    fn clipping_cuts_at_the_crossings() {
        let line = [(0.0, 0.0), (1.0, 2.0), (2.0, 0.0), (3.0, 0.5)];
        let expected = [
            vec![(0.0, 0.0), (0.5, 1.0)],
            vec![(1.5, 1.0), (2.0, 0.0), (3.0, 0.5)],
        ];
        assert_eq!(clip(&line, -1.0, 1.0), expected);
        assert_eq!(clip(&line, -3.0, 3.0), [line.to_vec()]);
        assert!(clip(&line, 5.0, 6.0).is_empty());
        assert!(clip(&[], 0.0, 1.0).is_empty());
    }
}
