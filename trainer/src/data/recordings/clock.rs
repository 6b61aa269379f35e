//! A column of times: in which unit, whether it is regular, and samples at a rate by it.

use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// What a number in the column of a clock counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClockUnit {
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Microseconds.
    #[serde(rename = "us")]
    Microseconds,
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nanoseconds,
}

impl ClockUnit {
    const ALL: [Self; 4] = [
        Self::Seconds,
        Self::Milliseconds,
        Self::Microseconds,
        Self::Nanoseconds,
    ];

    /// As in a layout.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
            Self::Nanoseconds => "ns",
        }
    }

    /// In a second.
    pub(super) fn per_second(self) -> f64 {
        match self {
            Self::Seconds => 1.0,
            Self::Milliseconds => 1e3,
            Self::Microseconds => 1e6,
            Self::Nanoseconds => 1e9,
        }
    }

    /// That of a column's name, such as `t_ms`, `Time (us)` or `seconds`.
    pub(super) fn named(column: &str) -> Option<Self> {
        words(column).find_map(|word| match &*word {
            "s" | "sec" | "secs" | "second" | "seconds" => Some(Self::Seconds),
            "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => Some(Self::Milliseconds),
            "us" | "µs" | "usec" | "micros" | "microsecond" | "microseconds" => {
                Some(Self::Microseconds)
            }
            "ns" | "nsec" | "nanos" | "nanosecond" | "nanoseconds" => Some(Self::Nanoseconds),
            _ => None,
        })
    }

    /// The unit in which a step of so much is most like one of a sensor: from 1 to 1000
    /// rows a second if there is such a unit.
    pub(super) fn likely(step: f64) -> Self {
        let rate = |unit: &Self| unit.per_second() / step;
        let like = ClockUnit::ALL.into_iter().find(|unit| rate(unit) >= 1.0);
        like.unwrap_or(Self::Seconds)
    }
}

/// The words of a column's name, small.
fn words(column: &str) -> impl Iterator<Item = String> {
    let words = column.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// Whether a column may be a clock by its name.
pub(super) fn is_named(column: &str) -> bool {
    const CLOCKS: [&str; 8] = [
        "t",
        "ts",
        "time",
        "timestamp",
        "datetime",
        "date",
        "clock",
        "elapsed",
    ];
    let clock = words(column).any(|word| CLOCKS.contains(&&*word));
    // A speed in m/s is no time: a unit names a clock where nothing stands before it.
    let unit = words(column).next().filter(|_| words(column).count() == 1);
    clock || unit.is_some_and(|_| ClockUnit::named(column).is_some())
}

/// Whether a column may count rows by its name.
pub(super) fn counts_rows(column: &str) -> bool {
    const COUNTERS: [&str; 9] = [
        "", "index", "idx", "i", "n", "row", "sample", "frame", "counter",
    ];
    COUNTERS.contains(&&*column.to_lowercase())
}

/// A time in seconds: a number of the unit, or a date and time.
pub(super) fn seconds(text: &str, unit: Option<ClockUnit>) -> Option<f64> {
    if let Ok(number) = text.parse::<f64>() {
        let number = number.is_finite().then_some(number)?;
        return Some(number / unit?.per_second());
    }
    let text = text.replacen('T', " ", 1);
    let time = humantime::parse_rfc3339_weak(text.trim_end_matches('Z')).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs_f64())
}

/// Steps between times that are in order: the middle one.
pub(super) fn median_step(times: &[f64]) -> Option<f64> {
    let mut steps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps.retain(|&step| step > 0.0);
    steps.sort_by(f64::total_cmp);
    steps.get(steps.len() / 2).copied()
}

/// A step is a gap where it is more than so many usual ones.
pub(super) const GAP: f64 = 5.0;

/// Rows a second by times that are in order, gaps left out: their number, and the
/// seconds that they take.
pub(super) fn rate(times: &[f64]) -> Option<[f64; 2]> {
    let usual = median_step(times)?;
    let steps = times.windows(2).map(|pair| pair[1] - pair[0]);
    let steps = steps.filter(|&step| step > 0.0 && step <= GAP * usual);
    Some(steps.fold([0.0, 0.0], |[count, sum], step| [count + 1.0, sum + step]))
}

/// Whether rows of the rate `measured` may be taken for rows of the rate `stated`: within a
/// twentieth, or a fifth where they are resampled.
pub(super) fn agree(stated: f64, measured: f64, resampled: bool) -> bool {
    let most = if resampled { 1.25 } else { 1.05 };
    (1.0 / most..=most).contains(&(stated / measured))
}

/// A rate to three digits.
pub(super) fn rounded(rate: f64) -> f64 {
    let digits = 2 - rate.log10().floor() as i32;
    let factor = 10f64.powi(digits.clamp(-9, 9));
    (rate * factor).round() / factor
}

/// Rows between gaps at a steady rate.
pub(super) struct Piece {
    /// The row that it begins with.
    pub first: usize,
    /// `[rows, channels]`.
    pub samples: Vec<f32>,
    /// Whether rows are not those that were read.
    pub resampled: bool,
}

