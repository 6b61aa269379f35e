//! The arguments that say which episodes runs are evaluated on.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::Usage;
use crate::config::{Config, ConfigError};
use crate::evaluate::{Evaluation, Setting};
use crate::model::TrainedModel;
use crate::notice::notice;
use crate::run::RunDir;
use crate::tasks::{Split, TaskDistribution, TasksConfig};

/// Which episodes, and how their queries are predicted.
#[derive(Clone, Debug, Args)]
pub(super) struct Episodes {
    /// Number of tasks [default: 4000, with classes 600, of devices 2000]
    #[arg(long)]
    tasks: Option<usize>,
    /// Classes of a task: any number for runs with model.head = "shared" and
    /// prototypical networks, for others no more than they have [default: those of
    /// the config]
    #[arg(long)]
    pub(super) ways: Option<usize>,
    /// Numbers of support examples, K, of each class if there are classes
    /// [default: 5,10,20, with classes 1,5, of devices 1,2,3,5]
    #[arg(long, value_delimiter = ',')]
    shots: Option<Vec<usize>>,
    /// Numbers of query examples per task [default: 100, of devices 20, or 15
    /// readings], or of each class
    /// [default: 15]
    #[arg(long, value_delimiter = ',')]
    queries: Option<Vec<usize>>,
    /// What else is measured on the same tasks [default: simple where data was
    /// measured, else none]
    #[arg(long, alias = "rivals", value_enum)]
    pub(super) baselines: Option<BaselinesChoice>,
    #[command(flatten)]
    setting: SettingFlag,
    /// Where the tasks come from
    #[arg(long, value_enum, default_value = "test")]
    split: SplitChoice,
    /// Seed of the tasks
    #[arg(long, default_value_t = Evaluation::default().seed)]
    seed: u64,
}

/// Tasks that are not the runs' own.
#[derive(Debug, Args)]
pub(super) struct OtherTasks {
    /// Other tasks than the runs' own: those of another config, with as many inputs
    /// and outputs, such as real devices for a run that was trained on synthetic ones
    #[arg(long, value_name = "CONFIG")]
    on: Option<PathBuf>,
}

impl OtherTasks {
    /// Those tasks, if there are any.
    ///
    /// # Errors
    /// What reading the config meets.
    pub(super) fn tasks(&self) -> Result<Option<TasksConfig>, ConfigError> {
        let config = self.on.as_ref().map(|path| Config::load(path, &[]));
        Ok(config.transpose()?.map(|config| config.tasks))
    }
}

/// `--split`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum SplitChoice {
    /// What results are reported on.
    Test,
    /// What rates and iterations were chosen on.
    Validation,
}

/// How queries are predicted.
#[derive(Clone, Debug, Args)]
pub(super) struct SettingFlag {
    /// How queries are predicted where they can see one another [default: that of the
    /// config, record.setting, and device beside it]
    #[arg(long, value_enum)]
    setting: Option<SettingChoice>,
}

/// `--setting`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SettingChoice {
    /// Each alone, as the engine on a device predicts it
    Device,
    /// All in one batch
    Transductive,
    /// Each in a batch with the support set
    Inductive,
    /// All three, judged by that of the config
    All,
}

impl SettingFlag {
    /// The settings for some models; the first is what they are judged by.
    pub(super) fn settings(&self, models: &[(String, TrainedModel)]) -> Vec<Setting> {
        let own = Evaluation::settings_of(models.iter().map(|(_, model)| &model.config));
        match self.setting {
            None => own,
            Some(SettingChoice::Device) => vec![Setting::Device],
            Some(SettingChoice::Transductive) => vec![Setting::Transductive],
            Some(SettingChoice::Inductive) => vec![Setting::Inductive],
            Some(SettingChoice::All) => {
                let first = own.into_iter().take(1);
                let mut all: Vec<Setting> = first.chain(Setting::ALL).collect();
                if let Some(again) = all.iter().rposition(|setting| *setting == all[0]) {
                    all.remove(again);
                }
                all
            }
        }
    }
}

/// `--baselines`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum BaselinesChoice {
    /// The runs alone.
    None,
    /// What needs no network: nearest neighbours, or corrected averages and ridge.
    Simple,
    /// Also networks like the first run's: from scratch, pretrained and
    /// fine-tuned, prototypical. They are trained into RUN/baselines, once.
    Trained,
}

impl Episodes {
    /// The number of shots, where only one may be asked for.
    ///
    /// # Errors
    /// Where there are several.
    pub(super) fn only_shots(&self) -> anyhow::Result<Option<usize>> {
        match self.shots.as_deref() {
            None => Ok(None),
            Some(&[shots]) => Ok(Some(shots)),
            Some(_) => Err(Usage::new("--shots: one number, as one figure is drawn")),
        }
    }

    /// With other numbers of shots where none were asked for.
    pub(super) fn usually(&self, shots: usize) -> Self {
        Self {
            shots: Some(self.shots.clone().unwrap_or(vec![shots])),
            ..self.clone()
        }
    }

