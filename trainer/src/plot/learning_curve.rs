//! Losses over the iterations of meta-training.

use std::path::Path;

use super::PlotError;
use super::axes::Axis;
use super::canvas::Canvas;
use super::data::{Sample, smooth};
use super::frame::{Texts, single};
use super::lines::{Line, Lines, draw_runs};
use super::output::{self, Figure};
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
        let series = self.curves.iter().map(|curve| {
            let samples = curve.points.iter().map(|point| Sample {
                x: point.iteration as f64,
                y: point.value,
                half_width: point.half_width,
            });
            (curve.name.as_str(), samples)
        });
        let mut all = Lines::new(series, "curves", self.log_y)?;
        for line in &mut all.lines {
            if !line.has_intervals() {
                // Patterns would break up in noise; colour and marker tell apart.
                line.stroke = Stroke::solid(line.stroke.color, 5.0);
                line.marker = None;
            } else if line.samples().count() > MOST_MARKERS {
                line.marker = None;
            }
        }
        let all = all;
        let window = self.window();
        let smoothed = |line: &Line| window > 1 && !line.has_intervals();
        let mut notes = Vec::new();
        if (all.lines.iter()).any(|line| !line.runs.is_empty() && smoothed(line)) {
            notes.push(format!(
                "Faint: every value. Strong: mean over {window} values."
            ));
        }
        if all.lines.iter().any(Line::has_intervals) {
            notes.push("Shaded: 95 % interval.".to_owned());
        }
        notes.extend(all.skipped.notes());
        let texts = Texts {
            title: &self.title,
            subtitle: &self.subtitle,
            notes: &notes,
        };
        let (x, y) = (all.x, all.y);
        let axes = (
            Axis::counting("meta-training iteration", x.0, x.1, 8),
            Axis::error(&self.y_name, y.0, y.1, self.log_y),
        );
        let plot = single(canvas, texts, &all.entries(), axes)?;
        for line in &all.lines {
            line.draw_bands(canvas, &plot)?;
            if smoothed(line) {
                let raw = Stroke::solid(style::faint(line.stroke.color), 1.5);
                draw_runs(canvas, &plot, &line.runs, raw)?;
            }
        }
        for line in &all.lines {
            if smoothed(line) {
                let strong = smooth(&line.runs, window);
                draw_runs(canvas, &plot, &strong, line.stroke)?;
            } else {
                draw_runs(canvas, &plot, &line.runs, line.stroke)?;
            }
            line.draw_markers(canvas, &plot)?;
        }
        Ok(())
    }
}
