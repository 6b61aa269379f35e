//! Axis ranges, ticks and their labels, linear and logarithmic.

use super::PlotError;
use super::canvas::{Align, Canvas, Rect, Spot};
use super::style::{self, AXIS_NAME, FINE_GRID, GRID, INK, Stroke, TICK};
use super::surface::Surface;

/// One axis: its range and ticks after the scale was applied.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    name: String,
    log: bool,
    low: f64,
    high: f64,
    ticks: Vec<(f64, String)>,
    fine: Vec<f64>,
}

impl Axis {
    /// A linear axis over exactly `low..=high`, with at most `most` ticks, at
    /// whole numbers if `whole`.
    pub(super) fn linear(name: &str, low: f64, high: f64, most: usize, whole: bool) -> Self {
        let (low, high) = widen(low, high);
        let step = nice_step((high - low) / most as f64);
        let step = if whole { step.max(1.0) } else { step };
        let first = (low / step).ceil() as i64;
        let last = (high / step).floor() as i64;
        let ticks = (first..=last)
            .take(2 * most)
            .map(|count| (count as f64 * step, label(count as f64 * step, step)))
            .collect();
        Self {
            name: name.into(),
            log: false,
            low,
            high,
            ticks,
            fine: Vec::new(),
        }
    }

    /// A linear axis for a quantity that counts from zero, a little wider than
    /// the data so that markers at the ends stay off the frame.
    pub(super) fn counting(name: &str, low: f64, high: f64, most: usize) -> Self {
        let low = if low < 0.2 * high { low.min(0.0) } else { low };
        let (low, high) = widen(low, high);
        let room = 0.02 * (high - low);
        Self::linear(name, low - room, high + room, most, true)
    }

    /// The axis of an error: from zero, or logarithmic.
    pub(super) fn error(name: &str, low: f64, high: f64, log: bool) -> Self {
        if log {
            return Self::logarithmic(name, low, high);
        }
        let room = 0.05 * (high - low.min(0.0));
        let low = if low >= 0.0 { 0.0 } else { low - room };
        Self::linear(name, low, high + room, 8, false)
    }

