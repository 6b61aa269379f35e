//! A chart: panels with axes in a grid, a title and a legend above, notes below.

use super::axis::Axis;
use super::drawing::{Marks, Spot};
use super::theme::{Paint, Stroke};

/// All that is on a picture.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    pub(crate) title: String,
    /// Under which conditions; may be empty.
    pub(crate) subtitle: String,
    pub(crate) notes: Vec<String>,
    /// The legend.
    pub(crate) entries: Vec<Entry>,
    /// Row by row.
    pub(crate) panels: Vec<Panel>,
    /// Panels beside each other.
    pub(crate) columns: usize,
    /// In pixels; the height follows from what is in it.
    pub(crate) width: f64,
    /// Height of the axes of a panel as a part of the panel's width.
    pub(crate) aspect: f64,
    /// Size of the labels; other sizes follow it.
    pub(crate) text: f64,
    /// The empty border.
    pub(crate) margin: f64,
}

/// A pair of axes and what stands between them.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    /// May be empty.
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    /// From the lowest to the topmost, in values of the axes.
    pub(crate) layers: Vec<Layer>,
}

/// A part of a panel, in values of its axes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Layer {
    /// A translucent area between two edges.
    Band(Paint, [Vec<Spot>; 2]),
    Line(Stroke, Vec<Spot>),
    /// A translucent line.
    Faint(Stroke, Vec<Spot>),
    Marks(Marks, Vec<Spot>),
}

/// A name in the legend with the line and the mark that it explains.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) stroke: Option<Stroke>,
    pub(crate) marks: Option<Marks>,
}

impl Default for Chart {
    /// A chart as wide as a column of text on a screen.
    fn default() -> Self {
        Self {
            title: String::new(),
            subtitle: String::new(),
            notes: Vec::new(),
            entries: Vec::new(),
            panels: Vec::new(),
            columns: 1,
            width: 800.0,
            aspect: 0.47,
            text: 15.0,
            margin: 16.0,
        }
    }
}

impl Chart {
    /// A chart of one panel.
    pub(crate) fn single(panel: Panel) -> Self {
        Self {
            panels: vec![panel],
            ..Self::default()
        }
    }

    /// The chart as a part of a page, which has words of its own around it.
    pub(crate) fn on_page(self, width: f64) -> Self {
        Self {
            title: String::new(),
            subtitle: String::new(),
            width,
            text: 12.5,
            margin: 2.0,
            ..self
        }
    }
}
