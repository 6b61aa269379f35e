//! Curves: values over the iterations of meta-training, or against gradient steps.

use super::axis::{Axis, extent};
use super::chart::{Chart, Entry, Layer, Panel};
use super::drawing::{Marks, Spot};
use super::points::{Skipped, runs, smooth, thin};
use super::theme::{self, SOLID, Stroke};
use super::{Draw, Figure, PlotError};

/// One value of a [`Curve`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// The iteration it was measured at, or the gradient steps that were taken.
    pub x: f64,
    /// The value.
    pub y: f64,
    /// Half the width of its 95 % interval, if known.
    pub half_width: Option<f64>,
}

/// One series of a [`CurveFigure`].
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Its name in the legend.
    pub name: String,
    /// Its values, in order of `x`.
    pub points: Vec<CurvePoint>,
}

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

/// Curves with a shaded 95 % band where there are intervals, as in figure 3 of the MAML
/// paper. Many values without intervals are noise: each is drawn faint, and a centred
/// mean of them strong.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveFigure {
    /// What is shown.
    pub title: String,
    /// Under which conditions; may be empty.
    pub subtitle: String,
    /// What is counted from left to right.
    pub x_name: String,
    /// The name of the value axis, with its unit.
    pub y_name: String,
    /// How the value axis runs.
    pub scale: Scale,
    /// How many values the strong line averages, an even number counting as
    /// the next odd one; 1 for none. `None` chooses a fortieth of the longest
    /// curve, which is no averaging below 80 values.
    pub smooth: Option<usize>,
    /// The series, in the order of the legend.
    pub curves: Vec<Curve>,
}

/// More points than this cannot be told apart across a figure.
const MOST_POINTS: usize = 800;
/// Curves carry markers up to this many.
const MOST_MARKERS: usize = 60;
/// Of a marker, in pixels.
const RADIUS: f64 = 4.2;

/// A curve as it can be drawn.
struct Series<'a> {
    name: &'a str,
    /// Its values between gaps.
    runs: Vec<Vec<CurvePoint>>,
    stroke: Stroke,
    marks: Option<Marks>,
    /// Values that the strong line averages.
    window: usize,
}

impl CurveFigure {
    fn series(&self, skipped: &mut Skipped) -> Vec<Series<'_>> {
        let lengths = self.curves.iter().map(|curve| curve.points.len());
        let longest = lengths.max().unwrap_or(0);
        // Odd, so that the mean is centred.
        let window = self.smooth.unwrap_or(longest / 40).max(1) | 1;
        let series = self.curves.iter().enumerate().map(|(index, curve)| {
            let runs = runs(&curve.points, self.scale == Scale::Logarithmic, skipped);
            let mut stroke = theme::line(index);
            let few = runs.iter().map(Vec::len).sum::<usize>() <= MOST_MARKERS;
            let marks = Marks::solid(theme::marker(index), RADIUS, stroke.paint);
            let measured = runs
                .iter()
                .flatten()
                .any(|point| point.half_width.is_some());
            if !few && !measured {
                // Patterns would break up in noise; the colour tells curves apart.
                stroke.dash = SOLID;
            }
            Series {
                name: &curve.name,
                runs,
                stroke,
                marks: few.then_some(marks),
                window: if measured { 1 } else { window },
            }
        });
        series.collect()
    }
}

impl Figure for CurveFigure {}

