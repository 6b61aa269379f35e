//! `tasks.distribution = "images"`.

use std::path::PathBuf;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::{ImageTasks, Rotations, check, side, sizes, square};
use crate::data::{
    Augment, Bank, DataError, Found, Ground, Group, ImageFolder, Normalise, Pixels, Sheets, Source,
    counted,
};
use crate::fault::{Fault, at_least_one, require};
use crate::random::{Stream, generator};
use crate::tasks::{
    Contents, EvaluationDefaults, ExportDefaults, Facts, Keys, Sizes, TaskFamily, TaskSizes,
    TaskSource, TasksError,
};

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
    /// What shows where images are transparent.
    #[serde(skip_serializing_if = "is_white")]
    pub ground: Ground,
    /// Bits of values that files store in 16, 8 to 16. By the largest value of the data
    /// set if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// How tiles lie where a class is a sheet of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheets: Option<Sheets>,
    /// Of folders `train` and `test` without `val`: so many classes of the training split,
    /// drawn at random, are for validation instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<usize>,
    /// How training images are distorted, if they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augment>,
    /// How training classes are distorted, each as a whole, if they are: one draw for
    /// all images of a class of a task, support and query, which makes a class that
    /// the data does not have. A classifier's training leaves its classes as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augment_classes: Option<Augment>,
    /// Whether a support set has the mirror image of each of its images as well, so
    /// that K shots are 2 K examples of each class. Training, evaluation and a board,
    /// which is taught both, do the same. For what is the same thing in a mirror.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mirrored_support: bool,
}

fn is_white(ground: &Ground) -> bool {
    *ground == Ground::White
}

impl Default for Images {
    fn default() -> Self {
        Self {
            path: "data/miniimagenet".into(),
            ways: 5,
            size: 84,
            channels: 3,
            normalise: Normalise::Unit,
            ground: Ground::White,
            depth: None,
            sheets: None,
            validation: None,
            augment: None,
            augment_classes: None,
            mirrored_support: false,
        }
    }
}

impl Images {
    /// What images are decoded to.
    pub fn pixels(&self) -> Pixels {
        Pixels {
            size: self.size,
            channels: self.channels,
            inverted: false,
            ground: self.ground,
            depth: self.depth,
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
        let mut splits = Group::ALL.map(|group| {
            let classes = bank.classes().iter().enumerate();
            let meant = classes.filter(|(_, class)| class.group == group);
            meant.map(|(index, _)| index).collect()
        });
        if let Some(count) = self.validation {
            hold_back(&mut splits, count)?;
        }
        let tasks = ImageTasks::new(bank, self.ways, Rotations::None, splits)?;
        Ok(tasks
            .augmented(self.augment)
            .with_augmented_classes(self.augment_classes)
            .with_mirrored_support(self.mirrored_support))
    }
}

/// What is to be known of the images, in sentences.
fn seen(found: Found, ground: Ground, blank: &[String]) -> Vec<String> {
    const NAMED: usize = 5;
    let mut lines = Vec::new();
    if found.transparent > 0 {
        let ground = match ground {
            Ground::White => "white",
            Ground::Black => "black",
        };
        let images = counted(found.transparent, "image");
        lines.push(format!(
            "{images} transparent in parts, shown on {ground} (tasks.ground)"
        ));
    }
    if found.turned > 0 {
        let images = counted(found.turned, "image");
        lines.push(format!("{images} turned upright, as the files say"));
    }
    if found.deep > 0 {
        lines.push(format!(
            "{} of 16 bits a value, read as {} bits (tasks.depth): the largest value is {}",
            counted(found.deep, "image"),
            found.bits,
            found.largest
        ));
    }
    if !blank.is_empty() {
        let named = blank.iter().take(NAMED).map(String::as_str);
        let mut named: Vec<&str> = named.collect();
        if blank.len() > NAMED {
            named.push("…");
        }
        lines.push(format!(
            "{} of one value all over: {}",
            counted(blank.len(), "image"),
            named.join(", ")
        ));
    }
    lines
}

/// Moves classes of the training split, drawn at random, to validation.
fn hold_back([train, validation, _]: &mut [Vec<usize>; 3], count: usize) -> Result<(), TasksError> {
    if !validation.is_empty() || train.len() <= count {
        return Err(TasksError::too_few(
            "the training split".into(),
            counted(train.len(), "class"),
            format!("tasks.validation = {count} takes some of more, where no folder val has any"),
        ));
    }
    train.shuffle(&mut generator(1, Stream::Split, 0));
    *validation = train.split_off(train.len() - count);
    train.sort_unstable();
    validation.sort_unstable();
    Ok(())
}

impl TaskSizes for Images {
    fn sizes(&self) -> Sizes {
        let shape = square(self.size, self.channels);
        sizes(shape, self.ways, self.mirrored_support)
    }
}

impl TaskFamily for Images {
    fn check(&self) -> Result<(), Fault> {
        check(self.ways, self.size, [self.augment, self.augment_classes])?;
        require(
            matches!(self.channels, 1 | 3),
            "tasks.channels",
            "1, grey, or 3, colour",
            self.channels,
        )?;
        if let Some(depth) = self.depth {
            let usable = (8..=16).contains(&depth);
            require(usable, "tasks.depth", "from 8 to 16 bits", depth)?;
        }
        if let Some(validation) = self.validation {
            at_least_one("tasks.validation", validation)?;
        }
        if let Some(sheets) = self.sheets {
            side("tasks.sheets.tile", sheets.tile)?;
            at_least_one("tasks.sheets.columns", sheets.columns)?;
        }
        Ok(())
    }

    fn facts(&self) -> Facts {
        const NOTE: &str = "tasks.mirrored_support: a device is taught each image and, as an \
                            example of its own, its mirror image (mamlet_runtime::mirror)";
        Facts {
            finite_classes: true,
            target_scale: false,
            shows_task: None,
            actions: None,
            evaluation: EvaluationDefaults::CLASSES,
            export: ExportDefaults {
                note: self.mirrored_support.then_some(NOTE),
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
        self.path = PathBuf::new();
        (self.augment, self.augment_classes) = (None, None);
        self.mirrored_support = false;
    }

    fn source(&self) -> Result<TaskSource, TasksError> {
        Ok(TaskSource::supervised(self.open()?))
    }

    fn contents(&self) -> Result<Option<Contents>, TasksError> {
        let tasks = self.open()?;
        let (bank, source) = (tasks.bank(), self.list()?);
        let blank: Vec<String> = (bank.blank().into_iter())
            .filter_map(|(class, at)| source.classes.get(class)?.images.get(at))
            .map(|image| source.describe(image))
            .collect();
        let lines = seen(bank.found(), self.ground, &blank);
        Ok(Some(tasks.contents().with(lines, [])))
    }
}
