//! Axes: from values to places, and where the ticks are.

/// One axis of a picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    pub name: String,
    low: f64,
    high: f64,
    log: bool,
    /// Values and what is written there.
    pub ticks: Vec<(f64, String)>,
}

/// Ticks that an axis may have, about.
const TICKS: f64 = 5.0;

impl Axis {
    /// From the least to the greatest of `values`, to round numbers.
    pub(crate) fn linear(name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extent(values).unwrap_or((0.0, 1.0));
        let (low, high) = match high - low {
            0.0 if low == 0.0 => (0.0, 1.0),
            0.0 => (low - 0.5 * low.abs(), low + 0.5 * low.abs()),
            _ => (low, high),
        };
        let step = round_step((high - low) / TICKS);
        let (first, last) = ((low / step).floor(), (high / step).ceil());
        let ticks = (0..=(last - first) as usize).map(|at| {
            let value = (first + at as f64) * step;
            (value, written(value, step))
        });
        Self {
            name: name.into(),
            low: first * step,
            high: last * step,
            log: false,
            ticks: ticks.collect(),
        }
    }

    /// The same for a share in per cent, which ends at 0 and 100.
    pub(crate) fn percent(name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let mut axis = Self::linear(name, values);
        axis.low = axis.low.max(0.0);
        axis.high = axis.high.min(100.0);
        axis.ticks.retain(|(at, _)| (0.0..=100.0).contains(at));
        axis
    }

    /// By powers of ten; what is not positive does not count.
    pub(crate) fn log(name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let positive = values.into_iter().filter(|value| *value > 0.0);
        let (low, high) = extent(positive).unwrap_or((1.0, 10.0));
        let decades = (high / low).log10();
        // One decade gets more ticks, many decades fewer.
        let parts: &[f64] = match decades {
            ..=1.0 => &[1.0, 2.0, 3.0, 5.0, 7.0],
            ..=3.0 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let powers = low.log10().floor() as i32 - 1..=high.log10().ceil() as i32 + 1;
        let all: Vec<f64> = powers
            .flat_map(|power| parts.iter().map(move |part| part * 10f64.powi(power)))
            .collect();
        let mut first = all.iter().rposition(|tick| *tick <= low).unwrap_or(0);
        let mut last = all.len() - 1;
        last = all.iter().position(|tick| *tick >= high).unwrap_or(last);
        if first == last {
            (first, last) = (first.saturating_sub(1), last + 1);
        }
        let every = (decades / TICKS).ceil().max(1.0) as usize;
        let shown = all[first..=last]
            .iter()
            .step_by(if parts.len() > 1 { 1 } else { every });
        Self {
            name: name.into(),
            low: all[first],
            high: all[last],
            log: true,
            ticks: shown.map(|&tick| (tick, written(tick, tick))).collect(),
        }
    }

    /// The same axis with other words at its ticks.
    pub(crate) fn worded(mut self, words: impl Fn(f64) -> String) -> Self {
        for (at, text) in &mut self.ticks {
            *text = words(*at);
        }
        self
    }

    /// How far along the axis a value is, 0 to 1; `None` where it has no place.
    pub(crate) fn part(&self, value: f64) -> Option<f64> {
        let part = match self.log {
            true if value > 0.0 => (value / self.low).ln() / (self.high / self.low).ln(),
            true => return None,
            false => (value - self.low) / (self.high - self.low),
        };
        part.is_finite().then_some(part)
    }

    /// The least and the greatest value.
    pub(crate) fn range(&self) -> (f64, f64) {
        (self.low, self.high)
    }
}

/// The least and the greatest of the finite values.
pub(crate) fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.into_iter().filter(|value| value.is_finite());
    finite.fold(None, |all, value| {
        let (low, high) = all.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

/// 1, 2 or 5 times a power of ten, no less than `step`.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let round = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|round| round * power >= step * 0.999);
    round.unwrap_or(10.0) * power
}

/// With as many digits as a step of that size needs.
fn written(value: f64, step: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e6).contains(&size) {
        return format!("{value:.0e}");
    }
    let digits = (-step.abs().log10() - 1e-9).ceil().clamp(0.0, 6.0) as usize;
    // No minus before a zero.
    let text = format!("{value:.digits$}");
    match text
        .trim_start_matches('-')
        .chars()
        .all(|c| c == '0' || c == '.')
    {
        true => "0".into(),
        false => text,
    }
}
