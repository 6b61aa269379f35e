//! `tasks.distribution = "omniglot"`.

use std::path::PathBuf;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::{ImageTasks, Rotations, check, sizes, square};
use crate::data::{
    Augment, Bank, DataError, Ground, Group, Normalise, Pixels, Source, counted, omniglot,
};
use crate::fault::{Fault, require};
use crate::random::{Stream, generator};
use crate::tasks::{
    Contents, EvaluationDefaults, ExportDefaults, Facts, Keys, Sizes, TaskFamily, TaskSizes,
    TaskSource, TasksError,
};

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
    /// How training images are distorted, if they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augment>,
    /// How training classes are distorted, each as a whole, if they are: one draw for
    /// all images of a class of a task, support and query, which makes a class that
    /// the data does not have. A classifier's training leaves its classes as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augment_classes: Option<Augment>,
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
            augment: None,
            augment_classes: None,
        }
    }
}

impl Omniglot {
    /// What images are decoded to.
    pub fn pixels(&self) -> Pixels {
        Pixels {
            size: self.size,
            channels: 1,
            inverted: true,
            ground: Ground::White,
            depth: None,
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
        let tasks = ImageTasks::new(bank, self.ways, self.rotations, splits)?;
        Ok(tasks
            .augmented(self.augment)
            .with_augmented_classes(self.augment_classes))
    }
}

impl TaskSizes for Omniglot {
    fn sizes(&self) -> Sizes {
        sizes(square(self.size, 1), self.ways, false)
    }
}

impl TaskFamily for Omniglot {
    fn check(&self) -> Result<(), Fault> {
        check(self.ways, self.size, [self.augment, self.augment_classes])?;
        let fewest = self.characters.iter().min().copied().unwrap_or(0);
        require(
            fewest >= self.ways || self.rotations == Rotations::Classes,
            "tasks.characters",
            format!("at least tasks.ways = {} in each split", self.ways),
            format!("{:?}", self.characters),
        )
    }

    fn facts(&self) -> Facts {
        Facts {
            finite_classes: true,
            target_scale: false,
            shows_task: None,
            actions: None,
            evaluation: EvaluationDefaults::CLASSES,
            export: ExportDefaults::CLASSES,
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
        self.path = PathBuf::new();
        (self.augment, self.augment_classes) = (None, None);
    }

    fn source(&self) -> Result<TaskSource, TasksError> {
        Ok(TaskSource::supervised(self.open()?))
    }

    fn contents(&self) -> Result<Option<Contents>, TasksError> {
        Ok(Some(self.open()?.contents()))
    }
}
