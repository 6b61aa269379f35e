//! A run on one page: how well it adapts, for whom, on which classes, and what it
//! takes of a board.
//!
//! [`RunReport`] is the data, collected by [`RunReport::collect`];
//! [`RunReport::to_html`] draws it.

mod collect;
mod deploy;
mod draw;
pub(crate) mod figures;
mod groups;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::config::Protocol;
use crate::evaluate::{ChosenIteration, Interval, Measure, Report, Setting};
use crate::run::{Line, Manifest, Outcome};

pub use collect::{ReportError, Request};
pub use deploy::{Deployed, Deployment, ShotsFits};

/// All that is on the page of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunReport {
    /// What the page is about.
    pub subject: Subject,
    /// The run and its baselines on the same tasks.
    pub evaluation: Report,
    /// The run alone, query by query, for each number of shots.
    pub details: Vec<Detail>,
    /// What was recorded while it was trained.
    pub training: Vec<Line>,
    /// What its artifact needs of each board.
    pub deployment: Deployment,
    /// Its resolved config, as TOML.
    pub config: String,
}

/// A run, and how its page was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Subject {
    /// The run's name.
    pub name: String,
    /// Its row in tables.
    pub title: String,
    /// Where it is.
    pub run: String,
    /// How it was trained.
    pub method: String,
    /// The protocol it was trained by.
    pub protocol: Protocol,
    /// The seed it was trained with.
    pub seed: u64,
    /// The iteration its parameters come from.
    pub iteration: u64,
    /// Why that one.
    pub chosen: ChosenIteration,
    /// Its loss, in words.
    pub loss: String,
    /// The inner steps of training.
    pub inner_steps: usize,
    /// All parameters.
    pub parameters: usize,
    /// Those that adapt.
    pub adapting: usize,
    /// What was recorded at its start.
    pub manifest: Option<Manifest>,
    /// What was recorded at its end.
    pub outcome: Option<Outcome>,
    /// The command that made the page.
    pub command: String,
    /// When, in UTC.
    pub made: String,
    /// Source revision of the trainer that made it.
    pub commit: String,
}

/// Every query of an evaluation with one number of shots, before and after the
/// run's own number of steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detail {
    /// Support examples per task, or per class.
    pub shots: usize,
    /// Inner steps taken.
    pub steps: usize,
    /// How queries were predicted.
    pub setting: Setting,
    /// What the numbers are, as those of the evaluation; accuracies are shares.
    pub measure: Measure,
    /// All queries of all tasks.
    pub all: Group,
    /// That of every task's queries, before and after.
    pub tasks: Vec<[f64; 2]>,
    /// By the person or unit that a query comes from, the worst first.
    pub users: Vec<Group>,
    /// By class, the worst first.
    pub classes: Vec<Group>,
    /// What classes are taken for.
    pub confusion: Option<Confusion>,
    /// Some units, or tasks, whose targets are values.
    pub units: Vec<Unit>,
}

/// Queries that have something in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// What they have in common.
    pub name: String,
    /// Tasks in which there are any.
    pub tasks: usize,
    /// Their number.
    pub queries: usize,
    /// Their mean before adaptation or, of errors, its root.
    pub before: Interval,
    /// The same after it.
    pub after: Interval,
    /// The difference, after − before: narrower than the two suggest, as both are
    /// of the same queries.
    pub change: Interval,
}

/// What queries of each class are taken for after adaptation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Confusion {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Queries, `[class][taken for]`.
    pub counts: Vec<Vec<usize>>,
}

/// Queries of one unit: what was measured and what is predicted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unit {
    /// The unit, or the task.
    pub name: String,
    /// The error or loss of all its queries before and after.
    pub error: [f64; 2],
    /// Reference, prediction before and after, of the first value of a target.
    pub points: Vec<[f32; 3]>,
}
