//! N-way K-shot classification of images: Omniglot, miniImageNet, and any
//! folder of images.

mod contents;
mod folder;
mod omniglot;

use std::sync::Arc;

use rand::RngExt;
use rand::seq::{SliceRandom, index};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::distribution::ClassCounts;
use super::{
    Description, LabelledBatch, Origin, Origins, Sizes, Split, TaskBatch, TaskData,
    TaskDistribution, TaskSizes, TasksError, one_hot,
};
use crate::data::{Augment, Bank, Examples, Pick, counted};
use crate::fault::{Fault, not_negative, proper_share, require, ways};
use crate::nn::Shape;
use crate::random::{Stream, generator};

pub use folder::Images;
pub use omniglot::{Omniglot, OmniglotSplit};

fn square(size: usize, channels: usize) -> Shape {
    Shape::Image {
        height: size,
        width: size,
        channels,
    }
}

/// What the keys of all images must satisfy beyond their types.
fn check(own_ways: usize, size: usize, augments: [Option<Augment>; 2]) -> Result<(), Fault> {
    ways(own_ways)?;
    side("tasks.size", size)?;
    let keys = ["tasks.augment", "tasks.augment_classes"];
    for (key, augment) in keys.into_iter().zip(augments) {
        let Some(augment) = augment else { continue };
        not_negative(&format!("{key}.rotate"), augment.rotate)?;
        not_negative(&format!("{key}.shift"), augment.shift)?;
        proper_share(&format!("{key}.scale"), augment.scale)?;
        proper_share(&format!("{key}.shear"), augment.shear)?;
        require(
            (0.0..=1.0).contains(&augment.mirror),
            &format!("{key}.mirror"),
            "a share from 0 to 1",
            augment.mirror,
        )?;
    }
    Ok(())
}

/// Width and height of an image.
fn side(key: &str, value: usize) -> Result<(), Fault> {
    require(
        (1..=4096).contains(&value),
        key,
        "from 1 to 4096 pixels",
        value,
    )
}

/// What rotation by quarter turns does to classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotations {
    /// Each class of a task is a character, turned by a rotation drawn for the
    /// task, as in Finn et al.'s code.
    #[default]
    Drawn,
    /// A character and a rotation are a class, so two rotations of one character
    /// may meet in a task.
    Classes,
    /// Images stay as they are.
    None,
}

/// Tasks of images in memory.
#[derive(Clone, Debug)]
pub struct ImageTasks {
    bank: Arc<Bank>,
    /// Names of all classes of the bank.
    names: Arc<[String]>,
    ways: usize,
    rotations: Rotations,
    /// Classes of the bank in each split.
    splits: [Vec<usize>; 3],
    /// How images of the training split are distorted.
    augment: Option<Augment>,
    /// How classes of the training split are distorted, each as a whole.
    augment_classes: Option<Augment>,
    /// Whether support sets hold mirror images as well.
    mirrored_support: bool,
}

/// Indices of the generators of one task.
const CLASSES: u64 = 0;
/// The first of those that put a class's images in order.
const ORDER: u64 = 1;

/// Sizes of tasks of images of a shape.
fn sizes(shape: Shape, ways: usize, mirrored_support: bool) -> Sizes {
    Sizes {
        views: if mirrored_support { 2 } else { 1 },
        ..Sizes::of_classes(shape, ways)
    }
}

/// Appends the mirror images of the last `count` examples.
fn append_mirrored((picks, y): &mut (Vec<Pick>, Vec<f32>), count: usize) {
    let last = picks.len() - count;
    picks.extend_from_within(last..);
    let copies = &mut picks[last + count..];
    copies.iter_mut().for_each(|pick| *pick = pick.mirrored());
    let targets = y.len() / (last + count) * last;
    y.extend_from_within(targets..);
}

/// One class of a task.
struct Class {
    label: usize,
    /// Index of its class in the bank.
    class: usize,
    quarter_turns: u8,
    /// Its images in a random order: support examples are taken from the front,
    /// query examples from the back.
    order: Vec<u32>,
}

