//! Adapted sinusoids: the true curve, the support points, the predictions.

use std::collections::BTreeSet;

use super::axis::{Axis, extent};
use super::chart::{Chart, Entry, Layer, Panel};
use super::drawing::{Marks, Spot};
use super::points::{Skipped, clip, drawable};
use super::theme::{DASH_DOT, DASHED, DOTTED, Dash, Marker, Paint, SOLID, Stroke};
use super::{Draw, Figure, PlotError};

/// What the model predicts after a number of gradient steps.
#[derive(Debug, Clone, PartialEq)]
pub struct SinusoidPrediction {
    /// Gradient steps taken on the support points; 0 is before adaptation.
    pub steps: u32,
    /// The predicted curve as (x, y), in order of x.
    pub curve: Vec<(f64, f64)>,
}

/// One method, or one task, of a [`SinusoidFigure`].
#[derive(Debug, Clone, PartialEq)]
pub struct SinusoidPanel {
    /// What the panel shows, such as `MAML, K = 5`.
    pub title: String,
    /// The task's true curve as (x, y), in order of x.
    pub truth: Vec<(f64, f64)>,
    /// The K support points as (x, y).
    pub support: Vec<(f64, f64)>,
    /// The predictions, usually after 0, 1 and 10 steps.
    pub predictions: Vec<SinusoidPrediction>,
}

/// Predictions before and after adaptation in a grid of panels with the same
/// axes: figure 2 of the MAML paper.
///
/// The y axis holds every true curve and support point and some room around
/// them. A prediction that goes further is cut off there, and a note says so.
#[derive(Debug, Clone, PartialEq)]
pub struct SinusoidFigure {
    /// What is shown.
    pub title: String,
    /// Under which conditions; may be empty.
    pub subtitle: String,
    /// The panels, row by row.
    pub panels: Vec<SinusoidPanel>,
}

impl SinusoidFigure {
    fn columns(&self) -> usize {
        match self.panels.len() {
            0 | 1 => 1,
            2 | 4 => 2,
            _ => 3,
        }
    }

    /// The common axes, `None` without a drawable point.
    fn axes(&self) -> Option<(Axis, Axis)> {
        let whole = |point: &&Spot| is_drawable(**point);
        let given = || {
            let panels = self.panels.iter();
            let given = panels.flat_map(|panel| panel.truth.iter().chain(&panel.support));
            given.filter(whole)
        };
        let predicted = || {
            let predictions = self.panels.iter().flat_map(|panel| &panel.predictions);
            predictions
                .flat_map(|prediction| &prediction.curve)
                .filter(whole)
        };
        let x = extent(given().chain(predicted()).map(|point| point.0))?;
        let ys = extent(predicted().map(|point| point.1));
        let y = match extent(given().map(|point| point.1)) {
            Some((low, high)) => {
                let room = 0.5 * (high - low).max(0.5);
                let (least, most) = ys.unwrap_or((low, high));
                (
                    low.min(least.max(low - room)),
                    high.max(most.min(high + room)),
                )
            }
            None => ys?,
        };
        Some((Axis::linear("x", x), Axis::around("y", y)))
    }
}

fn is_drawable((x, y): Spot) -> bool {
    drawable(x) && drawable(y)
}

/// What is shown after so many inner steps, in words.
pub(super) fn after(steps: u32) -> String {
    match steps {
        0 => "before adaptation".to_owned(),
        1 => "after 1 step".to_owned(),
        steps => format!("after {steps} steps"),
    }
}

/// The line of the prediction with the `rank`-th least number of steps.
pub(super) fn prediction_stroke(rank: usize) -> Stroke {
    const LOOKS: [(usize, Dash, f64); 5] = [
        (4, DOTTED, 2.4),
        (2, DASHED, 2.2),
        (0, SOLID, 2.6),
        (3, DASH_DOT, 2.2),
        (5, SOLID, 2.2),
    ];
    let (series, dash, width) = LOOKS[rank % LOOKS.len()];
    Stroke {
        paint: Paint::Series(series),
        width,
        dash,
    }
}

const TRUTH: Stroke = Stroke::solid(Paint::Ink, 1.4);
const SUPPORT: Marks = Marks::solid(Marker::Triangle, 6.0, Paint::Series(1));

impl Figure for SinusoidFigure {}

impl Draw for SinusoidFigure {
    fn chart(&self) -> Result<Chart, PlotError> {
        let Some((x, y)) = self.axes() else {
            return Err(PlotError::Empty(format!(
                "none of the {} panels has a finite point",
                self.panels.len()
            )));
        };
        let predictions = self.panels.iter().flat_map(|panel| &panel.predictions);
        let ranks: BTreeSet<u32> = predictions.map(|prediction| prediction.steps).collect();
        let ranks: Vec<u32> = ranks.into_iter().collect();
        let mut skipped = Skipped::default();
        let panels: Vec<Panel> = (self.panels.iter())
            .map(|panel| Panel {
                title: panel.title.clone(),
                x: x.clone(),
                y: y.clone(),
                layers: layers(panel, &ranks, y.range(), &mut skipped),
            })
            .collect();
        let columns = self.columns();
        Ok(Chart {
            title: self.title.clone(),
            subtitle: self.subtitle.clone(),
            notes: skipped.notes(),
            entries: entries(&ranks),
            panels,
            columns,
            aspect: if columns == 1 { 0.45 } else { 0.62 },
            ..Chart::default()
        })
    }
}

/// The layers of a panel, the prediction with the most steps on top of the others.
fn layers(
    panel: &SinusoidPanel,
    ranks: &[u32],
    (low, high): (f64, f64),
    skipped: &mut Skipped,
) -> Vec<Layer> {
    let mut layers = Vec::new();
    let mut add = |stroke: Stroke, curve: &[Spot], skipped: &mut Skipped| {
        let whole = |point: &&Spot| is_drawable(**point);
        skipped.diverged += curve.iter().filter(|point| !whole(point)).count();
        let outside = |point: &Spot| !(low..=high).contains(&point.1);
        if curve.iter().filter(whole).any(outside) {
            skipped.clipped += 1;
        }
        for run in curve.split(|point| !is_drawable(*point)) {
            let parts = clip(run, low, high).into_iter();
            layers.extend(parts.map(|part| Layer::Line(stroke, part)));
        }
    };
    add(TRUTH, &panel.truth, skipped);
    for (rank, steps) in ranks.iter().enumerate() {
        for prediction in &panel.predictions {
            if prediction.steps == *steps {
                add(prediction_stroke(rank), &prediction.curve, skipped);
            }
        }
    }
    let support = panel.support.iter().copied();
    let support: Vec<Spot> = support.filter(|&point| is_drawable(point)).collect();
    skipped.diverged += panel.support.len() - support.len();
    layers.push(Layer::Marks(SUPPORT, support));
    layers
}

fn entries(ranks: &[u32]) -> Vec<Entry> {
    let line = |name: String, stroke: Stroke| Entry {
        name,
        stroke: Some(stroke),
        marks: None,
    };
    let predictions = ranks
        .iter()
        .enumerate()
        .map(|(rank, steps)| line(after(*steps), prediction_stroke(rank)));
    let support = Entry {
        name: "support points".to_owned(),
        stroke: None,
        marks: Some(SUPPORT),
    };
    [line("true curve".to_owned(), TRUTH), support]
        .into_iter()
        .chain(predictions)
        .collect()
}
