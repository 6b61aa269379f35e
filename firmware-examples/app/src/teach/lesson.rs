//! What the buttons do, sample by sample.

use embedded_storage::nor_flash::NorFlash;
use mamlet_runtime::storage::{Store, StoreError};
use mamlet_runtime::{ExampleError, Learner, Model, Outcome, weights_crc32};

use super::window::Window;
use super::{Board, Buttons, Event, Failure, Light};

/// Whose weights are saved: there is one.
const PROFILE: u8 = 0;
/// Predictions within a window.
const LOOKS: usize = 4;
/// Windows that a button is held for.
const HELD: usize = 2;

/// The state between two samples.
pub struct Lesson<'m, F> {
    learner: Learner<'m>,
    store: Store<F>,
    window: Window<'m>,
    /// Samples of a window.
    length: usize,
    classes: usize,
    /// The class that is taught next.
    class: usize,
    /// Samples to come of an example that is being recorded.
    recording: Option<usize>,
    /// Samples until the next look at the window.
    look: usize,
    /// What was seen last.
    seen: Option<usize>,
    /// Which buttons were down, and for how many samples the second has been.
    before: Buttons,
    held: usize,
}

impl<'m, F: NorFlash> Lesson<'m, F> {
    /// A lesson that has not begun. `memory` has room for two examples.
    ///
    /// # Errors
    /// Where the sensor's samples do not make up an example.
    pub fn new<const LAYERS: usize>(
        model: &Model<'_, LAYERS>,
        learner: Learner<'m>,
        store: Store<F>,
        channels: usize,
        memory: &'m mut [f32],
    ) -> Result<Self, &'static str> {
        let inputs = model.inputs();
        let length = inputs.checked_div(channels).ok_or("channels")?;
        if length * channels != inputs || length < LOOKS {
            return Err("channels");
        }
        Ok(Lesson {
            learner,
            store,
            window: Window::new(memory).ok_or("memory")?,
            length,
            classes: model.outputs(),
            class: 0,
            recording: None,
            look: length / LOOKS,
            seen: None,
            before: Buttons::default(),
            held: 0,
        })
    }

    /// Goes on with what was saved.
    pub fn start(&mut self, board: &mut impl Board) {
        let restored = self.store.restore(PROFILE, &mut self.learner);
        board.log(match restored {
            Ok(stored) => Event::Started(stored.map(|stored| stored.steps)),
            Err(error) => failed(&error),
        });
    }

    /// Takes the next sample, and does what the buttons ask for.
    pub fn step(&mut self, sample: &[f32], buttons: Buttons, board: &mut impl Board) {
        let pressed = buttons.teach && !self.before.teach;
        let released = self.before.learn && !buttons.learn;
        self.before = buttons;
        if pressed && self.recording.is_none() {
            let class = self.class;
            self.recording = Some(self.length);
            board.log(Event::Recording { class });
            board.show(Light::Recording);
        }
        self.window.push(sample);
        match &mut self.recording {
            Some(left) if *left > 1 => *left -= 1,
            Some(_) => {
                self.recording = None;
                self.look = self.length / LOOKS;
                board.log(self.teach());
                board.show(self.seen.map_or(Light::Idle, Light::Class));
            }
            None if self.look > 1 => self.look -= 1,
            None => {
                self.look = self.length / LOOKS;
                self.watch(board);
            }
        }
        // Held long enough, the second button forgets; released before, it learns.
        let long = HELD * self.length;
        if buttons.learn {
            self.held = self.held.saturating_add(1);
            if self.held == long {
                board.log(self.forget());
            }
        } else if released && core::mem::take(&mut self.held) < long {
            board.log(self.learn());
        }
    }

    /// Adds the window as an example.
    fn teach(&mut self) -> Event {
        let class = self.class;
        let Some(samples) = self.window.samples() else {
            return Event::Failed(Failure::Sensor);
        };
        match self.learner.add_class(samples, class) {
            Ok(()) => {
                self.class = if class + 1 < self.classes {
                    class + 1
                } else {
                    0
                };
                let examples = self.learner.examples();
                Event::Taught { class, examples }
            }
            Err(ExampleError::Full { .. }) => Event::Failed(Failure::Full),
            Err(_) => Event::Failed(Failure::Sensor),
        }
    }

    /// Adapts to the examples and saves what was learnt.
    fn learn(&mut self) -> Event {
        let Ok(report) = self.learner.adapt() else {
            return Event::Failed(Failure::NoExamples);
        };
        self.seen = None;
        if let Outcome::RolledBack { .. } = report.outcome {
            // What was learnt before is in flash, or it is the initialisation.
            return match self.store.restore(PROFILE, &mut self.learner) {
                Ok(_) => Event::NotLearnt,
                Err(error) => failed(&error),
            };
        }
        if let Err(error) = self.store.save(PROFILE, &self.learner) {
            return failed(&error);
        }
        Event::Learnt {
            steps: report.steps(),
            before: report.loss_before(),
            after: report.loss_after(),
            weights: self.learner.weights().map_or(0, weights_crc32),
        }
    }

    fn forget(&mut self) -> Event {
        self.learner.reset();
        (self.class, self.recording, self.seen) = (0, None, None);
        match self.store.remove(PROFILE) {
            Ok(()) => Event::Forgotten,
            Err(error) => failed(&error),
        }
    }

    /// Looks at the window, and tells where something else is seen.
    fn watch(&mut self, board: &mut impl Board) {
        let Some(samples) = self.window.samples() else {
            return;
        };
        let Ok(outputs) = self.learner.predict(samples) else {
            board.log(Event::Failed(Failure::Sensor));
            return;
        };
        let class = largest(outputs);
        if self.seen != Some(class) {
            self.seen = Some(class);
            board.log(Event::Seen { class });
            board.show(Light::Class(class));
        }
    }
}

/// Where the largest number is.
fn largest(outputs: &[f32]) -> usize {
    let (mut index, mut most) = (0, f32::NEG_INFINITY);
    for (at, &output) in outputs.iter().enumerate() {
        if output > most {
            (index, most) = (at, output);
        }
    }
    index
}

/// What the store could not do.
fn failed<E>(error: &StoreError<E>) -> Event {
    Event::Failed(match error {
        StoreError::Refused(_) => Failure::OtherWeights,
        _ => Failure::Flash,
    })
}
