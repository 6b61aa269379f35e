//! What the program knows of a family of tasks.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Contents, DataDigest, TaskDistribution, TaskSizes, TasksError, UnitSplit};
use crate::environments::{Actions, Environments};
use crate::fault::Fault;

/// A family of tasks, implemented by its table of the config.
///
/// It is all that the program knows of the family before data is opened. No method
/// and no field has a default: what a family does not say is an error of the compiler.
pub trait TaskFamily: TaskSizes {
    /// What the table must satisfy beyond its types.
    ///
    /// # Errors
    /// The first key whose value cannot be used.
    fn check(&self) -> Result<(), Fault>;

    /// What its tasks are, and what commands do with them.
    fn facts(&self) -> Facts;

    /// The keys that commands change.
    fn keys(&mut self) -> Keys<'_>;

    /// Resets every key that makes no difference to the tasks of validation and
    /// test: where data lies, how training examples are changed, and what else a run
    /// makes of its examples.
    fn keep_evaluation_keys(&mut self);

    /// Opens the data, if there is any.
    ///
    /// # Errors
    /// [`TasksError`] where data is missing or unusable.
    fn source(&self) -> Result<TaskSource, TasksError>;

    /// What the data holds, for `mamlet data check`; `None` where tasks come from
    /// formulas.
    ///
    /// # Errors
    /// As [`TaskFamily::source`].
    fn contents(&self) -> Result<Option<Contents>, TasksError>;
}

/// What the tasks of a family are, and what commands do with them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Facts {
    /// Whether tasks are made of a finite set of classes, so that a classifier of all
    /// of them can be trained.
    pub finite_classes: bool,
    /// Whether targets are scaled for training, and exported in their unit.
    pub target_scale: bool,
    /// Whether inputs tell the parameters of the task, as `tasks.inputs` says; `None` where
    /// they cannot.
    pub shows_task: Option<bool>,
    /// What can be done, where a policy acts.
    pub actions: Option<Actions>,
    /// How its tasks are evaluated.
    pub evaluation: EvaluationDefaults,
    /// How a run on its tasks is exported.
    pub export: ExportDefaults,
}

/// Keys of a table that commands change.
#[derive(Debug)]
pub struct Keys<'a> {
    /// The classes of a task, where tasks have classes.
    pub ways: Option<&'a mut usize>,
    /// Where the data is, where there is data.
    pub path: Option<&'a mut PathBuf>,
    /// Which units are in which split, where splits are of units.
    pub unit_split: Option<&'a mut UnitSplit>,
}

/// Where the sets of a task come from.
///
/// It has one variant for each way to get a set, so that a sampler must decide what
/// it does about each.
#[derive(Clone)]
pub enum TaskSource {
    /// Support and query sets are there before anything adapts.
    Supervised(Arc<dyn TaskDistribution>),
    /// A policy acts, with the parameters as they stand.
    Acting(Arc<dyn Environments>),
}

impl TaskSource {
    /// Sets that are drawn from `tasks`.
    pub fn supervised(tasks: impl TaskDistribution + 'static) -> Self {
        Self::Supervised(Arc::new(tasks))
    }

    /// The tasks whose sets are there before anything adapts.
    ///
    /// # Errors
    /// [`TasksError::Acting`] where a policy acts.
    pub fn into_supervised(self) -> Result<Arc<dyn TaskDistribution>, TasksError> {
        match self {
            Self::Supervised(tasks) => Ok(tasks),
            Self::Acting(_) => Err(TasksError::Acting),
        }
    }

    /// [`TaskDistribution::digest`]; environments have no data.
    pub fn digest(&self) -> Option<DataDigest> {
        match self {
            Self::Supervised(tasks) => tasks.digest(),
            Self::Acting(_) => None,
        }
    }

    /// [`TaskDistribution::notes`].
    pub fn notes(&self) -> &[String] {
        match self {
            Self::Supervised(tasks) => tasks.notes(),
            Self::Acting(_) => &[],
        }
    }
}

/// How tasks of a family are evaluated unless the command line asks for something
/// else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvaluationDefaults {
    /// Test tasks.
    pub tasks: usize,
    /// Numbers of support examples, of each class where there are classes.
    pub shots: &'static [usize],
    /// Query examples of a task, of each class where there are classes.
    pub queries: usize,
    /// Inner steps of every model; `None` where each takes as many as it is trained
    /// to take.
    pub steps: Option<usize>,
    /// Validation tasks on which a tuned rate is chosen.
    pub tuning_tasks: usize,
    /// Whether baselines without a network are measured beside the models.
    pub baselines: bool,
}

impl EvaluationDefaults {
    /// Where targets are values of formulas, which come for nothing.
    pub const VALUES: Self = Self {
        tasks: 4000,
        shots: &[5, 10, 20],
        queries: 100,
        steps: Some(10),
        tuning_tasks: 500,
        baselines: false,
    };

    /// Where a policy acts: shots and queries are rollouts.
    pub const ROLLOUTS: Self = Self {
        tasks: 40,
        shots: &[20],
        queries: 20,
        steps: Some(3),
        tuning_tasks: 20,
        baselines: false,
    };

    /// Where targets are values in a unit of measurement.
    pub const CALIBRATION: Self = Self {
        tasks: 2000,
        shots: &[1, 2, 3, 5],
        queries: 20,
        steps: None,
        tuning_tasks: 500,
        baselines: true,
    };

    /// Where targets are classes of measured examples.
    pub const CLASSES: Self = Self {
        tasks: 600,
        shots: &[1, 5],
        queries: 15,
        steps: None,
        tuning_tasks: 200,
        baselines: true,
    };
}

/// How a run on tasks of a family is exported unless the command line asks for
/// something else.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExportDefaults {
    /// Numbers of support examples that the safety survey adapts to, of each class
    /// where there are classes.
    pub safety_shots: &'static [usize],
    /// Share of the examples of taught classes that the artifact accepts; 1 is all.
    pub accept: f64,
    /// What whoever uses the artifact must know besides.
    pub note: Option<&'static str>,
}

impl ExportDefaults {
    /// Where targets are values of formulas.
    pub const VALUES: Self = Self {
        safety_shots: &[3, 5, 10],
        accept: 1.0,
        note: None,
    };

    /// Where targets are values in a unit of measurement.
    pub const CALIBRATION: Self = Self {
        safety_shots: &[1, 3, 5],
        accept: 1.0,
        note: None,
    };

    /// Where a policy acts: shots are rollouts.
    pub const ROLLOUTS: Self = Self {
        safety_shots: &[1, 4],
        accept: 1.0,
        note: None,
    };

    /// Where targets are classes.
    pub const CLASSES: Self = Self {
        safety_shots: &[1, 5],
        accept: 1.0,
        note: None,
    };
}