impl Draw for CurveFigure {
    fn chart(&self) -> Result<Chart, PlotError> {
        let log = self.scale == Scale::Logarithmic;
        let mut skipped = Skipped::default();
        let series = self.series(&mut skipped);
        let points = || series.iter().flat_map(Series::points);
        let (Some(x), Some(y)) = (
            extent(points().map(|point| point.x)),
            extent(points().flat_map(|point| reach(point, log))),
        ) else {
            return Err(PlotError::Empty(format!(
                "none of the {} curves has a finite value{}",
                series.len(),
                if log { " above zero" } else { "" }
            )));
        };
        let mut notes = Vec::new();
        if let Some(smoothed) = series.iter().find(|series| series.is_smoothed()) {
            let window = smoothed.window;
            notes.push(format!(
                "Faint: every value. Strong: mean over {window} values."
            ));
        }
        if points().any(|point| point.half_width.is_some()) {
            notes.push("Shaded: 95 % interval.".to_owned());
        }
        notes.extend(skipped.notes());
        let below = series.iter().flat_map(Series::below);
        let above = series.iter().flat_map(Series::above);
        Ok(Chart {
            title: self.title.clone(),
            subtitle: self.subtitle.clone(),
            notes,
            entries: series.iter().map(Series::entry).collect(),
            ..Chart::single(Panel {
                title: String::new(),
                x: Axis::counting(&self.x_name, x),
                y: match self.scale {
                    Scale::Linear => Axis::error(&self.y_name, y),
                    Scale::Logarithmic => Axis::log(&self.y_name, y),
                    Scale::Percent => Axis::percent(&self.y_name, y),
                },
                layers: below.chain(above).collect(),
            })
        })
    }
}

impl Series<'_> {
    fn points(&self) -> impl Iterator<Item = &CurvePoint> {
        self.runs.iter().flatten()
    }

    fn is_smoothed(&self) -> bool {
        self.window > 1 && !self.runs.is_empty()
    }

    fn entry(&self) -> Entry {
        Entry {
            name: match self.runs.is_empty() {
                true => format!("{} (no finite value)", self.name),
                false => self.name.to_owned(),
            },
            stroke: Some(self.stroke),
            marks: self.marks,
        }
    }

    /// What lies below the lines of all curves: the intervals, wherever neighbours have
    /// one, and the values that are averaged.
    fn below(&self) -> Vec<Layer> {
        let parts = (self.runs.iter())
            .flat_map(|run| run.split(|point| point.half_width.is_none()))
            .filter(|part| part.len() > 1);
        let bands = parts.map(|part| {
            let edge = |sign: f64| -> Vec<Spot> {
                part.iter()
                    .map(|point| (point.x, point.y + sign * point.half_width.unwrap_or(0.0)))
                    .collect()
            };
            Layer::Band(self.stroke.paint, [edge(1.0), edge(-1.0)])
        });
        let thin = Stroke {
            width: 1.0,
            ..self.stroke
        };
        let faint = lines(&self.runs).filter(|_| self.is_smoothed());
        bands
            .chain(faint.map(|line| Layer::Faint(thin, line)))
            .collect()
    }

    /// The line and its marks.
    fn above(&self) -> Vec<Layer> {
        let smoothed = self.is_smoothed().then(|| smooth(&self.runs, self.window));
        let strong = lines(smoothed.as_ref().unwrap_or(&self.runs));
        let mut layers: Vec<Layer> = strong.map(|line| Layer::Line(self.stroke, line)).collect();
        if let Some(marks) = self.marks {
            let points = self.points().map(|point| (point.x, point.y));
            layers.push(Layer::Marks(marks, points.collect()));
        }
        layers
    }
}

/// A line through every run.
fn lines(runs: &[Vec<CurvePoint>]) -> impl Iterator<Item = Vec<Spot>> {
    runs.iter().map(|run| {
        let points = thin(run, MOST_POINTS);
        points.iter().map(|point| (point.x, point.y)).collect()
    })
}

/// The heights that a value and its interval cover. An interval that reaches zero on a
/// logarithmic axis runs off its lower end.
fn reach(point: &CurvePoint, log: bool) -> impl Iterator<Item = f64> + use<> {
    let half = point.half_width.unwrap_or(0.0);
    let low = point.y - half;
    let low = if log && low <= 0.0 { point.y } else { low };
    [low, point.y + half].into_iter()
}
