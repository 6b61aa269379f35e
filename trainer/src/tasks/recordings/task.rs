//! The examples of one task.

use rand::RngExt;
use rand::seq::{SliceRandom, index};
use rand_chacha::ChaCha8Rng;

use super::mixture::Mixture;
use super::{Labels, OfClass, Pool, RecordedTasks, SensorAugment, Transform};
use crate::random::{Stream, generator};
use crate::tasks::{Origin, Split};

/// Index of the generator of a task's classes and their examples.
const CLASSES: u64 = 0;
/// Index of that of the changes of its examples.
const CHANGES: u64 = 1;

/// Examples, their labels and where they come from.
#[derive(Default)]
pub(super) struct Set {
    pub x: Vec<f32>,
    pub labels: Vec<usize>,
    pub origins: Vec<Origin>,
}

/// A class of recordings, and the changes that make it the class of a task.
type Transformed<'d> = (&'d OfClass, &'d Transform);

/// A class of a task.
struct Class<'d> {
    of: Transformed<'d>,
    /// What it is mixed with, and how.
    mixed: Option<(Transformed<'d>, Mixture)>,
    label: usize,
    /// A random order of its recordings, each with a number that chooses a window.
    order: Vec<(usize, u64)>,
}

impl<'d> Class<'d> {
    /// A class as it is, without its recordings.
    fn new(of: Transformed<'d>, label: usize) -> Self {
        Self {
            of,
            mixed: None,
            label,
            order: Vec::new(),
        }
    }
}

impl RecordedTasks {
    /// The examples of the task with a seed: of support and query set, `[example,
    /// length × channels]` and the labels.
    pub(super) fn task(&self, split: Split, seed: u64, [shots, queries]: [usize; 2]) -> [Set; 2] {
        let mut rng = generator(seed, Stream::Recordings, CLASSES);
        let mut changes = generator(seed, Stream::Recordings, CHANGES);
        let augment = self.config.augment.as_ref();
        let augment = augment.filter(|_| split == Split::Train);
        let classes = self.classes_of_task(split, &mut rng, augment);
        let mount = augment.and_then(|a| SensorAugment::rotation(&mut changes, a.mount));
        let mut set = |count: usize, back: bool| {
            let mut set = Set::default();
            for at in 0..count {
                for class in &classes {
                    let at = at % class.order.len();
                    let at = if back { class.order.len() - 1 - at } else { at };
                    let (recording, number) = class.order[at];
                    let mut example = self.example(class, recording, number);
                    if let Some(augment) = augment {
                        let frames = (&self.frames[..], mount);
                        augment.apply(&mut changes, frames, &self.sigma, &mut example);
                    }
                    set.x.extend(example);
                    set.labels.push(class.label);
                    let [user, class, _] = self.sources[recording];
                    set.origins.push(Origin {
                        user: Some(user as u32),
                        class: Some(class as u32),
                    });
                }
            }
            set
        };
        [set(shots, false), set(queries, true)]
    }

    fn classes_of_task(
        &self,
        split: Split,
        rng: &mut ChaCha8Rng,
        augment: Option<&SensorAugment>,
    ) -> Vec<Class<'_>> {
        let pools: Vec<&Pool> = self.pools(split).collect();
        let pool = pools[rng.random_range(0..pools.len())];
        let ways = self.config.ways;
        let mut labels: Vec<usize> = (0..ways).collect();
        labels.shuffle(rng);
        let transforms = self.transforms_of(split);
        let count = pool.len() * transforms.len();
        let transformed = |at: usize| (&pool[at % pool.len()], &transforms[at / pool.len()]);
        let mut classes: Vec<Class<'_>> = match self.config.labels {
            Labels::Fixed => pool
                .iter()
                .map(|of_class| Class::new((of_class, &self.transforms[0]), of_class.class))
                .collect(),
            Labels::Shuffled => {
                let chosen = index::sample(rng, count, ways).into_iter();
                let mut classes: Vec<_> = chosen
                    .zip(labels)
                    .map(|(at, label)| Class::new(transformed(at), label))
                    .collect();
                for class in &mut classes {
                    let mixture = augment.and_then(|augment| Mixture::draw(rng, augment));
                    class.mixed =
                        mixture.map(|mixture| (transformed(rng.random_range(0..count)), mixture));
                }
                classes
            }
        };
        for class in &mut classes {
            let (of_class, _) = class.of;
            class.order = of_class.recordings.iter().map(|&at| (at, 0)).collect();
            class.order.shuffle(rng);
            let numbers = class.order.iter_mut().map(|(_, number)| number);
            numbers.for_each(|number| *number = rng.random());
        }
        classes
    }

    /// An example of a class from one of its recordings; where the class is mixed, with
    /// one of the same user, or of anybody where that user has none.
    fn example(&self, class: &Class<'_>, recording: usize, number: u64) -> Vec<f32> {
        let window = |recording: usize, transform: &Transform| {
            let windows = &self.recordings[recording];
            let mut example = windows[(number % windows.len() as u64) as usize].clone();
            self.transform(transform, &mut example);
            example
        };
        let (_, transform) = class.of;
        let mut example = window(recording, transform);
        if let Some(((of_class, transform), mixture)) = class.mixed {
            let [user, ..] = self.sources[recording];
            let others = &of_class.recordings;
            let own = others.iter().filter(|&&at| self.sources[at][0] == user);
            let own: Vec<usize> = own.copied().collect();
            let others = if own.is_empty() { others } else { &own };
            let other = others[(number / 7 % others.len() as u64) as usize];
            mixture.apply(&mut example, &window(other, transform), self.sigma.len());
        }
        example
    }

    /// The changes that a split makes classes with.
    pub(super) fn transforms_of(&self, split: Split) -> &[Transform] {
        match split {
            Split::Train => &self.transforms,
            Split::Validation | Split::Test => &self.transforms[..1],
        }
    }

    pub(super) fn transform(&self, transform: &Transform, example: &mut [f32]) {
        for derived in transform {
            derived.apply(&self.frames, self.sigma.len(), example);
        }
    }
}
