//! N-way K-shot classification of images: Omniglot, miniImageNet, and any
//! folder of images.

use std::path::PathBuf;
use std::sync::Arc;

use rand::RngExt;
use rand::seq::{SliceRandom, index};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{LabelledBatch, Split, TaskBatch, TaskDistribution, TasksError};
use crate::data::{
    Bank, DataError, Examples, Group, ImageFolder, Normalise, Pick, Pixels, Sheets, Source,
    counted, omniglot,
};
use crate::nn::Shape;
use crate::random::{Stream, generator};

/// Characters of Omniglot. The defaults are those of Finn et al. 2017: 28×28,
/// 1100 characters to train on, 100 to choose on, 423 to test on, each drawn
/// turned by 0, 90, 180 or 270 degrees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Omniglot {
    /// Where `images_background` and `images_evaluation` are, folders or
    /// archives, unless the command line says otherwise.
    pub path: PathBuf,
    /// Classes of a task, N.
    pub ways: usize,
    /// Width and height that images are resized to.
    pub size: usize,
    /// What rotation does to classes.
    pub rotations: Rotations,
    /// Which characters are trained on.
    pub split: OmniglotSplit,
    /// Characters of the training, validation and test split. The last number
    /// has no meaning for `split = "lake"`, which tests on all of the
    /// evaluation set.
    pub characters: [usize; 3],
    /// Decides which characters these are.
    pub split_seed: u64,
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

/// Which characters of Omniglot are trained on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OmniglotSplit {
    /// All characters shuffled (Vinyals et al. 2016 and those after them).
    #[default]
    Random,
    /// The background set to train and choose on, the evaluation set to test on
    /// (Lake et al. 2015): alphabets never meet.
    Lake,
}

impl Default for Omniglot {
    fn default() -> Self {
        Self {
            path: "data/omniglot".into(),
            ways: 5,
            size: 28,
            rotations: Rotations::Drawn,
            split: OmniglotSplit::Random,
            characters: [1100, 100, 423],
            split_seed: 1,
        }
    }
}

/// A folder of images, one folder or list a split. The defaults are those of
/// miniImageNet in Finn et al. 2017.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Images {
    /// Where they are, unless the command line says otherwise.
    pub path: PathBuf,
    /// Classes of a task, N.
    pub ways: usize,
    /// Width and height that images are resized to.
    pub size: usize,
    /// 1 for grey, 3 for colour.
    pub channels: usize,
    /// How bytes become numbers.
    pub normalise: Normalise,
    /// How tiles lie where a class is a sheet of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheets: Option<Sheets>,
}

impl Default for Images {
    fn default() -> Self {
        Self {
            path: "data/miniimagenet".into(),
            ways: 5,
            size: 84,
            channels: 3,
            normalise: Normalise::Unit,
            sheets: None,
        }
    }
}

fn square(size: usize, channels: usize) -> Shape {
    Shape::Image {
        height: size,
        width: size,
        channels,
    }
}

impl Omniglot {
    /// Shape of one example.
    pub fn shape(&self) -> Shape {
        square(self.size, 1)
    }

    /// What images are decoded to.
    pub fn pixels(&self) -> Pixels {
        Pixels {
            size: self.size,
            channels: 1,
            inverted: true,
        }
    }

    /// The characters there are.
    ///
    /// # Errors
    /// [`DataError`] where the data set is not there or cannot be listed.
    pub fn list(&self) -> Result<Source, DataError> {
        omniglot(&self.path)
    }

