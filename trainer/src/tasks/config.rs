//! `[tasks]` of a config: what is known of tasks before any data is opened, and
//! the opening.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::images::views;
use super::ways::OtherWays;
use super::{
    Curves, DeviceSplit, ImageTasks, Images, Omniglot, Readings, Recorded, Sensors, Sinusoid,
    SinusoidInputs, TaskDistribution, Waveforms,
};
use crate::data::DataError;
use crate::nn::Shape;

/// Where tasks come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "distribution", rename_all = "snake_case")]
pub enum TasksConfig {
    /// Sinusoid regression.
    Sinusoid(Sinusoid),
    /// Classification of synthetic recordings.
    Waveforms(Waveforms),
    /// Classification of the characters of Omniglot.
    Omniglot(Omniglot),
    /// Classification of images in a folder.
    Images(Images),
    /// Classification of recordings of sensors.
    Recordings(Box<Recorded>),
    /// Regression on readings of devices beside a reference.
    Readings(Readings),
    /// Regression on calibrations, whose curves are known.
    Curves(Curves),
    /// Regression on synthetic sensors.
    Sensors(Sensors),
}

/// Why tasks cannot be drawn.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TasksError {
    /// The data set cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
}

impl TasksConfig {
    /// Shape of one example, known from the config alone.
    pub fn shape(&self) -> Shape {
        match self {
            Self::Sinusoid(sinusoid) => sinusoid.shape(),
            Self::Waveforms(waveforms) => waveforms.shape(),
            Self::Omniglot(omniglot) => omniglot.shape(),
            Self::Images(images) => images.shape(),
            Self::Recordings(recorded) => recorded.shape(),
            Self::Readings(readings) => readings.shape(),
            Self::Curves(curves) => curves.shape(),
            Self::Sensors(sensors) => sensors.shape(),
        }
    }

    /// Features of one example.
    pub fn input(&self) -> usize {
        self.shape().features()
    }

    /// Values of one target.
    pub fn output(&self) -> usize {
        match self {
            Self::Sinusoid(sinusoid) => sinusoid.output(),
            Self::Waveforms(waveforms) => waveforms.output(),
            Self::Omniglot(omniglot) => omniglot.ways,
            Self::Images(images) => images.ways,
            Self::Recordings(recorded) => recorded.ways,
            Self::Readings(_) | Self::Curves(_) => 1,
            Self::Sensors(sensors) => sensors.kind.sizes()[1],
        }
    }

    /// Classes of a task, N, where targets are one-hot; `None` where they are
    /// values.
    pub fn classes(&self) -> Option<usize> {
        match self {
            Self::Sinusoid(sinusoid) => sinusoid.classes(),
            Self::Waveforms(waveforms) => waveforms.classes(),
            Self::Omniglot(omniglot) => Some(omniglot.ways),
            Self::Images(images) => Some(images.ways),
            Self::Recordings(recorded) => Some(recorded.ways),
            Self::Readings(_) | Self::Curves(_) | Self::Sensors(_) => None,
        }
    }

    /// Tasks have `ways` classes from here on, if they have any.
    pub fn set_classes(&mut self, ways: usize) {
        match self {
            Self::Sinusoid(_) | Self::Readings(_) | Self::Curves(_) | Self::Sensors(_) => {}
            Self::Waveforms(waveforms) => waveforms.ways = ways,
            Self::Omniglot(omniglot) => omniglot.ways = ways,
            Self::Images(images) => images.ways = ways,
            Self::Recordings(recorded) => recorded.ways = ways,
        }
    }

    /// Whether tasks are made of a finite set of classes, so that a classifier of
    /// all of them can be trained.
    pub fn has_finite_classes(&self) -> bool {
        matches!(
            self,
            Self::Omniglot(_) | Self::Images(_) | Self::Recordings(_)
        )
    }

    /// Whether examples were measured rather than made up, so that it is worth
    /// knowing what can be had without meta-learning.
    pub fn is_measured(&self) -> bool {
        !matches!(self, Self::Sinusoid(_) | Self::Waveforms(_))
    }

