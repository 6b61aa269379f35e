//! Axes: the range, and the ticks that there is room for, linear and logarithmic.

use super::text;

/// One axis: its name and its range.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) name: String,
    log: bool,
    /// Ticks stand at whole numbers only.
    whole: bool,
    /// As they are drawn: logarithms of a logarithmic axis.
    low: f64,
    high: f64,
    /// What is written at a value, if it is not the number.
    words: Option<fn(f64) -> String>,
}

/// The ticks of an axis of a certain length, by how far along it they stand, from 0 to 1.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Ticks {
    /// With a label.
    pub(super) labelled: Vec<(f64, String)>,
    /// Between them, without one.
    pub(super) fine: Vec<f64>,
}

/// The direction of an axis: labels beside each other need more room than labels one
/// above the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Across,
    Upwards,
}

/// Where the ticks of an axis go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) direction: Direction,
    /// Length of the axis in pixels.
    pub(super) length: f64,
    /// Size of the labels.
    pub(super) text: f64,
}

impl Room {
    /// Whether labels at these places keep their distance.
    fn holds(&self, ticks: &[(f64, String)]) -> bool {
        let half = |label: &str| match self.direction {
            Direction::Across => 0.5 * text::width(label, self.text) + 0.45 * self.text,
            Direction::Upwards => 0.9 * self.text,
        };
        ticks.windows(2).all(|pair| {
            let distance = (pair[1].0 - pair[0].0) * self.length;
            distance >= half(&pair[0].1) + half(&pair[1].1)
        })
    }

    /// The most ticks that are worth trying.
    fn most(&self) -> usize {
        (self.length / (2.2 * self.text)).clamp(4.0, 12.0) as usize
    }
}

impl Axis {
    /// Over exactly `low..=high`.
    pub(crate) fn linear(name: &str, (low, high): (f64, f64)) -> Self {
        let (low, high) = widen(low, high);
        Self {
            name: name.into(),
            log: false,
            whole: false,
            low,
            high,
            words: None,
        }
    }

    /// A little wider than `low..=high`, so that points at the ends stay off the frame.
    pub(crate) fn around(name: &str, (low, high): (f64, f64)) -> Self {
        let (low, high) = widen(low, high);
        let room = 0.05 * (high - low);
        Self::linear(name, (low - room, high + room))
    }

    /// For a quantity that counts, from zero unless that is far away.
    pub(crate) fn counting(name: &str, (low, high): (f64, f64)) -> Self {
        let low = if low < 0.2 * high { low.min(0.0) } else { low };
        let (low, high) = widen(low, high);
        let room = 0.02 * (high - low);
        Self {
            whole: true,
            ..Self::linear(name, (low - room, high + room))
        }
    }

    /// For an error, from zero.
    pub(crate) fn error(name: &str, (low, high): (f64, f64)) -> Self {
        let room = 0.05 * (high - low.min(0.0));
        let low = if low >= 0.0 { 0.0 } else { low - room };
        Self::linear(name, (low, high + room))
    }

    /// For a share in per cent, which ends at 0 and 100.
    pub(crate) fn percent(name: &str, (low, high): (f64, f64)) -> Self {
        let (low, high) = widen(low, high);
        let room = 0.08 * (high - low);
        Self::linear(name, ((low - room).max(0.0), (high + room).min(100.0)))
    }

    /// By powers of ten; `low` is above zero.
    pub(crate) fn log(name: &str, (low, high): (f64, f64)) -> Self {
        let (low, high) = (low.log10(), high.log10());
        let room = (0.05 * (high - low)).max(0.02);
        Self {
            log: true,
            ..Self::linear(name, (low - room, high + room))
        }
    }

    /// The same axis with other words at its ticks.
    pub(crate) fn worded(self, words: fn(f64) -> String) -> Self {
        Self {
            words: Some(words),
            ..self
        }
    }

    /// Where a value stands, from 0 at the low end to 1; values beyond an end stand on
    /// it.
    pub(crate) fn share(&self, value: f64) -> f64 {
        let value = match self.log {
            true if value <= 0.0 => self.low,
            true => value.log10(),
            false => value,
        };
        self.share_scaled(value.clamp(self.low, self.high))
    }