/// Cuts `[rows, channels]` where the clock has gaps, and brings every piece whose
/// steps differ to `rate` by straight lines between rows. Times are in order.
pub(super) fn pieces(times: &[f64], samples: &[f32], channels: usize, rate: f64) -> Vec<Piece> {
    let period = 1.0 / rate;
    let after_gap = |&row: &usize| times[row] - times[row - 1] > GAP * period;
    let mut bounds = vec![0];
    bounds.extend((1..times.len()).filter(after_gap));
    bounds.push(times.len());
    let piece = |bound: &[usize]| {
        let (first, end) = (bound[0], bound[1]);
        let (times, samples) = (
            &times[first..end],
            &samples[first * channels..end * channels],
        );
        let regular = is_regular(times, period);
        Piece {
            first,
            samples: match regular {
                true => samples.to_vec(),
                false => resampled(times, samples, channels, rate),
            },
            resampled: !regular,
        }
    };
    bounds.windows(2).map(piece).collect()
}

/// Whether every step is the period, give or take a quarter, and all of them together
/// are so within a hundredth.
fn is_regular(times: &[f64], period: f64) -> bool {
    let [Some(first), Some(last)] = [times.first(), times.last()] else {
        return true;
    };
    let mut steps = times.windows(2).map(|pair| pair[1] - pair[0]);
    let expected = (times.len() - 1) as f64 * period;
    steps.all(|step| (step - period).abs() <= 0.25 * period)
        && (last - first - expected).abs() <= (0.01 * expected).max(0.5 * period)
}

fn resampled(times: &[f64], samples: &[f32], channels: usize, rate: f64) -> Vec<f32> {
    let first = times[0];
    let rows = ((times[times.len() - 1] - first) * rate + 1e-6).floor() as usize + 1;
    let mut result = Vec::with_capacity(rows * channels);
    let mut before = 0;
    for row in 0..rows {
        let time = first + row as f64 / rate;
        while before + 2 < times.len() && times[before + 1] <= time {
            before += 1;
        }
        let after = (before + 1).min(times.len() - 1);
        let step = (times[after] - times[before]).max(f64::MIN_POSITIVE);
        let share = (((time - times[before]) / step).clamp(0.0, 1.0)) as f32;
        let value = |row: usize, channel: usize| samples[row * channels + channel];
        result.extend((0..channels).map(|channel| {
            let [from, to] = [before, after].map(|row| value(row, channel));
            from + share * (to - from)
        }));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_clocks_say_the_unit() {
        for (name, clock, unit) in [
            ("t", true, None),
            ("Timestamp", true, None),
            ("t_ms", true, Some(ClockUnit::Milliseconds)),
            ("Time (us)", true, Some(ClockUnit::Microseconds)),
            ("ms", true, Some(ClockUnit::Milliseconds)),
            ("seconds", true, Some(ClockUnit::Seconds)),
            ("v_ms", false, Some(ClockUnit::Milliseconds)),
            ("temperature", false, None),
            ("ax", false, None),
        ] {
            assert_eq!(is_named(name), clock, "{name}");
            assert_eq!(ClockUnit::named(name), unit, "{name}");
        }
        for (step, unit) in [
            (0.02, "s"),
            (20.0, "ms"),
            (20_000.0, "us"),
            (2e7, "ns"),
            (1.0, "s"),
        ] {
            assert_eq!(ClockUnit::likely(step).name(), unit, "{step}");
        }
    }

    #[test]
    fn dates_are_times() {
        let day = seconds("2024-02-29T10:00:00.5Z", None).unwrap();
        assert_eq!(day, seconds("2024-02-29 10:00:00", None).unwrap() + 0.5);
        assert_eq!(seconds("1500", Some(ClockUnit::Milliseconds)), Some(1.5));
        assert_eq!(seconds("1500", None), None);
        assert_eq!(seconds("nan", Some(ClockUnit::Seconds)), None);
        assert_eq!(seconds("soon", None), None);
    }

    #[test]
    fn a_regular_clock_leaves_rows_as_they_are() {
        let times = [0.0, 0.016, 0.031, 0.048, 0.064];
        let samples = [1.0, 5.0, 2.0, 4.0, 3.0];
        let all = pieces(&times, &samples, 1, 62.5);
        assert_eq!(all.len(), 1);
        assert_eq!(
            (&all[0].samples[..], all[0].resampled),
            (&samples[..], false)
        );
        let [count, taken] = rate(&times).unwrap();
        assert_eq!(rounded(count / taken), 62.5);
    }

    #[test]
    fn an_irregular_clock_is_followed_and_a_gap_divides() {
        // A ramp, 2 units a tenth of a second, with a row lost and one early.
        let times = [0.0, 0.1, 0.3, 0.36, 0.5, 9.0, 9.1];
        let samples = [0.0, 2.0, 6.0, 7.2, 10.0, 1.0, 1.0];
        let all = pieces(&times, &samples, 1, 10.0);
        assert_eq!(all.len(), 2);
        let expected = [0.0, 2.0, 4.0, 6.0, 8.0, 10.0];
        assert_eq!(all[0].samples.len(), expected.len());
        for (value, expected) in all[0].samples.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-4, "{:?}", all[0].samples);
        }
        assert!(all[0].resampled && !all[1].resampled);
        assert_eq!((all[1].first, &all[1].samples[..]), (5, &[1.0, 1.0][..]));
    }
}