    /// Opens the data set.
    ///
    /// # Errors
    /// [`TasksError`] where it cannot be used or has too few characters.
    pub fn open(&self) -> Result<ImageTasks, TasksError> {
        let source = self.list()?;
        let bank = Bank::open(&source, self.pixels(), Normalise::Unit)?;
        let [train, validation, test] = self.characters;
        let mut rng = generator(self.split_seed, Stream::Split, 0);
        let of = |group: Option<Group>| -> Vec<usize> {
            let classes = bank.classes().iter().enumerate();
            let meant = classes.filter(|(_, class)| group.is_none_or(|group| class.group == group));
            meant.map(|(index, _)| index).collect()
        };
        let (mut characters, rest, needed) = match self.split {
            OmniglotSplit::Random => (of(None), Vec::new(), train + validation + test),
            OmniglotSplit::Lake => {
                let background = of(Some(Group::Train));
                (background, of(Some(Group::Test)), validation + self.ways)
            }
        };
        if characters.len() < needed {
            return Err(DataError::TooFew {
                what: format!("Omniglot ({})", source.path.display()),
                has: counted(characters.len(), "character"),
                needs: format!("tasks.characters = {:?} need {needed}", self.characters),
            }
            .into());
        }
        characters.shuffle(&mut rng);
        let splits = match self.split {
            OmniglotSplit::Random => {
                let test = characters[train + validation..][..test].to_vec();
                let chosen = characters[train..][..validation].to_vec();
                [characters[..train].to_vec(), chosen, test]
            }
            OmniglotSplit::Lake => {
                let training = characters.split_off(validation);
                [training, characters, rest]
            }
        };
        ImageTasks::new(bank, self.ways, self.rotations, splits)
    }
}

impl Images {
    /// Shape of one example.
    pub fn shape(&self) -> Shape {
        square(self.size, self.channels)
    }

    /// What images are decoded to.
    pub fn pixels(&self) -> Pixels {
        Pixels {
            size: self.size,
            channels: self.channels,
            inverted: false,
        }
    }

    /// The classes there are.
    ///
    /// # Errors
    /// [`DataError`] where the data set is not there or cannot be listed.
    pub fn list(&self) -> Result<Source, DataError> {
        let folder = ImageFolder {
            path: &self.path,
            sheets: self.sheets,
        };
        folder.list()
    }

    /// Opens the data set.
    ///
    /// # Errors
    /// [`TasksError`] where it cannot be used or a split has too few classes.
    pub fn open(&self) -> Result<ImageTasks, TasksError> {
        let bank = Bank::open(&self.list()?, self.pixels(), self.normalise)?;
        let splits = [Group::Train, Group::Validation, Group::Test].map(|group| {
            let classes = bank.classes().iter().enumerate();
            let meant = classes.filter(|(_, class)| class.group == group);
            meant.map(|(index, _)| index).collect()
        });
        ImageTasks::new(bank, self.ways, Rotations::None, splits)
    }
}

/// Tasks of images in memory.
#[derive(Clone, Debug)]
pub struct ImageTasks {
    bank: Arc<Bank>,
    ways: usize,
    rotations: Rotations,
    /// Classes of the bank in each split.
    splits: [Vec<usize>; 3],
}

/// Indices of the generators of one task.
const CLASSES: u64 = 0;
/// The first of those that put a class's images in order.
const ORDER: u64 = 1;

/// One class of a task.
struct Class {
    label: usize,
    quarter_turns: u8,
    /// Its images in a random order: support examples are taken from the front,
    /// query examples from the back.
    order: Vec<u32>,
}

impl ImageTasks {
    /// Tasks of `ways` classes of a bank; each split lists its classes.
    ///
    /// # Errors
    /// [`DataError::TooFew`] where a split has fewer classes than a task.
    pub fn new(
        bank: Arc<Bank>,
        ways: usize,
        rotations: Rotations,
        splits: [Vec<usize>; 3],
    ) -> Result<Self, TasksError> {
        let tasks = Self {
            bank,
            ways,
            rotations,
            splits,
        };
        for split in [Split::Train, Split::Validation, Split::Test] {
            let classes = tasks.classes_of(split);
            let classes = classes.iter().map(|&class| &tasks.bank.classes()[class]);
            if let Some(empty) = classes.clone().find(|class| class.count == 0) {
                return Err(DataError::TooFew {
                    what: format!("class {}", empty.name),
                    has: counted(0, "image"),
                    needs: "a class needs at least 1".into(),
                }
                .into());
            }
            let count = tasks.per_character() * classes.len();
            if count < ways {
                return Err(DataError::TooFew {
                    what: format!("the {} split", split.name()),
                    has: counted(count, "class"),
                    needs: format!("a task needs {ways}"),
                }
                .into());
            }
        }
        Ok(tasks)
    }