    /// The evaluation for some models. What is not given is as usual, but with fewer
    /// queries, and then fewer numbers of shots, where classes have too few examples.
    ///
    /// # Errors
    /// What opening their tasks, or `on` if there is one, meets.
    pub(super) fn evaluation(
        &self,
        models: &[(String, TrainedModel)],
        steps: Option<usize>,
        on: Option<TasksConfig>,
    ) -> anyhow::Result<Evaluation> {
        check_tasks(self.tasks)?;
        let defaults = (on.as_ref()).map_or_else(|| defaults(models), Evaluation::default_for);
        let mut evaluation = Evaluation {
            tasks: self.tasks.unwrap_or(defaults.tasks),
            shots: self.shots.clone().unwrap_or(defaults.shots),
            steps: steps.or(defaults.steps),
            queries: self.queries.clone().unwrap_or(defaults.queries),
            settings: self.setting.settings(models),
            split: match self.split {
                SplitChoice::Test => Split::Test,
                SplitChoice::Validation => Split::Validation,
            },
            seed: self.seed,
            baselines: (self.baselines).map_or(defaults.baselines, |baselines| {
                baselines != BaselinesChoice::None
            }),
            on,
            ..defaults
        };
        let own = models.first().map(|(_, model)| &model.config.tasks);
        let (Some(tasks), Some(most)) = (
            evaluation.on.as_ref().or(own),
            evaluation.queries.iter().copied().max(),
        ) else {
            return Ok(evaluation);
        };
        if tasks.acts() {
            anyhow::ensure!(
                self.baselines != Some(BaselinesChoice::Simple),
                Usage(
                    "--baselines simple: a policy acts in these tasks, and all policies are \
                     networks; --baselines trained trains some"
                        .into()
                )
            );
            evaluation.baselines = false;
            return Ok(evaluation);
        }
        let distribution = tasks.open()?;
        if evaluation.on.is_none() {
            note_other_data(models, (tasks, &*distribution))?;
        }
        let (shots, queries) = fitting(
            &*distribution,
            &[evaluation.split],
            (evaluation.shots, self.shots.is_some()),
            (most, self.queries.is_some()),
        );
        evaluation.shots = shots;
        if self.queries.is_none() {
            evaluation.queries = vec![queries];
        }
        Ok(evaluation)
    }
}

/// Refuses a single task, whose mean has no interval.
pub(super) fn check_tasks(tasks: Option<usize>) -> anyhow::Result<()> {
    anyhow::ensure!(
        tasks != Some(1),
        "--tasks 1: an interval takes at least 2 tasks"
    );
    Ok(())
}

/// Says of which runs the data is no longer what they were trained on; `opened` are the tasks of
/// the first.
pub(super) fn note_other_data(
    models: &[(String, TrainedModel)],
    opened: (&TasksConfig, &dyn TaskDistribution),
) -> anyhow::Result<()> {
    let digest = opened.1.digest();
    let mut names: Vec<&str> = Vec::new();
    for (name, model) in models {
        // A run that is still to be trained has no data of its own.
        let Ok(run) = RunDir::open(Path::new(name)) else {
            continue;
        };
        if names.contains(&&name[..]) {
            continue;
        }
        names.push(name);
        let tasks = &model.config.tasks;
        let checked = match tasks == opened.0 {
            true => run.check_data(digest.as_ref()),
            false => run.check_data(tasks.open()?.digest().as_ref()),
        };
        if let Err(error) = checked {
            notice(&format!("{error}"));
        }
    }
    Ok(())
}

/// Numbers of shots and of queries, the usual unless they were asked for: fewer
/// queries, and then fewer numbers of shots, where the classes of a split have too
/// few examples for the defaults.
pub(super) fn fitting(
    distribution: &dyn TaskDistribution,
    splits: &[Split],
    (shots, asked_shots): (Vec<usize>, bool),
    (queries, asked_queries): (usize, bool),
) -> (Vec<usize>, usize) {
    let fits = |shots: usize, queries: usize| {
        let mut splits = splits.iter();
        splits.all(|&split| distribution.check(split, shots, queries).is_ok())
    };
    let mut kept = shots.clone();
    while let Some(most) = kept.iter().copied().max() {
        let least = if asked_queries { queries } else { 1 };
        if let Some(queries) = (least..=queries).rev().find(|&queries| fits(most, queries)) {
            return (kept, queries);
        }
        if asked_shots {
            break;
        }
        kept.retain(|&shots| shots < most);
    }
    // Even the least is too much, which whoever draws will say.
    (shots, queries)
}

/// What is usual for the tasks of the first of some models.
pub(super) fn defaults(models: &[(String, TrainedModel)]) -> Evaluation {
    let first = models.first();
    first.map_or_else(Evaluation::default, |(_, model)| {
        Evaluation::default_for(&model.config.tasks)
    })
}
