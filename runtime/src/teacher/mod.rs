//! A person teaches a board: recordings in, a class at a time, until it knows.

mod advice;
mod errors;

pub use advice::Advice;
pub use errors::{TeacherError, TeachingError};

use crate::front_end::{FrontEnd, FrontEndError};
use crate::learner::{AdaptError, ExampleError, Learner, Report};
use crate::memory::{Numbers, Rollback, Setup};
use crate::model::Model;
use crate::prediction::Prediction;

/// A [`Learner`] of classes behind a [`FrontEnd`]: raw samples in, predictions
/// out, and in between whatever somebody wants to teach.
///
/// ```
/// use mamlet_runtime::teacher::{Advice, Response, Teacher};
/// use mamlet_runtime::{Artifact, Model};
///
/// static ARTIFACT: &[u8] = mamlet_runtime::include_aligned!("../../tests/data/strokes.mamlet");
///
/// let artifact = Artifact::parse(ARTIFACT)?;
/// let model = Model::<4>::new(&artifact)?;
/// let mut memory = [0.0; 256];                    // Teacher::memory(..) says how much
/// let mut teacher = Teacher::new(&model, 4, &mut memory)?;
///
/// // Two strokes, each shown once: what an accelerometer of one axis gives.
/// for (class, stroke) in [[0.0, 1.0, 2.0, 1.0, 0.0], [0.0, -1.0, -2.0, -1.0, 0.0]].iter().enumerate() {
///     teacher.begin(class)?;
///     for sample in stroke {
///         teacher.push(&[*sample])?;
///     }
///     teacher.end()?;
/// }
/// assert_eq!(teacher.advice()?, Advice::Ready);  // adapts, and checks the examples
/// teacher.commit();                               // commit_to keeps it in flash as well
///
/// teacher.listen();
/// for sample in [0.0, 0.5, 1.5, 2.5, 1.5, 0.5] {  // slower, and larger
///     teacher.push(&[sample])?;
/// }
/// let Some(Response::Prediction(stroke)) = teacher.end()? else {
///     panic!("a whole recording gives a prediction");
/// };
/// assert!(stroke.known && stroke.class == 0);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// # What it takes
/// Every adaptation starts from the artifact's initialisation with all examples
/// there are, so to teach another class later the examples of the others must
/// still be there: they are until they are forgotten or the power goes. What is
/// kept in flash is what was learnt of them.
///
/// # Promises
/// As of the learner: no allocation, no panic, memory known beforehand. Whatever
/// [`adapt`](Self::adapt) did, [`discard`](Self::discard) brings back what was
/// known before.
#[derive(Debug)]
pub struct Teacher<'m> {
    learner: Learner<'m>,
    front_end: FrontEnd<'m>,
    mode: Mode,
    /// Examples that what was committed is made of.
    committed: usize,
    /// Whether the weights in use were made of exactly the examples there are.
    adapted: bool,
}

/// What examples are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Listening,
    Teaching { class: usize },
}

/// What a teacher answers to an example.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Response {
    /// It is a support example now.
    Example {
        /// Of this class.
        class: usize,
        /// Which has so many.
        examples: usize,
    },
    /// It was recognised, or not.
    Prediction(Prediction),
}

impl<'m> Teacher<'m> {
    /// The memory for a teacher set up like that, in which recordings up to the
    /// longest of training are kept sample by sample. More keeps longer ones; less
    /// thins those that it has no room for (see [`FrontEnd`]).
    pub fn memory<const LAYERS: usize>(model: &Model<'_, LAYERS>, setup: Setup) -> Numbers {
        FrontEnd::memory(model) + model.memory_for(setup).total()
    }

    /// A teacher for up to `examples` examples of all classes together. A discarded
    /// or failed adaptation returns to what was committed.
    ///
    /// The length of `memory` is at least [`memory`](Self::memory)`(model,
    /// Setup::new(examples).rollback(Rollback::ToCommitted)).len()`.
    ///
    /// # Errors
    /// [`TeacherError`] where the artifact has no front end or no classes, or the
    /// memory is too small.
    pub fn new<const LAYERS: usize>(
        model: &'m Model<'m, LAYERS>,
        examples: usize,
        memory: &'m mut [f32],
    ) -> Result<Self, TeacherError> {
        let setup = Setup::new(examples).rollback(Rollback::ToCommitted);
        Self::with(model, setup, memory)
    }

