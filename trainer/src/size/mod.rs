//! What smaller networks, fewer steps and other number formats cost in accuracy and
//! save on a board.
//!
//! Every width of a network is trained on its own; its artifact in every form is
//! evaluated by the engine of the device. [`SizeTable`] holds what came out.

mod measure;
mod narrow;
mod pareto;
mod render;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use measure::{Grid, measure};
pub use narrow::{narrowed, shortened};
pub use pareto::front;

use crate::export::Score;

/// All points of a grid, and which of them nothing beats.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SizeTable {
    /// Name of the experiment.
    pub name: String,
    /// Its row in tables.
    pub title: String,
    /// The seed of training and of the tasks.
    pub seed: u64,
    /// Iterations that every width was trained for.
    pub iterations: u64,
    /// Iterations that the config asks for.
    pub full_iterations: u64,
    /// Test tasks that each point was evaluated on.
    pub tasks: usize,
    /// Classes of a task, where there are classes.
    pub ways: Option<usize>,
    /// Query examples of a task, of each class if there are classes.
    pub queries: usize,
    /// The board of [`Point::seconds`].
    pub board: String,
    /// The command that made it.
    pub command: String,
    /// By width, form, shots and steps.
    pub points: Vec<Point>,
}

/// One network in one form, adapted in one way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Factor on the outputs of every hidden layer.
    pub width: f64,
    /// How tensors are stored: `f32`, `f16`, `int8`, or `int8 and f16`.
    pub form: &'static str,
    /// Support examples, of each class if there are classes.
    pub shots: usize,
    /// Inner steps.
    pub steps: usize,
    /// All parameters.
    pub parameters: usize,
    /// Those that adapt.
    pub adapting: usize,
    /// What the engine scores, and the bytes of the artifact.
    pub score: Score,
    /// What it takes.
    pub costs: Costs,
    /// Predicted seconds that learning takes on the table's board.
    pub seconds: f64,
    /// Boards that it fits on.
    pub boards: Vec<String>,
    /// Whether no other point is as good in everything and better in something:
    /// score, shots and [`Costs`].
    pub front: bool,
}

/// What a point needs of a board, and its arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Costs {
    /// Bytes of flash: artifact and engine.
    pub flash: usize,
    /// Bytes of RAM: weights that adapt, examples, workspace and stack.
    pub ram: usize,
    /// Multiply-accumulates of learning: examples added, then adapted to.
    pub learning: u64,
    /// Multiply-accumulates of a prediction.
    pub prediction: u64,
}

impl Point {
    /// What is better if higher, whether that is accuracy or a loss.
    fn goodness(&self) -> f64 {
        match self.score.what {
            "accuracy" => self.score.mean,
            _ => -self.score.mean,
        }
    }
}

impl SizeTable {
    /// Marks the points that nothing beats.
    pub fn mark_front(&mut self) {
        let rows: Vec<[f64; 6]> = (self.points.iter())
            .map(|point| {
                let Costs {
                    flash,
                    ram,
                    learning,
                    prediction,
                } = point.costs;
                [
                    -point.goodness(),
                    point.shots as f64,
                    flash as f64,
                    ram as f64,
                    learning as f64,
                    prediction as f64,
                ]
            })
            .collect();
        for (point, front) in self.points.iter_mut().zip(front(&rows)) {
            point.front = front;
        }
    }
}