    fn logarithmic(name: &str, low: f64, high: f64) -> Self {
        let (low, high) = (low.log10(), high.log10());
        let room = (0.05 * (high - low)).max(0.02);
        let (low, high) = (low - room, high + room);
        let decades = low.floor() as i32..=high.ceil() as i32;
        let inside = |value: f64| (low..=high).contains(&value.log10());
        let at = |multiples: &'static [f64], every: i32| -> Vec<f64> {
            decades
                .clone()
                .filter(|decade| decade.rem_euclid(every) == 0)
                .flat_map(|decade| {
                    multiples
                        .iter()
                        .map(move |multiple| multiple * 10f64.powi(decade))
                })
                .filter(|&value| inside(value))
                .collect()
        };
        let every = ((high - low) / 8.0).ceil().max(1.0) as i32;
        let mut values = at(&[1.0], every);
        if high - low < 2.0 || values.len() < 3 {
            values = at(&[1.0, 2.0, 5.0], 1);
        }
        let mut ticks: Vec<(f64, String)> = values
            .iter()
            .map(|&value| (value.log10(), label(value, value)))
            .collect();
        if ticks.len() < 3 {
            // Less than half a decade: even steps read better.
            let even = Self::linear(name, 10f64.powf(low), 10f64.powf(high), 6, false).ticks;
            ticks = even
                .into_iter()
                .map(|(value, label)| (value.log10(), label))
                .collect();
        }
        let fine = if every == 1 {
            at(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], 1)
        } else {
            at(&[1.0], 1)
        };
        let fine = fine.into_iter().map(f64::log10).collect();
        Self {
            name: name.into(),
            log: true,
            low,
            high,
            ticks,
            fine,
        }
    }

    /// Where a value stands, from 0 at the low end to 1; values beyond an end
    /// stand on it.
    fn share(&self, value: f64) -> f64 {
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

    /// The least and greatest value on a linear axis.
    pub(super) fn range(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// The width of the widest tick label.
    pub(super) fn label_width(&self) -> f64 {
        self.ticks
            .iter()
            .map(|(_, label)| style::text_width(label, TICK))
            .fold(0.0, f64::max)
    }
}

/// A plotting area with its two axes.
#[derive(Debug, Clone)]
pub(super) struct Plot {
    pub(super) rect: Rect,
    pub(super) x: Axis,
    pub(super) y: Axis,
}

impl Plot {
    /// The room right of the left edge of a figure that axis `y` needs.
    pub(super) fn left_room(y: &Axis) -> f64 {
        AXIS_NAME + y.label_width() + 34.0
    }

    /// The room that the labels and the name of an x axis need.
    pub(super) const BELOW: f64 = TICK + AXIS_NAME + 24.0;

    /// The place of a value on the figure.
    pub(super) fn at(&self, x: f64, y: f64) -> Spot {
        let Rect {
            left,
            top,
            right,
            bottom,
        } = self.rect;
        (
            left + self.x.share(x) * (right - left),
            bottom - self.y.share(y) * (bottom - top),
        )
    }

    /// Draws grid, frame, tick labels and, where asked for, the axis names.
    pub(super) fn draw_axes<DB: Surface>(
        &self,
        canvas: &Canvas<DB>,
        x_name: bool,
        y_name: bool,
    ) -> Result<(), PlotError> {
        let Rect {
            left,
            top,
            right,
            bottom,
        } = self.rect;
        let column = |value: f64| left + self.x.share_scaled(value) * (right - left);
        let row = |value: f64| bottom - self.y.share_scaled(value) * (bottom - top);
        for &value in &self.y.fine {
            canvas.stroke(
                &[(left, row(value)), (right, row(value))],
                Stroke::solid(FINE_GRID, 1.5),
            )?;
        }
        for (value, label) in &self.y.ticks {
            let y = row(*value);
            canvas.stroke(&[(left, y), (right, y)], Stroke::solid(GRID, 1.5))?;
            canvas.stroke(&[(left - 7.0, y), (left, y)], Stroke::solid(INK, 2.0))?;
            canvas.text(label, TICK, INK, (left - 14.0, y), Align::Right)?;
        }
        for (value, label) in &self.x.ticks {
            let x = column(*value);
            canvas.stroke(&[(x, top), (x, bottom)], Stroke::solid(GRID, 1.5))?;
            canvas.stroke(&[(x, bottom), (x, bottom + 7.0)], Stroke::solid(INK, 2.0))?;
            canvas.text(
                label,
                TICK,
                INK,
                (x, bottom + 12.0 + TICK / 2.0),
                Align::Center,
            )?;
        }
        canvas.stroke(
            &[(left, top), (left, bottom), (right, bottom)],
            Stroke::solid(INK, 2.0),
        )?;
        if x_name {
            let y = bottom + Self::BELOW - AXIS_NAME / 2.0;
            canvas.text(
                &self.x.name,
                AXIS_NAME,
                INK,
                ((left + right) / 2.0, y),
                Align::Center,
            )?;
        }
        if y_name {
            let x = left - Self::left_room(&self.y) + AXIS_NAME / 2.0;
            canvas.text_upwards(&self.y.name, AXIS_NAME, INK, (x, (top + bottom) / 2.0))?;
        }
        Ok(())
    }
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
    if value != 0.0 && (value.abs() >= 1e7 || step < 0.9e-4) {
        return format!("{value:.1e}").replace(".0e", "e");
    }
    let decimals = (-(step * 1.000_001).log10().floor()).max(0.0) as usize;
    let plain = format!("{:.decimals$}", value.abs());
    let (whole, rest) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let sign = if value < 0.0 && plain.bytes().any(|digit| matches!(digit, b'1'..=b'9')) {
        "−"
    } else {
        ""
    };
    if whole.len() < 5 {
        return format!("{sign}{whole}{rest}");
    }
    let groups: Vec<&str> = {
        let first = whole.len() % 3;
        let (head, tail) = whole.split_at(first);
        // Three ASCII digits each: `whole` was printed by `format!`.
        let tail = (0..tail.len() / 3).map(|group| &tail[3 * group..3 * group + 3]);
        (!head.is_empty())
            .then_some(head)
            .into_iter()
            .chain(tail)
            .collect()
    };
    format!("{sign}{}{rest}", groups.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_decades_on_a_logarithmic_axis_are_labelled_throughout() {
        let axis = Axis::logarithmic("loss", 0.3, 40.0);
        let labels: Vec<_> = axis.ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, ["0.5", "1", "2", "5", "10", "20", "50"]);
    }
}