    /// A teacher whose learner is set up otherwise, with less memory for
    /// instance. Where rollback is to the initialisation, so is
    /// [`discard`](Self::discard).
    ///
    /// # Errors
    /// As [`new`](Self::new), and where the model cannot be set up like that.
    pub fn with<const LAYERS: usize>(
        model: &'m Model<'m, LAYERS>,
        setup: Setup,
        memory: &'m mut [f32],
    ) -> Result<Self, TeacherError> {
        if model.loss() != mamlet_formats::Loss::CrossEntropy {
            return Err(TeacherError::NoClasses);
        }
        if setup.lent {
            return Err(TeacherError::Lent);
        }
        let given = memory.len();
        let too_small = |needed| TeacherError::MemoryTooSmall { needed, given };
        let of_learner = model.memory_for(setup).total().len();
        let parts = memory.split_at_mut_checked(of_learner);
        let (of_learner, of_front_end) = parts.ok_or(too_small(of_learner))?;
        let front_end = FrontEnd::new(model, of_front_end).map_err(|error| match error {
            FrontEndError::MemoryTooSmall { needed, .. } => {
                too_small(needed.saturating_add(of_learner.len()))
            }
            error => TeacherError::FrontEnd(error),
        })?;
        Ok(Teacher {
            front_end,
            learner: Learner::with(model, setup, of_learner)?,
            mode: Mode::Listening,
            committed: 0,
            adapted: false,
        })
    }

    /// Begins a recording that is an example of a class, or a series of windows
    /// that are. Whatever was being recorded is dropped.
    ///
    /// # Errors
    /// [`TeachingError`] where there is no such class, or no room for an example.
    pub fn begin(&mut self, class: usize) -> Result<(), TeachingError> {
        let classes = self.learner.classes();
        if class >= classes {
            let given = class;
            return Err(ExampleError::UnknownClass { classes, given }.into());
        }
        let capacity = self.learner.capacity();
        if self.examples() >= capacity {
            return Err(ExampleError::Full { capacity }.into());
        }
        self.mode = Mode::Teaching { class };
        self.front_end.begin();
        Ok(())
    }

    /// Begins a recording to be recognised, or a series of windows to be. Whatever
    /// was being recorded is dropped.
    pub fn listen(&mut self) {
        self.mode = Mode::Listening;
        self.front_end.begin();
    }

    /// Takes a sample, a value per channel. Returns what came of the example that
    /// it completes, where examples are windows. Samples that nobody waits for are
    /// not looked at.
    ///
    /// # Errors
    /// [`TeachingError`]: the sample was not taken, or what it completes came to
    /// nothing.
    pub fn push(&mut self, sample: &[f32]) -> Result<Option<Response>, TeachingError> {
        match self.front_end.push(sample)? {
            Some(example) => take(&mut self.learner, self.mode, &mut self.adapted, example),
            None => Ok(None),
        }
    }

    /// Ends what was begun. Returns what came of a whole recording.
    ///
    /// # Errors
    /// [`TeachingError`] where nothing was begun or nothing was recorded.
    pub fn end(&mut self) -> Result<Option<Response>, TeachingError> {
        match self.front_end.end()? {
            Some(example) => take(&mut self.learner, self.mode, &mut self.adapted, example),
            None => Ok(None),
        }
    }

    /// Ends what was begun with [`listen`](Self::listen) and takes it as the value
    /// at rest: see [`FrontEnd::rest`].
    ///
    /// # Errors
    /// [`TeachingError`] where nothing was begun or nothing was recorded.
    pub fn rest(&mut self) -> Result<(), TeachingError> {
        Ok(self.front_end.rest()?)
    }

    /// Adapts to all examples: [`Learner::adapt`]. Nothing is committed yet.
    ///
    /// # Errors
    /// As [`Learner::adapt`].
    pub fn adapt(&mut self) -> Result<Report, AdaptError> {
        let report = self.learner.adapt()?;
        self.adapted = report.is_kept();
        Ok(report)
    }

    /// Makes what was adapted the state that [`discard`](Self::discard) returns
    /// to, until the power goes.
    pub fn commit(&mut self) {
        self.learner.commit();
        self.committed = self.examples();
    }