    fn share_scaled(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    /// The least and the greatest value.
    pub(crate) fn range(&self) -> (f64, f64) {
        match self.log {
            true => (10f64.powf(self.low), 10f64.powf(self.high)),
            false => (self.low, self.high),
        }
    }

    /// As many ticks as there is room for.
    pub(super) fn ticks(&self, room: Room) -> Ticks {
        match self.log {
            true => self.log_ticks(room),
            false => Ticks {
                labelled: self.even_ticks(room, self.range(), |value| value),
                fine: Vec::new(),
            },
        }
    }

    /// Ticks at equal steps of a round size, over `low..=high`, which `scaled` takes to
    /// the axis.
    fn even_ticks(
        &self,
        room: Room,
        (low, high): (f64, f64),
        scaled: fn(f64) -> f64,
    ) -> Vec<(f64, String)> {
        let mut kept = Vec::new();
        for most in (1..=room.most()).rev() {
            let step = nice_step((high - low) / most as f64);
            let step = if self.whole { step.max(1.0) } else { step };
            let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
            let ticks = (first..=last).take(2 * most + 1).map(|count| {
                let value = count as f64 * step;
                (self.share_scaled(scaled(value)), self.label(value, step))
            });
            let ticks: Vec<_> = ticks.collect();
            if !kept.is_empty() && ticks.len() < 2 {
                break;
            }
            kept = ticks;
            if room.holds(&kept) {
                break;
            }
        }
        kept
    }

    fn log_ticks(&self, room: Room) -> Ticks {
        // From dense to sparse: several in a decade, then some decades only.
        let dense: [&[f64]; 3] = [&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
        let sparse = (2..=64).map(|every| (&[1.0][..], every));
        let mut labelled = Vec::new();
        for (multiples, every) in dense
            .map(|multiples| (multiples, 1))
            .into_iter()
            .chain(sparse)
        {
            let values = self.decades(multiples, every);
            labelled = values
                .map(|value| (self.share_scaled(value.log10()), self.label(value, value)))
                .collect();
            if room.holds(&labelled) {
                break;
            }
        }
        if labelled.len() < 3 {
            // Less than half a decade: even steps read better.
            let even = self.even_ticks(room, self.range(), f64::log10);
            if even.len() > labelled.len() {
                labelled = even;
            }
        }
        let pixels_per_decade = room.length / (self.high - self.low);
        let multiples: &[f64] = match pixels_per_decade {
            40.0.. => &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
            _ => &[1.0],
        };
        let fine = match pixels_per_decade {
            4.0.. => self.decades(multiples, 1).collect(),
            _ => Vec::new(),
        };
        Ticks {
            labelled,
            fine: (fine.iter())
                .map(|value| self.share_scaled(value.log10()))
                .collect(),
        }
    }

    /// Multiples of every `every`th power of ten that lie on the axis.
    fn decades<'a>(&'a self, multiples: &'a [f64], every: i32) -> impl Iterator<Item = f64> + 'a {
        let decades = self.low.floor() as i32..=self.high.ceil() as i32;
        decades
            .filter(move |decade| decade.rem_euclid(every) == 0)
            .flat_map(move |decade| multiples.iter().map(move |m| m * 10f64.powi(decade)))
            .filter(|value| (self.low..=self.high).contains(&value.log10()))
    }

    fn label(&self, value: f64, step: f64) -> String {
        self.words
            .map_or_else(|| label(value, step), |words| words(value))
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

/// A range that is wide enough to divide by.
fn widen(low: f64, high: f64) -> (f64, f64) {
    if high - low > 1e-9 * low.abs().max(high.abs()) {
        return (low, high);
    }
    let room = (0.1 * low.abs()).max(0.5);
    (low - room, high + room)
}

/// The least of 1, 2, 5 times a power of ten that is not below `at_least`.
fn nice_step(at_least: f64) -> f64 {
    let power = 10f64.powf(at_least.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|multiple| multiple * power)
        .find(|&step| step >= at_least * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

/// A tick label, with as many decimals as the step between ticks needs.
fn label(value: f64, step: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if value.abs() >= 1e7 || step < 0.9e-4 {
        return format!("{value:.1e}").replace(".0e", "e").replace('-', "−");
    }
    let decimals = (-(step * 1.000_001).log10().floor()).max(0.0) as usize;
    let plain = format!("{:.decimals$}", value.abs());
    let (whole, rest) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let sign = if value < 0.0 { "−" } else { "" };
    if whole.len() < 5 {
        return format!("{sign}{whole}{rest}");
    }
    // Groups of three digits, from the right.
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(direction: Direction, length: f64) -> Room {
        Room {
            direction,
            length,
            text: 15.0,
        }
    }

    fn labels(axis: &Axis, direction: Direction, length: f64) -> Vec<String> {
        let ticks = axis.ticks(room(direction, length)).labelled;
        ticks.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_numbers_that_have_room() {
        let upwards = |axis: &Axis| labels(axis, Direction::Upwards, 370.0);
        assert_eq!(
            upwards(&Axis::log("loss", (0.3, 40.0))),
            ["0.5", "1", "2", "5", "10", "20", "50"]
        );
        assert_eq!(
            upwards(&Axis::log("loss", (0.02, 0.05))),
            [
                "0.020", "0.025", "0.030", "0.035", "0.040", "0.045", "0.050"
            ]
        );
        assert_eq!(
            upwards(&Axis::error("error", (0.1, 3.3))).last().unwrap(),
            "3.0"
        );
        let across = |axis: &Axis, length| labels(axis, Direction::Across, length);
        let counting = Axis::counting("iteration", (100.0, 40_000.0));
        assert_eq!(across(&counting, 250.0), ["0", "20 000", "40 000"]);
        assert_eq!(
            across(&counting, 500.0),
            ["0", "10 000", "20 000", "30 000", "40 000"]
        );
        assert_eq!(
            across(&Axis::counting("steps", (0.0, 3.0)), 600.0),
            ["0", "1", "2", "3"]
        );
        assert_eq!(
            across(&Axis::linear("x", (-5.0, 5.0)), 200.0),
            ["−4", "−2", "0", "2", "4"]
        );
        let percent = Axis::percent("accuracy", (93.0, 100.0));
        assert_eq!(
            upwards(&percent),
            ["93", "94", "95", "96", "97", "98", "99", "100"]
        );
    }

    /// Ticks are in order, inside and apart, whatever the values and the room.
    #[test]
    fn every_axis_has_ticks_that_can_be_read() {
        let ranges = [
            (0.0, 0.0),
            (5.0, 5.0),
            (-3.0, 7.5),
            (0.02, 4.9),
            (1e-9, 1e9),
            (1e-80, 1e80),
            (99.9, 100.0),
            (0.0, 1e6),
            (123_456.0, 123_458.0),
            (-1e99, 1e99),
        ];
        for (low, high) in ranges {
            let mut axes = vec![
                Axis::linear("x", (low, high)),
                Axis::around("x", (low, high)),
                Axis::error("x", (low, high)),
            ];
            if low > 0.0 {
                axes.push(Axis::log("x", (low, high)));
            }
            if (0.0..1e9).contains(&low) {
                axes.push(Axis::counting("x", (low, high)));
            }
            for axis in axes {
                for direction in [Direction::Across, Direction::Upwards] {
                    for length in [60.0, 150.0, 400.0, 740.0] {
                        let room = room(direction, length);
                        let Ticks { labelled, fine } = axis.ticks(room);
                        let said = || format!("{axis:?} {length}: {labelled:?}");
                        assert!((1..=25).contains(&labelled.len()), "{}", said());
                        assert!(
                            length < 200.0 || axis.whole || labelled.len() >= 2,
                            "{}",
                            said()
                        );
                        assert!(length < 200.0 || room.holds(&labelled), "{}", said());
                        let all = labelled.iter().map(|tick| &tick.0).chain(&fine);
                        assert!(
                            all.clone()
                                .all(|share| (-1e-9..=1.0 + 1e-9).contains(share)),
                            "{}",
                            said()
                        );
                    }
                }
                for value in [low, high] {
                    assert!(
                        (0.0..=1.0).contains(&axis.share(value)),
                        "{value} on {axis:?}"
                    );
                }
            }
        }
    }
}
