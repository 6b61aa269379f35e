//! Figures of a run: learning curve, error or accuracy against gradient steps,
//! adapted sinusoids.
//!
//! A figure is plain data. [`LearningCurve`], [`StepsFigure`] and
//! [`SinusoidFigure`] each have `save(path)`, which writes a PNG or an SVG as
//! the file's extension says, and `to_svg()`, which returns the document. Both
//! formats come from one drawing path, and the font is compiled in, so a
//! picture looks the same on a machine without any font.
//!
//! A value that cannot be drawn (NaN, infinite, or not positive on a
//! logarithmic axis) leaves a gap and is counted in a note below the figure. A
//! figure without any drawable value is [`PlotError::Empty`].
//!
//! ```no_run
//! use mamlet_trainer::plot::{StepPoint, StepsFigure, StepsMethod};
//!
//! # fn main() -> Result<(), mamlet_trainer::plot::PlotError> {
//! let point = |step, value| StepPoint { step, value, half_width: Some(0.02) };
//! let figure = StepsFigure {
//!     title: "Sinusoid, error against gradient steps".into(),
//!     subtitle: "K = 5, 4000 tasks, seed 1".into(),
//!     y_name: "mean squared error".into(),
//!     log_y: false,
//!     methods: vec![StepsMethod {
//!         name: "MAML".into(),
//!         points: vec![point(0, 3.1), point(1, 0.62), point(2, 0.48)],
//!     }],
//! };
//! figure.save("steps.svg".as_ref())?;
//! # Ok(())
//! # }
//! ```

mod axes;
mod canvas;
mod data;
mod frame;
mod learning_curve;
mod lines;
mod output;
mod sinusoids;
mod steps;
mod style;
mod surface;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use plotters::drawing::DrawingAreaErrorKind;

pub use learning_curve::{Curve, CurvePoint, LearningCurve};
pub use sinusoids::{SinusoidFigure, SinusoidPanel, SinusoidPrediction};
pub use steps::{StepPoint, StepsFigure, StepsMethod};

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
    /// The file could not be written; what stood at its path before still does.
    #[error("cannot write {}", path.display())]
    Io {
        /// The file that was asked for.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The drawing library refused an operation.
    #[error("drawing failed: {0}")]
    Draw(String),
}

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for PlotError {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        Self::Draw(error.to_string())
    }
}