    /// Keeps what was adapted in flash, in place of what the profile had, and then
    /// commits it. Nothing is committed where it cannot be kept.
    ///
    /// # Errors
    /// As [`Store::save`](crate::storage::Store::save).
    #[cfg(feature = "storage")]
    pub fn commit_to<F: embedded_storage::nor_flash::NorFlash>(
        &mut self,
        store: &mut crate::storage::Store<F>,
        profile: u8,
    ) -> Result<crate::storage::Saved, crate::storage::StoreError<F::Error>> {
        let saved = store.save(profile, &self.learner)?;
        self.commit();
        Ok(saved)
    }

    /// Goes back to what was known when it was last committed or restored, and
    /// forgets the examples since.
    pub fn discard(&mut self) {
        self.learner.discard();
        while self.examples() > self.committed {
            self.forget_last();
        }
        self.adapted = false;
    }

    /// Forgets everything: examples, what was committed, and what was adapted.
    pub fn reset(&mut self) {
        self.learner.reset();
        self.committed = 0;
        self.adapted = false;
    }

    /// How many examples there are.
    pub fn examples(&self) -> usize {
        self.learner.examples()
    }

    /// How many examples a class has.
    pub fn examples_of(&self, class: usize) -> usize {
        advice::examples_of(&self.learner, class)
    }

    /// Forgets the example taught last. Returns its class, or `None` where there
    /// was no example. What was learnt stays until [`adapt`](Self::adapt).
    pub fn forget_last(&mut self) -> Option<usize> {
        let last = self.examples().checked_sub(1)?;
        self.forget(last)
    }

    /// Forgets an example, by its place in the order in which they were taught;
    /// later ones move up. Returns its class.
    pub fn forget(&mut self, example: usize) -> Option<usize> {
        let class = self.learner.class_of(example)?;
        if !self.learner.forget(example) {
            return None;
        }
        self.adapted = false;
        if example < self.committed {
            self.committed -= 1;
        }
        Some(class)
    }

    /// Forgets all examples of a class and returns how many there were.
    pub fn forget_class(&mut self, class: usize) -> usize {
        let mut forgotten = 0;
        for example in (0..self.examples()).rev() {
            if self.learner.class_of(example) == Some(class) {
                forgotten += usize::from(self.forget(example).is_some());
            }
        }
        forgotten
    }

    /// What to teach next: whether classes have equally many examples and, if so,
    /// whether any example contradicts the others. That is one whose class is left
    /// with less than 1 % by a model that was adapted to all others or, where
    /// every class has one example alone, with less than half by a model that was
    /// adapted to it too.
    ///
    /// Adapts as often as there are examples, to all of them in the end, so there
    /// is no need to [`adapt`](Self::adapt) after it. It does so only where
    /// classes have equally many examples: else the weights in use stay what they
    /// are.
    ///
    /// # Errors
    /// As [`Learner::adapt`].
    pub fn advice(&mut self) -> Result<Advice, AdaptError> {
        advice::advice(&mut self.learner, &mut self.adapted)
    }

    /// Whether the weights in use were adapted to exactly the examples there are.
    pub fn is_adapted(&self) -> bool {
        self.adapted
    }

    /// What learns, to save it for instance.
    pub fn learner(&self) -> &Learner<'m> {
        &self.learner
    }

    /// What learns, to [restore](Learner::restore) it for instance.
    pub fn learner_mut(&mut self) -> &mut Learner<'m> {
        self.adapted = false;
        &mut self.learner
    }

    /// What makes examples of samples.
    pub fn front_end(&self) -> &FrontEnd<'m> {
        &self.front_end
    }

    /// What makes examples of samples, to tell it the rate of the sensor for
    /// instance.
    pub fn front_end_mut(&mut self) -> &mut FrontEnd<'m> {
        &mut self.front_end
    }
}

/// Learns or recognises an example.
fn take(
    learner: &mut Learner<'_>,
    mode: Mode,
    adapted: &mut bool,
    example: &[f32],
) -> Result<Option<Response>, TeachingError> {
    let Mode::Teaching { class } = mode else {
        let prediction = learner.classify(example)?;
        return Ok(Some(Response::Prediction(prediction)));
    };
    learner.add_class(example, class)?;
    *adapted = false;
    let examples = advice::examples_of(learner, class);
    Ok(Some(Response::Example { class, examples }))
}
