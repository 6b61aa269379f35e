//! Losses over the iterations of meta-training.

use std::path::Path;

use super::PlotError;
use super::axes::Axis;
use super::canvas::{Canvas, Spot};
use super::data::{Sample, Skipped, extent, runs, smooth, thin};
use super::frame::{Entry, Texts, single};
use super::output::{self, Figure};
use super::steps::{band, reach};
use super::style::{self, Stroke};
use super::surface::Surface;

/// One value of a [`Curve`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// The meta-training iteration it was measured at.
    pub iteration: u64,
    /// The value.
    pub value: f64,
    /// Half the width of its 95 % interval, if known.
    pub half_width: Option<f64>,
}

/// One series of a [`LearningCurve`].
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Its name in the legend.
    pub name: String,
    /// Its values, in order of iterations.
    pub points: Vec<CurvePoint>,
}

/// Values over meta-training, such as the query loss before and after
/// adaptation: every value as a faint line, a centred mean as a strong one.
///
/// A curve with intervals is an evaluation and is drawn as it is, with a band.
#[derive(Debug, Clone, PartialEq)]
pub struct LearningCurve {
    /// What is shown.
    pub title: String,
    /// Under which conditions; may be empty.
    pub subtitle: String,
    /// The name of the value axis, with its unit.
    pub y_name: String,
    /// Whether the value axis is logarithmic.
    pub log_y: bool,
    /// How many values the strong line averages, an even number counting as
    /// the next odd one; 1 for none. `None` chooses a fortieth of the longest
    /// curve, which is no averaging below 80 values.
    pub smooth: Option<usize>,
    /// The series, in the order of the legend.
    pub curves: Vec<Curve>,
}

/// More points than this cannot be told apart across the figure.
const MOST_POINTS: usize = 2400;
/// Points of an evaluation carry markers up to this many.
const MOST_MARKERS: usize = 60;

impl LearningCurve {
    /// Writes the figure as PNG or SVG, as the extension of `path` says.
    ///
    /// # Errors
    /// [`PlotError::Extension`] for any other extension, [`PlotError::Empty`]
    /// without a drawable value, [`PlotError::Io`] if the file cannot be
    /// written. A file that stood at `path` is then unchanged.
    pub fn save(&self, path: &Path) -> Result<(), PlotError> {
        output::save(self, path)
    }

    /// The figure as an SVG document.
    ///
    /// # Errors
    /// [`PlotError::Empty`] without a drawable value.
    pub fn to_svg(&self) -> Result<String, PlotError> {
        output::to_svg(self)
    }

    fn window(&self) -> usize {
        let longest = self
            .curves
            .iter()
            .map(|curve| curve.points.len())
            .max()
            .unwrap_or(0);
        // Odd, so that the mean is centred.
        self.smooth.unwrap_or(longest / 40).max(1) | 1
    }
}

impl Figure for LearningCurve {
    fn size(&self) -> (u32, u32) {
        (1600, 1000)
    }

    fn draw<DB: Surface>(&self, canvas: &Canvas<DB>) -> Result<(), PlotError> {
        let mut skipped = Skipped::default();
        let curves: Vec<Vec<Vec<Sample>>> = self
            .curves
            .iter()
            .map(|curve| {
                let samples = curve.points.iter().map(|point| Sample {
                    x: point.iteration as f64,
                    y: point.value,
                    half_width: point.half_width,
                });
                runs(samples, self.log_y, &mut skipped)
            })
            .collect();
        let all = || curves.iter().flatten().flatten();
        let (Some(x), Some(y)) = (
            extent(all().map(|s| s.x)),
            extent(all().flat_map(|s| reach(s, self.log_y))),
        ) else {
            return Err(PlotError::Empty(format!(
                "none of the {} curves has a finite value{}",
                self.curves.len(),
                if self.log_y { " above zero" } else { "" }
            )));
        };
        let window = self.window();
        let evaluation =
            |runs: &[Vec<Sample>]| runs.iter().flatten().any(|s| s.half_width.is_some());
        let few = |runs: &[Vec<Sample>]| runs.iter().map(Vec::len).sum::<usize>() <= MOST_MARKERS;
        let looks = |index: usize, runs: &[Vec<Sample>]| {
            let (stroke, marker) = style::series(index);
            // Patterns would break up in noise; colour and marker tell apart.
            let stroke = if evaluation(runs) {
                stroke
            } else {
                Stroke::solid(stroke.color, 5.0)
            };
            (stroke, (evaluation(runs) && few(runs)).then_some(marker))
        };
        let entries: Vec<Entry> = self
            .curves
            .iter()
            .zip(&curves)
            .enumerate()
            .map(|(index, (curve, runs))| {
                let (stroke, marker) = looks(index, runs);
                let missing = if runs.is_empty() {
                    " (no finite value)"
                } else {
                    ""
                };
                Entry {
                    label: format!("{}{missing}", curve.name),
                    color: stroke.color,
                    stroke: Some(stroke),
                    marker,
                }
            })
            .collect();
        let mut notes = Vec::new();
        if window > 1
            && curves
                .iter()
                .any(|runs| !runs.is_empty() && !evaluation(runs))
        {
            notes.push(format!(
                "Faint: every value. Strong: mean over {window} values."
            ));
        }
        if curves.iter().any(|runs| evaluation(runs)) {
            notes.push("Shaded: 95 % interval.".to_owned());
        }
        notes.extend(skipped.notes());
        let texts = Texts {
            title: &self.title,
            subtitle: &self.subtitle,
            notes: &notes,
        };
        let axes = (
            Axis::counting("meta-training iteration", x.0, x.1, 8),
            Axis::error(&self.y_name, y.0, y.1, self.log_y),
        );
        let plot = single(canvas, texts, &entries, axes)?;
        let line =
            |run: &[Sample]| -> Vec<Spot> { run.iter().map(|s| plot.at(s.x, s.y)).collect() };
        for (index, runs) in curves.iter().enumerate() {
            let color = looks(index, runs).0.color;
            for run in runs {
                if evaluation(runs) {
                    band(canvas, run, color, |x, y| plot.at(x, y))?;
                } else if window > 1 {
                    let raw = Stroke::solid(style::faint(color), 1.5);
                    canvas.stroke(&line(&thin(run, MOST_POINTS)), raw)?;
                }
            }
        }
        for (index, runs) in curves.iter().enumerate() {
            let (stroke, marker) = looks(index, runs);
            let strong = if evaluation(runs) || window == 1 {
                runs.clone()
            } else {
                smooth(runs, window)
            };
            for run in strong {
                canvas.stroke(&line(&thin(&run, MOST_POINTS)), stroke)?;
            }
            if let Some(marker) = marker {
                for sample in runs.iter().flatten() {
                    canvas.marker(marker, plot.at(sample.x, sample.y), 9.0, stroke.color)?;
                }
            }
        }
        Ok(())
    }
}
