//! What figures of lines share: the drawable runs of every series, their ranges, their
//! legend and their layers.

use super::PlotError;
use super::axis::{Axis, extent};
use super::chart::{Entry, Layer};
use super::drawing::{Marks, Spot};
use super::samples::{Sample, Skipped, runs, smooth, thin};
use super::theme::{self, Stroke};

/// How the value axis of a figure runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scale {
    /// From zero.
    #[default]
    Linear,
    /// By powers of ten; what is not above zero cannot be drawn.
    Logarithmic,
    /// A share in per cent, around the values and within 0 and 100.
    Percent,
}

impl Scale {
    fn axis(self, name: &str, range: (f64, f64)) -> Axis {
        match self {
            Self::Linear => Axis::error(name, range),
            Self::Logarithmic => Axis::log(name, range),
            Self::Percent => Axis::percent(name, range),
        }
    }
}

/// More points than this cannot be told apart across a figure.
const MOST_POINTS: usize = 800;
/// Series carry markers up to this many.
const MOST_MARKERS: usize = 60;
/// Of a marker, in pixels.
const RADIUS: f64 = 4.2;

/// A series as it can be drawn.
pub(super) struct Series<'a> {
    name: &'a str,
    /// Its values between gaps.
    pub(super) runs: Vec<Vec<Sample>>,
    pub(super) stroke: Stroke,
    pub(super) marks: Option<Marks>,
}

/// All series of a figure.
pub(super) struct AllSeries<'a> {
    pub(super) series: Vec<Series<'a>>,
    /// Least and greatest value along the axes, intervals included.
    pub(super) x: (f64, f64),
    y: (f64, f64),
    scale: Scale,
    pub(super) skipped: Skipped,
}

impl<'a> AllSeries<'a> {
    /// Of named series, each with the looks of its place in the legend; `what` is what
    /// the figure calls them.
    ///
    /// # Errors
    /// [`PlotError::Empty`] without a drawable value.
    pub(super) fn new<S: Iterator<Item = Sample>>(
        series: impl Iterator<Item = (&'a str, S)>,
        what: &str,
        scale: Scale,
    ) -> Result<Self, PlotError> {
        let log = scale == Scale::Logarithmic;
        let mut skipped = Skipped::default();
        let series: Vec<Series<'a>> = series
            .enumerate()
            .map(|(index, (name, samples))| {
                let stroke = theme::line(index);
                let runs = runs(samples, log, &mut skipped);
                let few = runs.iter().map(Vec::len).sum::<usize>() <= MOST_MARKERS;
                let marks = Marks::solid(theme::marker(index), RADIUS, stroke.paint);
                Series {
                    name,
                    runs,
                    stroke,
                    marks: few.then_some(marks),
                }
            })
            .collect();
        let all = || series.iter().flat_map(Series::samples);
        let (Some(x), Some(y)) = (
            extent(all().map(|sample| sample.x)),
            extent(all().flat_map(|sample| reach(sample, log))),
        ) else {
            return Err(PlotError::Empty(format!(
                "none of the {} {what} has a finite value{}",
                series.len(),
                if log { " above zero" } else { "" }
            )));
        };
        Ok(Self {
            series,
            x,
            y,
            scale,
            skipped,
        })
    }

    /// The axis of the values.
    pub(super) fn y_axis(&self, name: &str) -> Axis {
        self.scale.axis(name, self.y)
    }

    /// The legend; a single series needs none.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let entry = |series: &Series| Entry {
            name: match series.runs.is_empty() {
                true => format!("{} (no finite value)", series.name),
                false => series.name.to_owned(),
            },
            stroke: Some(series.stroke),
            marks: series.marks,
        };
        self.series.iter().map(entry).collect()
    }

    /// Whether any value has an interval.
    pub(super) fn has_intervals(&self) -> bool {
        self.series.iter().any(Series::has_intervals)
    }

    /// Bands below, then lines, then marks. Series without intervals are drawn faint,
    /// and strong as the mean over `window` values, if that is more than one.
    pub(super) fn layers(&self, window: usize) -> Vec<Layer> {
        let mut layers: Vec<Layer> = Vec::new();
        for series in &self.series {
            layers.extend(series.bands());
            if series.is_smoothed(window) {
                let raw = Stroke {
                    width: 1.0,
                    ..series.stroke
                };
                layers.extend(lines(&series.runs).map(|line| Layer::Faint(raw, line)));
            }
        }
        for series in &self.series {
            let smoothed = (series.is_smoothed(window)).then(|| smooth(&series.runs, window));
            let runs = smoothed.as_ref().unwrap_or(&series.runs);
            layers.extend(lines(runs).map(|line| Layer::Line(series.stroke, line)));
            if let Some(marks) = series.marks {
                let points = series.samples().map(|sample| (sample.x, sample.y));
                layers.push(Layer::Marks(marks, points.collect()));
            }
        }
        layers
    }
}

impl Series<'_> {
    fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.runs.iter().flatten()
    }

    pub(super) fn has_intervals(&self) -> bool {
        self.samples().any(|sample| sample.half_width.is_some())
    }

    /// Whether the strong line is a mean over values beside each other.
    pub(super) fn is_smoothed(&self, window: usize) -> bool {
        window > 1 && !self.runs.is_empty() && !self.has_intervals()
    }

    /// The intervals, wherever neighbours have one.
    fn bands(&self) -> impl Iterator<Item = Layer> {
        let parts = (self.runs.iter())
            .flat_map(|run| run.split(|sample| sample.half_width.is_none()))
            .filter(|part| part.len() > 1);
        parts.map(|part| {
            let edge = |sign: f64| -> Vec<Spot> {
                part.iter()
                    .map(|s| (s.x, s.y + sign * s.half_width.unwrap_or(0.0)))
                    .collect()
            };
            Layer::Band(self.stroke.paint, [edge(1.0), edge(-1.0)])
        })
    }
}

/// A line through every run.
fn lines(runs: &[Vec<Sample>]) -> impl Iterator<Item = Vec<Spot>> {
    runs.iter().map(|run| {
        let points = thin(run, MOST_POINTS);
        points.iter().map(|sample| (sample.x, sample.y)).collect()
    })
}

/// The heights that a value and its interval cover. An interval that reaches zero on a
/// logarithmic axis runs off its lower end.
fn reach(sample: &Sample, log: bool) -> impl Iterator<Item = f64> + use<> {
    let half = sample.half_width.unwrap_or(0.0);
    let low = sample.y - half;
    let low = if log && low <= 0.0 { sample.y } else { low };
    [low, sample.y + half].into_iter()
}
