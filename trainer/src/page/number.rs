//! How numbers are written on a page.

use crate::evaluate::{Interval, Measure};

/// What stands where there is no number.
pub(crate) const NONE: &str = "–";

/// Three significant digits, without an exponent where that is readable.
pub(crate) fn plain(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        "not finite".into()
    } else if value == 0.0 {
        "0".into()
    } else if !(1e-4..1e6).contains(&size) {
        format!("{value:.1e}")
    } else {
        let digits = (2 - size.log10().floor() as i32).clamp(0, 6);
        format!("{value:.*}", digits as usize)
    }
}

/// A mean and half of its interval, the mean as exact as the interval deserves.
pub(crate) fn interval(Interval { mean, half_width }: Interval) -> String {
    if !mean.is_finite() {
        return "not finite".into();
    }
    if !half_width.is_finite() {
        return plain(mean);
    }
    if half_width == 0.0 || !(1e-4..1e6).contains(&mean.abs().max(half_width)) {
        return format!("{} ± {}", plain(mean), plain(half_width));
    }
    // Two digits of the interval, no fewer than three of the mean.
    let of = |size: f64, kept: i32| kept - 1 - size.log10().floor() as i32;
    let digits = of(half_width, 2)
        .min(of(mean.abs().max(half_width), 4))
        .clamp(0, 6);
    format!(
        "{mean:.*} ± {half_width:.*}",
        digits as usize, digits as usize
    )
}

/// A share of queries from 0 to 1, in per cent.
pub(crate) fn percent(Interval { mean, half_width }: Interval) -> String {
    if !mean.is_finite() {
        return "not finite".into();
    }
    let mean = 100.0 * mean;
    match half_width.is_finite() {
        true => format!("{mean:.1} ± {:.1} %", 100.0 * half_width),
        false => format!("{mean:.1} %"),
    }
}

/// As a report's measure is written: its accuracies are in per cent already.
pub(crate) fn measured(value: Option<Interval>, measure: Measure) -> String {
    let Some(value) = value else {
        return "not finite".into();
    };
    match measure {
        Measure::Loss | Measure::Error | Measure::Return => interval(value),
        Measure::Accuracy => percent(Interval {
            mean: value.mean / 100.0,
            half_width: value.half_width / 100.0,
        }),
    }
}

/// Digits in groups of three.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            // A thin space that does not break.
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// So many, in thousands or millions.
pub(crate) fn rough(value: u64) -> String {
    match value {
        0..1000 => value.to_string(),
        1000..1_000_000 => format!("{} k", plain(value as f64 / 1e3)),
        1_000_000..1_000_000_000 => format!("{} M", plain(value as f64 / 1e6)),
        _ => format!("{} G", plain(value as f64 / 1e9)),
    }
}

/// Bytes as KiB.
pub(crate) fn kib(bytes: usize) -> String {
    let kib = bytes as f64 / 1024.0;
    match kib {
        ..100.0 => format!("{kib:.1} KiB"),
        _ => format!("{kib:.0} KiB"),
    }
}

/// A time, from microseconds to hours.
pub(crate) fn seconds(value: f64) -> String {
    match value {
        ..1e-3 => format!("{} µs", plain(value * 1e6)),
        ..1.0 => format!("{} ms", plain(value * 1e3)),
        ..120.0 => format!("{} s", plain(value)),
        ..7200.0 => format!("{:.0} min", value / 60.0),
        _ => format!("{:.1} h", value / 3600.0),
    }
}

/// `1 step`, `5 steps`; the plural of a word with an `s`.
pub(crate) fn counted(count: usize, word: &str) -> String {
    match count {
        1 => format!("1 {word}"),
        count => format!("{} {word}s", self::count(count as u64)),
    }
}