impl ImageTasks {
    /// Tasks of `ways` classes of a bank; each split lists its classes.
    /// [`TaskData::check_counts`] says whether they are enough.
    ///
    /// # Errors
    /// [`TasksError`] where a class has no image.
    pub fn new(
        bank: Arc<Bank>,
        ways: usize,
        rotations: Rotations,
        splits: [Vec<usize>; 3],
    ) -> Result<Self, TasksError> {
        let names = bank.classes().iter().map(|class| class.name.clone());
        let tasks = Self {
            names: names.collect(),
            bank,
            ways,
            rotations,
            splits,
            augment: None,
            augment_classes: None,
            mirrored_support: false,
        };
        for split in Split::ALL {
            let classes = tasks.classes_of(split);
            let mut classes = classes.iter().map(|&class| &tasks.bank.classes()[class]);
            if let Some(empty) = classes.find(|class| class.count == 0) {
                return Err(TasksError::too_few(
                    format!("class {}", empty.name),
                    counted(0, "image"),
                    "a class needs at least 1".into(),
                ));
            }
        }
        Ok(tasks)
    }

    /// With images of the training split distorted.
    pub fn augmented(mut self, augment: Option<Augment>) -> Self {
        self.augment = augment;
        self
    }

    /// With classes of the training split distorted, each as a whole: one draw for
    /// all images of a class of a task.
    pub fn with_augmented_classes(self, augment_classes: Option<Augment>) -> Self {
        Self {
            augment_classes,
            ..self
        }
    }

    /// With the mirror image of each support image as an example of its own, or
    /// without.
    pub fn with_mirrored_support(self, mirrored_support: bool) -> Self {
        Self {
            mirrored_support,
            ..self
        }
    }

    /// The bank.
    pub fn bank(&self) -> &Arc<Bank> {
        &self.bank
    }

    /// Classes of the bank in a split.
    pub fn classes_of(&self, split: Split) -> &[usize] {
        &self.splits[split as usize]
    }

    /// Classes that a character of the bank makes within a task.
    fn per_character(&self) -> usize {
        match self.rotations {
            Rotations::Classes => 4,
            Rotations::Drawn | Rotations::None => 1,
        }
    }

    /// Classes that a character of the bank makes in all tasks together.
    fn turns(&self) -> usize {
        match self.rotations {
            Rotations::None => 1,
            Rotations::Drawn | Rotations::Classes => 4,
        }
    }

    /// The classes of the task that has this seed.
    fn task(&self, split: Split, seed: u64) -> Vec<Class> {
        let mut rng = generator(seed, Stream::Images, CLASSES);
        let classes = self.classes_of(split);
        let turned = self.per_character();
        let chosen = index::sample(&mut rng, classes.len() * turned, self.ways);
        let mut labels: Vec<usize> = (0..self.ways).collect();
        labels.shuffle(&mut rng);
        let chosen = chosen.iter().zip(labels).zip(ORDER..);
        chosen
            .map(|((chosen, label), at)| {
                let index = classes[chosen / turned];
                let class = &self.bank.classes()[index];
                let quarter_turns = match self.rotations {
                    Rotations::Drawn => rng.random_range(0..4),
                    Rotations::Classes => (chosen % 4) as u8,
                    Rotations::None => 0,
                };
                let images = class.first as u32..(class.first + class.count) as u32;
                let mut order: Vec<u32> = images.collect();
                order.shuffle(&mut generator(seed, Stream::Images, at));
                Class {
                    label,
                    class: index,
                    quarter_turns,
                    order,
                }
            })
            .collect()
    }

    fn examples(&self, picks: Vec<Pick>) -> Examples {
        Examples::Images {
            bank: self.bank.clone(),
            picks,
        }
    }
}

impl TaskSizes for ImageTasks {
    fn sizes(&self) -> Sizes {
        sizes(self.bank.shape(), self.ways, self.mirrored_support)
    }
}

impl TaskDistribution for ImageTasks {
    fn description(&self) -> Description {
        Description {
            normalisation: None,
            target_scale: None,
            front_end: None,
        }
    }

