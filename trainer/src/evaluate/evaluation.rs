//! What is evaluated: how many episodes, of what size, and how queries are
//! predicted.

use crate::config::Config;
use crate::predict::{Predictor, Setting};
use crate::tasks::{EvaluationDefaults, Split, TasksConfig};

/// What is evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Number of test tasks.
    pub tasks: usize,
    /// Numbers of support examples, of each class where there are classes.
    pub shots: Vec<usize>,
    /// Inner steps; as many as each model is meant to take if `None`.
    pub steps: Option<usize>,
    /// Numbers of query examples per task, or per class.
    pub queries: Vec<usize>,
    /// How queries are predicted; where they cannot see one another all are the
    /// same and measured once. The first is what is judged by: rates are tuned and
    /// verdicts made in it.
    pub settings: Vec<Setting>,
    /// Where the tasks are drawn from.
    pub split: Split,
    /// Seed of the test tasks, whatever the models were trained with.
    pub seed: u64,
    /// Validation tasks on which a tuned rate is chosen.
    pub tuning_tasks: usize,
    /// Whether baselines without a network are measured beside the runs.
    pub baselines: bool,
    /// Other tasks than the models' own, which they see by the scales they were
    /// trained with.
    pub on: Option<TasksConfig>,
}

/// Inner steps of methods that have no number of their own.
const DEFAULT_STEPS: usize = 10;

/// What is usual for regression.
impl Default for Evaluation {
    fn default() -> Self {
        Self::new(EvaluationDefaults::VALUES)
    }
}

impl Evaluation {
    fn new(defaults: EvaluationDefaults) -> Self {
        let EvaluationDefaults {
            tasks,
            shots,
            queries,
            steps,
            tuning_tasks,
            baselines,
        } = defaults;
        Self {
            tasks,
            shots: shots.to_vec(),
            steps,
            queries: vec![queries],
            settings: vec![Setting::Device],
            split: Split::Test,
            seed: 2017,
            tuning_tasks,
            baselines,
            on: None,
        }
    }

    /// What is usual for such tasks. Where there are classes, a task has a set
    /// of examples for each of them.
    pub fn default_for(tasks: &TasksConfig) -> Self {
        Self::new(tasks.facts().evaluation)
    }

    /// The setting that is judged by.
    pub fn judged(&self) -> Setting {
        self.settings.first().copied().unwrap_or(Setting::Device)
    }

    /// The settings of some models where none is asked for: those of their configs, in
    /// which they are judged, and what a device does.
    pub fn settings_of<'a>(configs: impl IntoIterator<Item = &'a Config>) -> Vec<Setting> {
        let mut settings: Vec<Setting> = Vec::new();
        let own = configs.into_iter().map(Config::setting);
        for setting in own.chain([Setting::Device]) {
            if !settings.contains(&setting) {
                settings.push(setting);
            }
        }
        settings
    }

    /// Inner steps of a model with this config.
    pub fn steps_of(&self, config: &Config) -> usize {
        let own = config.evaluation_steps();
        match self.steps {
            // There are none to take.
            _ if config.method.predictor() == Predictor::Prototypes => 0,
            Some(steps) => steps,
            None => own.unwrap_or(DEFAULT_STEPS),
        }
    }

    /// Whether a row of these settings is what a device does: where all settings are the
    /// same, it is one where that is what runs are judged by. Steps that a device takes
    /// back are then not counted.
    pub(super) fn is_of_device(&self, settings: &[Setting]) -> bool {
        match settings {
            [only] => *only == Setting::Device,
            _ => self.judged() == Setting::Device,
        }
    }

    /// The largest number of shots.
    pub(super) fn most_shots(&self) -> usize {
        self.shots.iter().copied().max().unwrap_or(1)
    }

    /// The largest number of queries.
    pub(super) fn most_queries(&self) -> usize {
        self.queries.iter().copied().max().unwrap_or(1)
    }

    /// The first word on a evaluation that cannot be followed.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let zero = |list: &[usize]| list.is_empty() || list.contains(&0);
        if self.tasks == 0 {
            Some("tasks")
        } else if zero(&self.shots) {
            Some("shots")
        } else if zero(&self.queries) {
            Some("queries")
        } else if self.settings.is_empty() {
            Some("settings")
        } else {
            None
        }
    }
}