    /// The bank.
    pub fn bank(&self) -> &Arc<Bank> {
        &self.bank
    }

    /// Classes of the bank in a split.
    pub fn classes_of(&self, split: Split) -> &[usize] {
        &self.splits[split as usize]
    }

    /// Classes that a character of the bank makes by itself.
    fn per_character(&self) -> usize {
        match self.rotations {
            Rotations::Classes => 4,
            Rotations::Drawn | Rotations::None => 1,
        }
    }

    /// The classes of the task with a seed.
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
                let class = &self.bank.classes()[classes[chosen / turned]];
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

impl TaskDistribution for ImageTasks {
    fn shape(&self) -> Shape {
        self.bank.shape()
    }

    fn output(&self) -> usize {
        self.ways
    }

    fn classes(&self) -> Option<usize> {
        Some(self.ways)
    }

    /// Every task has a generator of its own for its classes and one for the
    /// order of each class's images. Support examples are the first of that
    /// order and query examples the last, from the end, so neither depends on
    /// how many there are of the other. Where a class has fewer images than
    /// both need, which [`TaskDistribution::check`] tells, images repeat.
    fn draw(
        &self,
        split: Split,
        rng: &mut ChaCha8Rng,
        tasks: usize,
        shots: usize,
        queries: usize,
    ) -> TaskBatch {
        let [mut support, mut query] = [shots, queries].map(|count| {
            let examples = tasks * self.ways * count;
            (
                Vec::with_capacity(examples),
                Vec::with_capacity(examples * self.ways),
            )
        });
        for _ in 0..tasks {
            let classes = self.task(split, rng.random());
            let append = |(picks, y): &mut (Vec<Pick>, Vec<f32>), at: usize, back: bool| {
                for class in &classes {
                    let at = at % class.order.len();
                    let at = if back { class.order.len() - 1 - at } else { at };
                    picks.push(Pick {
                        image: class.order[at],
                        quarter_turns: class.quarter_turns,
                    });
                    y.extend((0..self.ways).map(|label| f32::from(u8::from(label == class.label))));
                }
            };
            (0..shots).for_each(|at| append(&mut support, at, false));
            (0..queries).for_each(|at| append(&mut query, at, true));
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
        }
    }

    fn class_count(&self, split: Split) -> Option<usize> {
        Some(self.classes_of(split).len() * self.turns())
    }

    fn draw_labelled(&self, rng: &mut ChaCha8Rng, count: usize) -> Option<LabelledBatch> {
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
            });
            labels.push(label);
        }
        Some(LabelledBatch {
            input: self.input(),
            x: self.examples(picks),
            classes: labels,
        })
    }

    fn check(&self, split: Split, shots: usize, queries: usize) -> Result<(), TasksError> {
        let classes = self.classes_of(split).iter();
        let classes = classes.map(|&class| &self.bank.classes()[class]);
        let needed = shots + queries;
        match classes.min_by_key(|class| class.count) {
            Some(class) if class.count < needed => Err(DataError::TooFew {
                what: format!("class {} of the {} split", class.name, split.name()),
                has: counted(class.count, "image"),
                needs: format!(
                    "{needed} are needed, {shots} for the support and {queries} for the query set"
                ),
            }
            .into()),
            _ => Ok(()),
        }
    }
}

impl ImageTasks {
    /// Classes that a class of the bank makes in all tasks together.
    fn turns(&self) -> usize {
        match self.rotations {
            Rotations::None => 1,
            Rotations::Drawn | Rotations::Classes => 4,
        }
    }
}
