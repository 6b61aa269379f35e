//! Few-shot classification of recordings: new classes, or the classes of a new
//! person.

mod augment;
mod config;
mod contents;
mod examples;
mod mixture;
mod signal;
mod splits;
mod task;

use std::collections::BTreeMap;
use std::sync::Arc;

use mamlet_formats::{Cut, FrontEnd};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use augment::Frame;
pub use augment::{Derived, SensorAugment};
pub use config::{Centre, Labels, Recorded, RecordedTask};
use examples::{examples, session_medians};
use splits::splits;

use super::distribution::ClassCounts;
use super::{
    Description, LabelledBatch, Origins, Sizes, Split, TaskBatch, TaskData, TaskDistribution,
    TaskSizes, TasksError, millihertz, one_hot,
};
use crate::data::{self, Normalisation, Recording, Recordings, counted};

/// Examples of one recording: whole, or its windows.
type Examples = Vec<Vec<f32>>;

/// The recordings of one class that a task draws from.
#[derive(Clone, Debug)]
struct OfClass {
    class: usize,
    /// Indices of [`RecordedTasks::recordings`].
    recordings: Vec<usize>,
}

/// Changes that, in this order, make another class of a class of recordings.
type Transform = Vec<Derived>;

/// The classes that a task draws from: those of one person, or of all people of a
/// split.
type Pool = Vec<OfClass>;

/// Tasks of recordings in memory.
#[derive(Clone, Debug)]
pub struct RecordedTasks {
    config: Recorded,
    /// Names of all classes.
    classes: Arc<[String]>,
    /// Names of all users.
    users: Arc<[String]>,
    /// Centred and of one length, but neither changed nor normalised.
    recordings: Vec<Examples>,
    /// User, class and rows of each.
    sources: Vec<[usize; 3]>,
    splits: [Vec<Pool>; 3],
    /// Standard deviation of every channel, or 1.
    sigma: Vec<f32>,
    normalisation: Arc<Normalisation>,
    frames: Vec<Frame>,
    /// What makes a training class of a class: first no change, then every combination.
    transforms: Vec<Transform>,
    /// Samples in 1000 seconds.
    millihertz: u32,
    /// What is to be known of the recordings.
    notes: Vec<String>,
}

impl RecordedTasks {
    /// Tasks of `config` from these recordings.
    ///
    /// # Errors
    /// [`TasksError`] where a split would be empty, a recording is shorter
    /// than a window, or labels are to be fixed and tasks lack some classes.
    pub fn new(config: Recorded, all: &Recordings) -> Result<Self, TasksError> {
        let splits = splits(&config, all)?;
        let channels = all.channels.len();
        let medians = session_medians(&config, all);
        let mut recordings = Vec::with_capacity(all.recordings.len());
        for recording in &all.recordings {
            let examples = examples(&config, all, recording, &medians);
            if examples.is_empty() {
                return Err(TasksError::too_few(
                    format!("the recording at {}", all.place(recording)),
                    counted(all.rows(recording), "row"),
                    format!("a window has {} samples", config.length),
                ));
            }
            recordings.push(examples);
        }
        let training = splits[Split::Train as usize].iter().flatten();
        let training = training.flat_map(|of_class| &of_class.recordings);
        let training = training.flat_map(|&at| recordings[at].iter().map(|e| &e[..]));
        let (mean, sigma) = match config.normalise {
            true => signal::moments(training, channels),
            false => (vec![0.0; channels], vec![1.0; channels]),
        };
        let column = |name: &String| config.channels.iter().position(|own| own == name);
        let augment = config.augment.clone().unwrap_or_default();
        // The config was checked: they are all there.
        let frames = (augment.frames.iter())
            .filter_map(|frame| {
                let [x, y, z] = frame;
                let turning = augment.turning.contains(frame);
                Some(([column(x)?, column(y)?, column(z)?], turning))
            })
            .collect();
        let mut transforms = vec![Transform::new()];
        for derived in augment.classes {
            for at in 0..transforms.len() {
                transforms.push([&transforms[at][..], &[derived]].concat());
            }
        }
        if config.labels == Labels::Fixed && config.ways != all.classes.len() {
            return Err(TasksError::too_few(
                "the data".into(),
                counted(all.classes.len(), "class"),
                format!(
                    "labels = \"fixed\" needs tasks.ways = {} of them",
                    config.ways
                ),
            ));
        }
        let source = |recording: &Recording| [recording.user, recording.class, all.rows(recording)];
        Ok(Self {
            classes: all.classes.clone().into(),
            users: all.users.clone().into(),
            recordings,
            sources: all.recordings.iter().map(source).collect(),
            splits,
            normalisation: Arc::new(Normalisation {
                mean: mean.repeat(config.length),
                scale: sigma
                    .iter()
                    .map(|s| 1.0 / s)
                    .collect::<Vec<_>>()
                    .repeat(config.length),
            }),
            sigma,
            millihertz: millihertz(config.rate(all)),
            notes: all.notes.clone(),
            config,
            frames,
            transforms,
        })
    }

