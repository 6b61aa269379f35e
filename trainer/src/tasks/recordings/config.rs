//! `tasks.distribution = "recordings"`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{RecordedTasks, SensorAugment};
use crate::data::{Layout, Recordings};
use crate::fault::{Fault, at_least_one, positive, require, ways};
use crate::nn::Shape;
use crate::tasks::{
    Contents, EvaluationDefaults, ExportDefaults, Facts, Keys, Sizes, TaskFamily, TaskSizes,
    TaskSource, TasksError,
};

/// Classification of recordings of sensors, such as gestures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// Where the CSV files are, unless the command line says otherwise.
    pub path: PathBuf,
    /// What a task is.
    pub task: RecordedTask,
    /// Classes of a task, N.
    pub ways: usize,
    /// Columns of the channels that the network sees, in this order.
    pub channels: Vec<String>,
    /// Samples of an example. A whole recording is resampled to so many or, with
    /// `stride`, windows of so many are cut out of it.
    pub length: usize,
    /// Examples are windows of `length` samples, one beginning so many samples
    /// after the other. Support and query set have windows of different
    /// recordings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<usize>,
    /// Samples a second of windows; those of the recordings if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// What is subtracted from every channel.
    #[serde(default)]
    pub centre: Centre,
    /// Whether every channel is divided by its standard deviation, and its mean
    /// subtracted, over the recordings of the training split.
    #[serde(default = "default::normalise")]
    pub normalise: bool,
    /// Which label a class has.
    #[serde(default)]
    pub labels: Labels,
    /// People or units of the training, validation and test split, where
    /// folders do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<[usize; 3]>,
    /// Classes of the splits, where folders do not say and classes are to be
    /// unseen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<[usize; 3]>,
    /// Of folders `train` and `test` without `val`: so many people of the training split,
    /// or classes where these are to be unseen, are for validation instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<usize>,
    /// Decides which these are.
    #[serde(default = "default::split_seed")]
    pub split_seed: u64,
    /// How the files are read; a `recordings.toml` beside them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// How training examples are changed, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augment: Option<SensorAugment>,
}

/// What a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedTask {
    /// Some classes that training did not see, by anybody of the split.
    NewClasses,
    /// Classes by one person or unit that training did not see.
    NewUser,
}

/// What is subtracted from every channel of an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Centre {
    /// Nothing.
    #[default]
    None,
    /// Its mean over the example.
    Example,
    /// Its median over everything that was recorded in one go: the same user and
    /// the same values of the layout's `recording`.
    Session,
}

/// Which label a class has in a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Labels {
    /// Drawn for every task, so that a network cannot know a class without the
    /// support set.
    #[default]
    Shuffled,
    /// Always the same, where tasks have all classes.
    Fixed,
}

mod default {
    pub fn normalise() -> bool {
        true
    }
    pub fn split_seed() -> u64 {
        1
    }
}

impl Recorded {
    /// Samples a second of the examples.
    pub(super) fn rate(&self, all: &Recordings) -> f64 {
        self.rate.unwrap_or(all.rate)
    }

    /// Reads the recordings.
    ///
    /// # Errors
    /// [`TasksError`] where they cannot be read or a split would be empty.
    pub fn open(&self) -> Result<RecordedTasks, TasksError> {
        let recordings = Recordings::open(&self.path, &self.channels, self.layout.as_ref())?;
        RecordedTasks::new(self.clone(), &recordings)
    }
}

impl TaskSizes for Recorded {
    fn sizes(&self) -> Sizes {
        let shape = Shape::Sequence {
            length: self.length,
            channels: self.channels.len(),
        };
        Sizes::of_classes(shape, self.ways)
    }
}

impl TaskFamily for Recorded {
    fn check(&self) -> Result<(), Fault> {
        ways(self.ways)?;
        at_least_one("tasks.length", self.length)?;
        let channels = &self.channels;
        let mut all = channels.iter().enumerate();
        require(
            !channels.is_empty() && !all.any(|(at, name)| channels[..at].contains(name)),
            "tasks.channels",
            "at least one column, each only once",
            format!("{channels:?}"),
        )?;
        if let Some(validation) = self.validation {
            at_least_one("tasks.validation", validation)?;
        }
        if let Some(stride) = self.stride {
            at_least_one("tasks.stride", stride)?;
        }
        if let Some(rate) = self.rate {
            positive("tasks.rate", rate)?;
            require(
                self.stride.is_some(),
                "tasks.rate",
                "no such key unless examples are windows (tasks.stride), as whole recordings are \
                 resampled to tasks.length",
                rate,
            )?;
        }
        if let Some((key, expected)) = self.layout.as_ref().and_then(Layout::fault) {
            let key = format!("tasks.layout.{key}");
            require(false, &key, expected, "another value")?;
        }
        match &self.augment {
            Some(augment) => augment.check(channels, self.labels),
            None => Ok(()),
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            finite_classes: true,
            target_scale: false,
            shows_task: None,
            actions: None,
            evaluation: EvaluationDefaults::CLASSES,
            // What a sensor shows all day is mostly of no class.
            export: ExportDefaults {
                accept: 0.95,
                ..ExportDefaults::CLASSES
            },
        }
    }

    fn keys(&mut self) -> Keys<'_> {
        Keys {
            ways: Some(&mut self.ways),
            path: Some(&mut self.path),
            unit_split: None,
        }
    }

    fn keep_evaluation_keys(&mut self) {
        (self.path, self.augment) = (PathBuf::new(), None);
    }

    fn source(&self) -> Result<TaskSource, TasksError> {
        Ok(TaskSource::supervised(self.open()?))
    }

    fn contents(&self) -> Result<Option<Contents>, TasksError> {
        Ok(Some(self.open()?.contents()))
    }
}
