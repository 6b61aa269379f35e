//! Paths of a point in the plane before and after adaptation, with the goal of each task:
//! figure 4 of the MAML paper.

use std::collections::BTreeSet;

use super::axis::{Axis, extent};
use super::chart::{Chart, Entry, Layer, Panel};
use super::drawing::{Marks, Spot};
use super::points::{Skipped, drawable};
use super::sinusoids::{after, prediction_stroke};
use super::theme::{Marker, Paint};
use super::{Draw, Figure, PlotError};

/// The paths of one task.
#[derive(Debug, Clone, PartialEq)]
pub struct PathPanel {
    /// What the panel shows.
    pub title: String,
    /// Where the point is to go.
    pub goal: Spot,
    /// Numbers of inner steps, each with the paths after it.
    pub paths: Vec<(u32, Vec<Vec<Spot>>)>,
}

/// Paths in a grid of panels with the same axes.
#[derive(Debug, Clone, PartialEq)]
pub struct PathFigure {
    /// What is shown.
    pub title: String,
    /// Under which conditions; may be empty.
    pub subtitle: String,
    /// The panels, row by row.
    pub panels: Vec<PathPanel>,
}

const GOAL: Marks = Marks::solid(Marker::Triangle, 8.0, Paint::Series(1));

impl PathFigure {
    fn spots(&self) -> impl Iterator<Item = Spot> {
        let panels = self.panels.iter();
        panels.flat_map(|panel| {
            let paths = panel.paths.iter().flat_map(|(_, paths)| paths);
            paths.flatten().copied().chain([panel.goal])
        })
    }
}

fn is_drawable((x, y): &Spot) -> bool {
    drawable(*x) && drawable(*y)
}

impl Figure for PathFigure {}

impl Draw for PathFigure {
    fn chart(&self) -> Result<Chart, PlotError> {
        let whole = || self.spots().filter(is_drawable);
        let ends = (
            extent(whole().map(|spot| spot.0)),
            extent(whole().map(|spot| spot.1)),
        );
        let (Some(x), Some(y)) = ends else {
            return Err(PlotError::Empty(format!(
                "none of the {} panels has a finite point",
                self.panels.len()
            )));
        };
        let paths = self.panels.iter().flat_map(|panel| &panel.paths);
        let ranks: BTreeSet<u32> = paths.map(|(steps, _)| *steps).collect();
        let mut skipped = Skipped::default();
        let mut panel_of = |panel: &PathPanel| {
            let mut layers = Vec::new();
            for (rank, steps) in ranks.iter().enumerate() {
                let own = panel.paths.iter().filter(|(own, _)| own == steps);
                for path in own.flat_map(|(_, paths)| paths) {
                    skipped.diverged += path.iter().filter(|spot| !is_drawable(spot)).count();
                    let runs = path.split(|spot| !is_drawable(spot));
                    let stroke = prediction_stroke(rank);
                    layers.extend(runs.map(|run| Layer::Line(stroke, run.to_vec())));
                }
            }
            layers.push(Layer::Marks(GOAL, vec![panel.goal]));
            Panel {
                title: panel.title.clone(),
                x: Axis::around("x", x),
                y: Axis::around("y", y),
                layers,
            }
        };
        let panels: Vec<Panel> = self.panels.iter().map(&mut panel_of).collect();
        let lines = ranks.iter().enumerate().map(|(rank, steps)| Entry {
            name: after(*steps),
            stroke: Some(prediction_stroke(rank)),
            marks: None,
        });
        let goal = Entry {
            name: "goal".to_owned(),
            stroke: None,
            marks: Some(GOAL),
        };
        let entries = [goal].into_iter().chain(lines).collect();
        Ok(Chart {
            title: self.title.clone(),
            subtitle: self.subtitle.clone(),
            notes: skipped.notes(),
            entries,
            columns: self.panels.len().clamp(1, 3),
            panels,
            aspect: 0.9,
            ..Chart::default()
        })
    }
}