    /// The config.
    pub fn config(&self) -> &Recorded {
        &self.config
    }

    /// Names of the classes of a split.
    pub fn classes_of(&self, split: Split) -> Vec<&str> {
        let pools = self.splits[split as usize].iter().flatten();
        let classes: BTreeMap<usize, &str> = pools
            .map(|of_class| (of_class.class, &self.classes[of_class.class][..]))
            .collect();
        classes.into_values().collect()
    }

    /// The pools of a split that have enough classes for a task.
    fn pools(&self, split: Split) -> impl Iterator<Item = &Pool> {
        let pools = self.splits[split as usize].iter();
        let transforms = self.transforms_of(split).len();
        pools.filter(move |pool| pool.len() * transforms >= self.config.ways)
    }

    /// What a board does to get an example from the samples of its sensor.
    fn cut_and_centred(&self) -> Option<(FrontEnd, Vec<String>)> {
        let config = &self.config;
        let number = |number: usize| u32::try_from(number).ok();
        let front_end = FrontEnd {
            channels: number(config.channels.len())?,
            length: number(config.length)?,
            millihertz: self.millihertz,
            cut: match config.stride {
                Some(stride) => Cut::Windows {
                    stride: number(stride)?,
                },
                None => Cut::Whole {
                    longest: number(self.longest_training_recording())?,
                },
            },
            centre: match config.centre {
                Centre::None => mamlet_formats::Centre::None,
                Centre::Example => mamlet_formats::Centre::Mean,
                Centre::Session => mamlet_formats::Centre::Rest,
            },
        };
        Some((front_end, config.channels.clone()))
    }

    fn measured(&self, values: Vec<f32>) -> data::Examples {
        data::Examples::Measured {
            values,
            normalisation: self.normalisation.clone(),
        }
    }
}

impl TaskSizes for RecordedTasks {
    fn sizes(&self) -> Sizes {
        self.config.sizes()
    }
}

impl TaskDistribution for RecordedTasks {
    fn description(&self) -> Description {
        let normalises = self.config.normalise;
        Description {
            normalisation: normalises.then(|| self.normalisation.clone()),
            target_scale: None,
            front_end: self.cut_and_centred(),
        }
    }

