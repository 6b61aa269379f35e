//! `[tasks]` of a config: the list of families, and what all of them have.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::training_ways::TrainingWays;
use super::{
    Curves, Images, Omniglot, Readings, Recorded, Sensors, Sinusoid, TaskDistribution, TaskFamily,
    Waveforms,
};
use crate::data::DataError;
use crate::environments::{Ant, HalfCheetah, Locomotion, MujocoError, Navigation, ServoTasks};

/// The families: a line makes one known to configs and to all commands.
macro_rules! families {
    ($($(#[doc = $doc:literal])* $(#[cfg($test:meta)])? $family:ident($table:ty),)*) => {
        /// Where tasks come from: the table of a family. What can be asked of it is
        /// [`TaskFamily`]'s.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "distribution", rename_all = "snake_case")]
        pub enum TasksConfig {
            $($(#[doc = $doc])* $(#[cfg($test)])? $family(Box<$table>),)*
        }

        impl Deref for TasksConfig {
            type Target = dyn TaskFamily;

            fn deref(&self) -> &Self::Target {
                match self {
                    $($(#[cfg($test)])? Self::$family(table) => &**table,)*
                }
            }
        }

        impl DerefMut for TasksConfig {
            fn deref_mut(&mut self) -> &mut Self::Target {
                match self {
                    $($(#[cfg($test)])? Self::$family(table) => &mut **table,)*
                }
            }
        }
    };
}

families! {
    /// Sinusoid regression.
    Sinusoid(Sinusoid),
    /// Classification of synthetic recordings.
    Waveforms(Waveforms),
    /// Classification of the characters of Omniglot.
    Omniglot(Omniglot),
    /// Classification of images in a folder.
    Images(Images),
    /// Classification of recordings of sensors.
    Recordings(Recorded),
    /// Regression on readings of units beside a reference.
    Readings(Readings),
    /// Regression on calibrations, whose curves are known.
    Curves(Curves),
    /// Regression on synthetic sensors.
    Sensors(Sensors),
    /// A point that finds a goal by acting.
    Navigation(Navigation),
    /// A planar robot of two legs that runs.
    HalfCheetah(Locomotion<HalfCheetah>),
    /// A robot of four legs that walks.
    Ant(Locomotion<Ant>),
    /// A position servo whose units differ, as a device learns to control it.
    Servo(ServoTasks),
    /// Regression on lines, for tests.
    #[cfg(test)]
    Lines(super::lines::Lines),
}

/// Why tasks cannot be drawn.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TasksError {
    /// The data set cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A robot cannot be simulated.
    #[error(transparent)]
    Mujoco(#[from] MujocoError),
    /// There are no examples, as a policy acts.
    #[error(
        "a policy acts in these tasks, which have no examples; `train`, `evaluate`, `plot`, \
         `report` and `export` take them"
    )]
    Acting,
}

impl TasksError {
    /// `what` has only `has`, but `needs`.
    pub(crate) fn too_few(what: String, has: String, needs: String) -> Self {
        Self::Data(DataError::TooFew { what, has, needs })
    }

    /// The same with more to say about what is needed.
    pub(crate) fn also(mut self, more: &str) -> Self {
        if let Self::Data(DataError::TooFew { needs, .. }) = &mut self {
            *needs = format!("{needs}; {more}");
        }
        self
    }

    /// What tasks of `tasks.ways` classes lack, where `meta.ways` says how many.
    pub(super) fn of_training_ways(mut self) -> Self {
        if let Self::Data(DataError::TooFew { needs, .. }) = &mut self {
            *needs = needs.replace("tasks.ways", "meta.ways");
        }
        self
    }
}

impl TasksConfig {
    /// Opens the data, if there is any, and gives what support and query sets are
    /// drawn from.
    ///
    /// # Errors
    /// [`TasksError`] where data is missing or unusable, or a policy acts; formulas never
    /// fail.
    pub fn open(&self) -> Result<Arc<dyn TaskDistribution>, TasksError> {
        self.source()?.into_supervised()
    }

    /// Opens the data for training on tasks of `ways` classes; those of the other
    /// splits keep their own number.
    ///
    /// # Errors
    /// As [`TasksConfig::open`].
    pub fn open_to_train(
        &self,
        ways: Option<usize>,
    ) -> Result<Arc<dyn TaskDistribution>, TasksError> {
        let evaluation = self.open()?;
        let Some(ways) = ways else {
            return Ok(evaluation);
        };
        let mut training = self.clone();
        training.set_classes(ways);
        let training = training.open().map_err(TasksError::of_training_ways)?;
        Ok(Arc::new(TrainingWays {
            training,
            evaluation,
        }))
    }

    /// Tasks have `ways` classes from here on, if they have any.
    pub fn set_classes(&mut self, ways: usize) {
        if let Some(own) = self.keys().ways {
            *own = ways;
        }
    }

    /// Whether tasks are made of a finite set of classes, so that a classifier of all
    /// of them can be trained.
    pub fn has_finite_classes(&self) -> bool {
        self.facts().finite_classes
    }

    /// Whether a policy acts, so that sets depend on the parameters.
    pub fn acts(&self) -> bool {
        self.facts().actions.is_some()
    }

    /// Whether targets are scaled for training, and exported in their unit.
    pub fn has_target_scale(&self) -> bool {
        self.facts().target_scale
    }

    /// The config with only what decides which tasks are drawn for validation and
    /// tests: two runs are evaluated on the same tasks where these are equal.
    pub fn as_evaluated(&self) -> Self {
        let mut tasks = self.clone();
        tasks.keep_evaluation_keys();
        tasks
    }

    /// The sinusoids, if that is what the tasks are.
    pub fn sinusoid(&self) -> Option<&Sinusoid> {
        match self {
            Self::Sinusoid(sinusoid) => Some(sinusoid),
            _ => None,
        }
    }
}