    /// Examples of `shots` shots: as many of each class, where there are
    /// classes.
    pub fn set_size(&self, shots: usize) -> usize {
        shots * self.classes().unwrap_or(1)
    }

    /// Examples of a support set of `shots` shots, where each may be more than one.
    pub fn support_size(&self, shots: usize) -> usize {
        self.set_size(shots) * self.views()
    }

    /// Examples that each one of a shot is: two where mirror images count.
    pub fn views(&self) -> usize {
        match self {
            Self::Images(images) => views(images.mirrored_support),
            _ => 1,
        }
    }

    /// As far as it decides which tasks are drawn for validation and tests: where data
    /// lies, how training examples are changed and what else a run makes of its
    /// examples makes no difference.
    pub fn as_judged(&self) -> Self {
        let mut tasks = self.clone();
        match &mut tasks {
            Self::Sinusoid(sinusoid) => sinusoid.inputs = SinusoidInputs::X,
            Self::Omniglot(omniglot) => {
                omniglot.path = PathBuf::new();
                (omniglot.augment, omniglot.augment_classes) = (None, None);
            }
            Self::Images(images) => {
                images.path = PathBuf::new();
                (images.augment, images.augment_classes) = (None, None);
                images.mirrored_support = false;
            }
            Self::Recordings(recorded) => {
                (recorded.path, recorded.augment) = (PathBuf::new(), None);
            }
            Self::Readings(readings) => readings.path = PathBuf::new(),
            Self::Curves(curves) => curves.path = PathBuf::new(),
            Self::Waveforms(_) | Self::Sensors(_) => {}
        }
        tasks
    }

    /// Opens the data, if there is any, and gives the distribution.
    ///
    /// # Errors
    /// [`TasksError`] where data is missing or unusable; formulas never fail.
    pub fn open(&self) -> Result<Arc<dyn TaskDistribution>, TasksError> {
        Ok(match self {
            Self::Sinusoid(sinusoid) => Arc::new(sinusoid.clone()),
            Self::Waveforms(waveforms) => Arc::new(waveforms.clone()),
            Self::Omniglot(omniglot) => Arc::new(omniglot.open()?),
            Self::Images(images) => Arc::new(images.open()?),
            Self::Recordings(recorded) => Arc::new(recorded.open()?),
            Self::Readings(readings) => Arc::new(readings.open()?),
            Self::Curves(curves) => Arc::new(curves.open()?),
            Self::Sensors(sensors) => Arc::new(sensors.open()),
        })
    }

    /// Opens the data of tasks of images; `None` for all others.
    ///
    /// # Errors
    /// As [`TasksConfig::open`].
    pub fn open_images(&self) -> Option<Result<ImageTasks, TasksError>> {
        match self {
            Self::Omniglot(omniglot) => Some(omniglot.open()),
            Self::Images(images) => Some(images.open()),
            _ => None,
        }
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
        let judged = self.open()?;
        let Some(ways) = ways else {
            return Ok(judged);
        };
        let mut other = self.clone();
        other.set_classes(ways);
        let train = other.open()?;
        Ok(Arc::new(OtherWays { train, judged }))
    }

    /// Which devices are in which split, where the config says it.
    pub fn device_split_mut(&mut self) -> Option<&mut DeviceSplit> {
        match self {
            Self::Readings(readings) => Some(&mut readings.split),
            Self::Curves(curves) => Some(&mut curves.split),
            _ => None,
        }
    }

    /// Whether targets have a scale, so that a device's are in another unit than
    /// those of training.
    pub fn has_target_scale(&self) -> bool {
        matches!(self, Self::Readings(_) | Self::Curves(_) | Self::Sensors(_))
    }

    /// The sinusoids, if that is what the tasks are.
    pub fn sinusoid(&self) -> Option<&Sinusoid> {
        match self {
            Self::Sinusoid(sinusoid) => Some(sinusoid),
            _ => None,
        }
    }
}