    /// Every task has a generator of its own for classes and recordings. Support
    /// examples are the first of a random order of a class's recordings, query
    /// examples the last, from the end, so neither depends on how many there are
    /// of the other. Where a class has fewer recordings than both need, they repeat.
    /// Panics where no pool has enough classes. [`TaskData::check_counts`] refuses
    /// both.
    fn draw(
        &self,
        split: Split,
        rng: &mut ChaCha8Rng,
        tasks: usize,
        shots: usize,
        queries: usize,
    ) -> TaskBatch {
        let ways = self.config.ways;
        let [mut support, mut query] = [(); 2].map(|()| (Vec::new(), Vec::new()));
        let mut origins = Vec::new();
        for _ in 0..tasks {
            let sets = self.task(split, rng.random(), [shots, queries]);
            origins.extend_from_slice(&sets[1].origins);
            for (set, (x, y)) in sets.into_iter().zip([&mut support, &mut query]) {
                x.extend(set.x);
                y.extend(
                    set.labels
                        .into_iter()
                        .flat_map(|label| one_hot(label, ways)),
                );
            }
        }
        TaskBatch {
            tasks,
            input: self.input(),
            output: ways,
            classes: Some(ways),
            support_x: self.measured(support.0),
            support_y: support.1,
            query_x: self.measured(query.0),
            query_y: query.1,
            origins: Some(Origins {
                users: self.users.clone(),
                classes: self.classes.clone(),
                queries: origins,
            }),
        }
    }

    fn data(&self) -> Option<&dyn TaskData> {
        Some(self)
    }
}

impl TaskData for RecordedTasks {
    fn check_counts(&self, split: Split, shots: usize, queries: usize) -> Result<(), TasksError> {
        let most = self.splits[split as usize].iter().map(Vec::len).max();
        let fewest = self.pools(split).flatten();
        let fewest = fewest.min_by_key(|of_class| of_class.recordings.len());
        let counts = ClassCounts {
            classes: most.unwrap_or(0) * self.transforms_of(split).len(),
            fewest: fewest.map(|of_class| {
                let class = &self.classes[of_class.class];
                let name = match (self.config.task, of_class.recordings.first()) {
                    (RecordedTask::NewUser, Some(&at)) => {
                        format!("{class} by {}", self.users[self.sources[at][0]])
                    }
                    _ => class.clone(),
                };
                (name, of_class.recordings.len())
            }),
            example: "recording",
        };
        let enough = counts.check(split, self.config.ways, [shots, queries]);
        match (split, most) {
            (Split::Validation, None) => enough.map_err(|error| {
                error.also("tasks.validation = N takes N users or classes of the training split")
            }),
            _ => enough,
        }
    }

    fn notes_on_data(&self) -> &[String] {
        &self.notes
    }

    fn task_units(
        &self,
        _split: Split,
        _rng: &mut ChaCha8Rng,
        _tasks: usize,
    ) -> Option<Vec<usize>> {
        None
    }

    fn count_classes(&self, split: Split) -> Option<usize> {
        Some(self.classes_of(split).len() * self.transforms_of(split).len())
    }

    fn draw_examples(&self, rng: &mut ChaCha8Rng, count: usize) -> Option<LabelledBatch> {
        let mut by_class: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for of_class in self.splits[Split::Train as usize].iter().flatten() {
            let recordings = by_class.entry(of_class.class).or_default();
            recordings.extend(&of_class.recordings);
        }
        let by_class: Vec<Vec<usize>> = by_class.into_values().collect();
        let mut batch = LabelledBatch {
            input: self.input(),
            x: Vec::new().into(),
            classes: Vec::with_capacity(count),
        };
        let mut x = Vec::with_capacity(count * self.input());
        for _ in 0..count {
            let class = rng.random_range(0..by_class.len() * self.transforms.len());
            let (of_class, transform) = (class % by_class.len(), class / by_class.len());
            let recordings = &by_class[of_class];
            let windows = &self.recordings[recordings[rng.random_range(0..recordings.len())]];
            let mut example = windows[rng.random_range(0..windows.len())].clone();
            self.transform(&self.transforms[transform], &mut example);
            if let Some(augment) = &self.config.augment {
                let mount = SensorAugment::rotation(rng, augment.mount);
                augment.apply(rng, (&self.frames[..], mount), &self.sigma, &mut example);
            }
            x.extend(example);
            batch.classes.push(class);
        }
        batch.x = self.measured(x);
        Some(batch)
    }
}

#[cfg(test)]
mod tests;