    /// Every task has a generator of its own for its classes and one for the
    /// order of each class's images. Support examples are the first of that
    /// order and query examples the last, from the end, so neither depends on
    /// how many there are of the other. Mirror images follow the images of their
    /// shot. Where a class has fewer images than both need, they repeat. Panics where
    /// the split has fewer classes than a task. [`TaskData::check_counts`] refuses
    /// both.
    fn draw(
        &self,
        split: Split,
        rng: &mut ChaCha8Rng,
        tasks: usize,
        shots: usize,
        queries: usize,
    ) -> TaskBatch {
        let sizes = [self.support_size(shots), self.set_size(queries)];
        let [mut support, mut query] = sizes.map(|examples| {
            let examples = tasks * examples;
            (
                Vec::with_capacity(examples),
                Vec::with_capacity(examples * self.ways),
            )
        });
        let mut origins = Vec::with_capacity(tasks * self.ways * queries);
        for _ in 0..tasks {
            let seed = rng.random();
            let classes = self.task(split, seed);
            let training = split == Split::Train;
            let of_class = self.augment_classes.filter(|_| training).map(|augment| {
                let mut rng = generator(seed, Stream::Augment, 1);
                let drawn = classes.iter().map(|_| augment.draw(&mut rng));
                drawn.collect::<Vec<_>>()
            });
            let augment = self.augment.filter(|_| training);
            let mut augment = augment.map(|a| (a, generator(seed, Stream::Augment, 0)));
            let mut append = |(picks, y): &mut (Vec<Pick>, Vec<f32>), at: usize, back: bool| {
                for (index, class) in classes.iter().enumerate() {
                    let at = at % class.order.len();
                    let at = if back { class.order.len() - 1 - at } else { at };
                    picks.push(Pick {
                        image: class.order[at],
                        quarter_turns: class.quarter_turns,
                        distortion: match (
                            of_class.as_ref().map(|drawn| drawn[index]),
                            augment.as_mut().map(|(augment, rng)| augment.draw(rng)),
                        ) {
                            (Some(class), Some(image)) => Some(class.then(image)),
                            (class, image) => class.or(image),
                        },
                    });
                    y.extend(one_hot(class.label, self.ways));
                }
            };
            for at in 0..shots {
                append(&mut support, at, false);
                if self.mirrored_support {
                    append_mirrored(&mut support, self.ways);
                }
            }
            (0..queries).for_each(|at| append(&mut query, at, true));
            let of_task = classes.iter().map(|class| Origin {
                user: None,
                class: Some(class.class as u32),
            });
            origins.extend((0..queries).flat_map(|_| of_task.clone()));
        }
        TaskBatch {
            tasks,
            input: self.input(),
            output: self.ways,
            classes: Some(self.ways),
            support_x: self.examples(support.0),
            support_y: support.1,
            query_x: self.examples(query.0),
            query_y: query.1,
            origins: Some(Origins {
                users: Arc::default(),
                classes: self.names.clone(),
                queries: origins,
            }),
        }
    }

    fn data(&self) -> Option<&dyn TaskData> {
        Some(self)
    }
}

impl TaskData for ImageTasks {
    fn check_counts(&self, split: Split, shots: usize, queries: usize) -> Result<(), TasksError> {
        let classes = self.classes_of(split);
        let of_bank = classes.iter().map(|&class| &self.bank.classes()[class]);
        let fewest = of_bank.min_by_key(|class| class.count);
        let counts = ClassCounts {
            classes: self.per_character() * classes.len(),
            fewest: fewest.map(|class| (class.name.clone(), class.count)),
            example: "image",
        };
        let enough = counts.check(split, self.ways, [shots, queries]);
        match (split, classes.is_empty()) {
            (Split::Validation, true) => enough.map_err(|error| {
                error.also("tasks.validation = N takes N classes of the training split for it")
            }),
            _ => enough,
        }
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
        Some(self.classes_of(split).len() * self.turns())
    }

    fn draw_examples(&self, rng: &mut ChaCha8Rng, count: usize) -> Option<LabelledBatch> {
        let classes = self.classes_of(Split::Train);
        let turns = self.turns();
        let mut picks = Vec::with_capacity(count);
        let mut labels = Vec::with_capacity(count);
        for _ in 0..count {
            let label = rng.random_range(0..classes.len() * turns);
            let class = &self.bank.classes()[classes[label / turns]];
            picks.push(Pick {
                image: (class.first + rng.random_range(0..class.count)) as u32,
                quarter_turns: (label % turns) as u8,
                distortion: self.augment.map(|augment| augment.draw(rng)),
            });
            labels.push(label);
        }
        Some(LabelledBatch {
            input: self.input(),
            x: self.examples(picks),
            classes: labels,
        })
    }
}

#[cfg(test)]
mod tests;
