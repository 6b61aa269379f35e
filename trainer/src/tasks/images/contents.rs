//! What a data set of images holds.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde::Serialize;
use serde_json::json;

use super::ImageTasks;
use crate::data::{counted, lookalikes, range};
use crate::nn::Shape;
use crate::tasks::{Contents, Split, TaskSizes};

/// What a split of images holds.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct SplitContents {
    split: &'static str,
    classes: usize,
    images: usize,
    /// Images of the class with the fewest, and of that with the most.
    images_of_class: [usize; 2],
    /// The class with the fewest.
    smallest: String,
}

impl SplitContents {
    fn row(&self) -> Vec<String> {
        let [fewest, most] = self.images_of_class;
        let of_class = match fewest == most {
            true => range(Some(fewest), Some(most)),
            false => format!("{fewest} ({}) to {most}", self.smallest),
        };
        vec![self.classes.to_string(), self.images.to_string(), of_class]
    }
}

impl ImageTasks {
    fn split_contents(&self, split: Split) -> SplitContents {
        let classes = self.classes_of(split).iter();
        let classes = classes.map(|&class| &self.bank.classes()[class]);
        let counts = || classes.clone().map(|class| class.count);
        let smallest = classes.clone().min_by_key(|class| class.count);
        SplitContents {
            split: split.name(),
            classes: classes.len(),
            images: counts().sum(),
            images_of_class: [counts().min(), counts().max()].map(Option::unwrap_or_default),
            smallest: smallest.map_or_else(String::new, |class| class.name.clone()),
        }
    }

    /// What the data holds.
    pub(super) fn contents(&self) -> Contents {
        let features = self.input();
        let images: usize = self.bank.classes().iter().map(|class| class.count).sum();
        let megabytes = (images * features) as f64 / 1e6;
        let size = match self.shape() {
            Shape::Image {
                height,
                width,
                channels,
            } => format!("{width} x {height} x {channels}"),
            Shape::Vector(_) | Shape::Sequence { .. } => features.to_string(),
        };
        let of_splits = Contents::of_splits(
            &["classes", "images", "a class"],
            |split| self.split_contents(split),
            SplitContents::row,
        );
        let splits = Split::ALL.map(|split| self.split_contents(split));
        Contents {
            json: vec![("input", json!(features)), ("splits", json!(splits))],
            ..of_splits
        }
        .with(
            [format!(
                "images of {size}, {megabytes:.1} MB in memory; all of them can be read"
            )],
            [],
        )
        .with(self.twins(), [])
        .with(lookalikes("classes", &self.names), [])
    }

    /// Images that are in two classes, in a sentence.
    fn twins(&self) -> Option<String> {
        let (mut known, mut twins) = (HashMap::new(), Vec::new());
        for class in self.bank.classes() {
            for at in 0..class.count {
                let bytes = self.bank.bytes(class.first + at);
                // An empty image is like every other.
                if bytes.iter().all(|&byte| byte == bytes[0]) {
                    continue;
                }
                let place = (&class.name, at + 1);
                match known.entry(bytes) {
                    Entry::Vacant(entry) => {
                        entry.insert(place);
                    }
                    Entry::Occupied(entry) if entry.get().0 != &class.name => {
                        twins.push((*entry.get(), place));
                    }
                    Entry::Occupied(_) => {}
                }
            }
        }
        let ((class, at), (other, of_other)) = twins.first()?;
        Some(format!(
            "{} like one of another class, such as number {of_other} of {other} and number {at} of \
             {class}",
            counted(twins.len(), "image")
        ))
    }
}
