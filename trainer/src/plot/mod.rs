//! Figures: curves over training or over gradient steps, adapted sinusoids, paths,
//! points.
//!
//! A figure is plain data. [`CurveFigure`], [`SinusoidFigure`] and [`PathFigure`] are each a [`Figure`]:
//! `save(path, theme)` writes a PNG or an SVG as the file's extension says, and
//! `to_svg(theme)` returns the document. Pages take the same figures as pictures that
//! follow the page's light or dark scheme.
//!
//! There is one way to draw. A figure says what is on its `Chart`, the layout puts that
//! in its place, and the `Drawing` it gives is written as SVG or filled in as PNG. The
//! font is compiled in, so a PNG looks the same on a machine without any font.
//!
//! A value that cannot be drawn (NaN, infinite, or not positive on a
//! logarithmic axis) leaves a gap and is counted in a note below the figure. A
//! figure without any drawable value is [`PlotError::Empty`].
//!
//! ```no_run
//! use mamlet_trainer::plot::{Curve, CurveFigure, CurvePoint, Figure, Scale, Theme};
//!
//! # fn main() -> Result<(), mamlet_trainer::plot::PlotError> {
//! let point = |x, y| CurvePoint { x, y, half_width: Some(0.02) };
//! let figure = CurveFigure {
//!     title: "Sinusoid, error against gradient steps".into(),
//!     subtitle: "K = 5, 4000 tasks, seed 1".into(),
//!     x_name: "gradient steps".into(),
//!     y_name: "mean squared error".into(),
//!     scale: Scale::Linear,
//!     smooth: None,
//!     curves: vec![Curve {
//!         name: "MAML".into(),
//!         points: vec![point(0.0, 3.1), point(1.0, 0.62), point(2.0, 0.48)],
//!     }],
//! };
//! figure.save("steps.svg".as_ref(), Theme::Light)?;
//! # Ok(())
//! # }
//! ```

mod axis;
mod chart;
mod curves;
mod drawing;
mod grid;
mod layout;
mod paths;
mod png;
mod points;
mod scatter;
mod sinusoids;
mod svg;
#[cfg(test)]
mod tests;
mod text;
mod theme;

use std::path::{Path, PathBuf};

use maud::Markup;

use crate::run::{RunError, write_atomically};

pub(crate) use axis::{Axis, extent};
pub(crate) use chart::Chart;
pub use curves::{Curve, CurveFigure, CurvePoint, Scale};
pub(crate) use drawing::{Marks, Spot};
pub use paths::{PathFigure, PathPanel};
pub(crate) use scatter::{Scatter, change, legend};
pub use sinusoids::{SinusoidFigure, SinusoidPanel, SinusoidPrediction};
pub use theme::Theme;
pub(crate) use theme::{Paint, marker};

/// Why a figure was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// The file name asks for a format that is not written here.
    #[error(
        "cannot write {}: {}; use .png or .svg",
        path.display(),
        if found.is_empty() { "it has no extension".to_owned() } else { format!("unknown extension .{found}") }
    )]
    Extension {
        /// The file that was asked for.
        path: PathBuf,
        /// Its extension without the dot; empty when there is none.
        found: String,
    },
    /// The figure holds no value that can be drawn.
    #[error("nothing to draw: {0}")]
    Empty(String),
    /// The picture could not be made.
    #[error("drawing failed: {0}")]
    Draw(std::io::Error),
    /// The file could not be written; what stood at its path before still does.
    #[error(transparent)]
    Write(#[from] RunError),
}

/// What has a chart.
pub(crate) trait Draw {
    /// The chart.
    ///
    /// # Errors
    /// [`PlotError::Empty`] without a drawable value.
    fn chart(&self) -> Result<Chart, PlotError>;

    /// A picture on a page, about `width` pixels wide, that follows the page's scheme;
    /// `label` is for those who do not see it.
    ///
    /// # Errors
    /// [`PlotError::Empty`] without a drawable value.
    fn to_markup(&self, label: &str, width: f64) -> Result<Markup, PlotError> {
        let chart = self.chart()?.on_page(width);
        Ok(svg::inline(&chart.draw(), label))
    }
}

/// Plain data that can draw itself.
#[expect(private_bounds, reason = "figures are those of this module")]
pub trait Figure: Draw {
    /// Writes the figure as PNG or SVG, as the extension of `path` says.
    ///
    /// # Errors
    /// [`PlotError::Extension`] for any other extension, [`PlotError::Empty`]
    /// without a drawable value, [`PlotError::Write`] if the file cannot be
    /// written. A file that stood at `path` is then unchanged.
    fn save(&self, path: &Path, theme: Theme) -> Result<(), PlotError> {
        let extension = path.extension().unwrap_or_default();
        let extension = extension.to_string_lossy().to_lowercase();
        let bytes = match extension.as_str() {
            "png" => png::encode(&self.chart()?.draw(), theme).map_err(PlotError::Draw)?,
            "svg" => self.to_svg(theme)?.into_bytes(),
            _ => {
                return Err(PlotError::Extension {
                    path: path.into(),
                    found: extension,
                });
            }
        };
        Ok(write_atomically(path, &bytes)?)
    }

    /// The figure as an SVG document.
    ///
    /// # Errors
    /// [`PlotError::Empty`] without a drawable value.
    fn to_svg(&self, theme: Theme) -> Result<String, PlotError> {
        let chart = self.chart()?;
        Ok(svg::document(&chart.draw(), theme, &chart.title))
    }
}
