//! A trained width, in every form and with every number of shots and steps.

use mamlet_simulator::Model;
use mamlet_simulator::board::Board;
use mamlet_simulator::file::ArtifactFile;
use mamlet_simulator::fit::Fit;

use super::{Costs, Point};
use crate::export::{ExportError, Options, Quantize, Score, Trial, export};
use crate::model::TrainedModel;
use crate::run::Manifest;

/// What is tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Factors on the width of the network.
    pub widths: Vec<f64>,
    /// How artifacts are stored.
    pub forms: Vec<Quantize>,
    /// Support examples, of each class if there are classes.
    pub shots: Vec<usize>,
    /// Inner steps.
    pub steps: Vec<usize>,
    /// Test tasks that each point is evaluated on.
    pub tasks: usize,
    /// Query examples of a task, of each class if there are classes.
    pub queries: usize,
    /// The board whose time is estimated.
    pub board: Board,
}

/// The points of one width, whose run gave `model`. A form that stores nothing
/// otherwise than one before it is left out. `observe` is called for each point before
/// it is evaluated.
///
/// # Errors
/// [`ExportError`] where the model cannot be exported or evaluated.
pub fn measure(
    model: &TrainedModel,
    manifest: Option<&Manifest>,
    grid: &Grid,
    width: f64,
    mut observe: impl FnMut(&'static str, usize, usize),
) -> Result<Vec<Point>, ExportError> {
    let distribution = &*model.config.tasks.open()?;
    let wrong = |error: &dyn std::fmt::Display| ExportError::Artifact(error.to_string());
    let mut files: Vec<(&'static str, ArtifactFile)> = Vec::new();
    for &quantize in &grid.forms {
        let options = Options {
            max_steps: most(&grid.steps).max(Options::default().max_steps),
            golden_shots: grid.shots.iter().copied().min().unwrap_or(1),
            quantize,
            episodes: 0,
            // What the engine scores is told, whatever the network is evaluated to.
            allow_loss: true,
            ..Options::default()
        };
        let file = export(model, manifest, &options)?.file;
        if files.iter().all(|(_, other)| other.bytes() != file.bytes()) {
            files.push((quantize.name(), file));
        }
    }
    let mut points = Vec::new();
    for (form, file) in &files {
        let artifact = file.artifact().map_err(|error| wrong(&error))?;
        let engine = Model::new(&artifact).map_err(|error| wrong(&error))?;
        for &shots in &grid.shots {
            for &steps in &grid.steps {
                observe(form, shots, steps);
                let trial = Trial {
                    tasks: grid.tasks,
                    shots,
                    queries: grid.queries,
                    steps: Some(steps),
                };
                let score = Score::measure(model, distribution, file, &trial)
                    .map_err(|error| ExportError::Artifact(format!("{error:#}")))?;
                let examples = distribution.support_size(shots);
                let on = |board| Fit::new(&engine, file.bytes().len(), examples, steps, board);
                let fit = on(grid.board.clone());
                let fitting = Board::all().map(on).filter(|fit| fit.fits);
                points.push(Point {
                    width,
                    form,
                    shots,
                    steps,
                    parameters: model.network.parameter_count(),
                    adapting: engine.adapting(),
                    score,
                    costs: Costs {
                        flash: fit.flash.total,
                        ram: fit.ram.total,
                        learning: fit.macs.adding.saturating_add(fit.macs.adaptation),
                        prediction: fit.macs.prediction,
                    },
                    seconds: fit.seconds.adding + fit.seconds.adaptation,
                    boards: fitting.map(|fit| fit.board.name).collect(),
                    front: false,
                });
            }
        }
    }
    Ok(points)
}

fn most(numbers: &[usize]) -> usize {
    numbers.iter().copied().max().unwrap_or(1)
}
