//! What the buttons do, sample by sample.

use embedded_storage::nor_flash::NorFlash;
use mamlet_runtime::storage::{Store, StoreError};
use mamlet_runtime::{
    Advice, Centre, Cut, ExampleError, Outcome, Prediction, Response, Teacher, TeachingError,
    weights_crc32,
};

use super::{Board, Buttons, Event, Failure, Light};

/// Whose weights are saved: there is one.
const PROFILE: u8 = 0;
/// Windows that a button is held for.
const HELD: usize = 2;

/// The state between two samples.
pub struct Lesson<'m, F> {
    teacher: Teacher<'m>,
    store: Store<F>,
    /// The class that is taught next.
    class: usize,
    /// Whether an example is being recorded, or something to be recognised.
    recording: bool,
    /// Samples until the value at rest is known.
    resting: u32,
    /// Whether anything was learnt.
    learnt: bool,
    /// Whether a recording by hand is to be recognised, not an example.
    asking: bool,
    /// What was seen last.
    seen: Option<usize>,
    /// Which buttons were down, and for how many samples the second has been.
    before: Buttons,
    held: usize,
}

impl<'m, F: NorFlash> Lesson<'m, F> {
    /// A lesson that has not begun.
    pub fn new(teacher: Teacher<'m>, store: Store<F>) -> Self {
        Lesson {
            teacher,
            store,
            class: 0,
            recording: false,
            resting: 0,
            learnt: false,
            asking: false,
            seen: None,
            before: Buttons::default(),
            held: 0,
        }
    }

    /// Goes on with what was saved.
    pub fn start(&mut self, board: &mut impl Board) {
        let restored = self.store.restore(PROFILE, self.teacher.learner_mut());
        self.learnt = matches!(restored, Ok(Some(_)));
        self.asking = self.learnt;
        board.log(match restored {
            Ok(stored) => Event::Started(stored.map(|stored| stored.steps)),
            Err(error) => failed(&error),
        });
        let front_end = self.teacher.front_end().description();
        if front_end.centre == Centre::Rest {
            self.resting = front_end.length;
            board.show(Light::Recording);
            self.teacher.listen();
        } else {
            self.watch();
        }
    }

    /// Takes the next sample, and does what the buttons ask for.
    pub fn step(&mut self, sample: &[f32], buttons: Buttons, board: &mut impl Board) {
        if let Some(rest) = self.resting.checked_sub(1) {
            return self.rest(sample, rest, board);
        }
        let pressed = buttons.teach && !self.before.teach;
        let let_go = !buttons.teach && self.before.teach;
        let released = self.before.learn && !buttons.learn;
        self.before = buttons;
        if pressed && !self.recording {
            self.record(board);
        }
        let heard = match self.teacher.push(sample) {
            Ok(None) if let_go && self.recording && self.by_hand() => self.teacher.end(),
            heard => heard,
        };
        match heard {
            Ok(None) => {}
            Ok(Some(Response::Example { class, .. })) => {
                let examples = self.teacher.examples();
                self.class = if class + 1 < self.classes() {
                    class + 1
                } else {
                    0
                };
                self.recorded(Event::Taught { class, examples }, board);
            }
            Ok(Some(Response::Prediction(heard))) => self.see(heard, board),
            Err(_) => self.recorded(Event::Failed(Failure::Sensor), board),
        }
        // Held long enough, the second button forgets; released before, it learns.
        let long = HELD * self.teacher.front_end().description().length as usize;
        if buttons.learn {
            self.held = self.held.saturating_add(1);
            if self.held == long {
                board.log(self.forget());
                board.show(Light::Idle);
            }
        } else if released && core::mem::take(&mut self.held) < long {
            self.learn(board);
        }
    }

    /// Takes another sample at rest, before so many more.
    fn rest(&mut self, sample: &[f32], more: u32, board: &mut impl Board) {
        // What a window comes to is nothing before the value is known.
        let _ = self.teacher.push(sample);
        self.resting = more;
        if more == 0 {
            if self.teacher.rest().is_err() {
                board.log(Event::Failed(Failure::Sensor));
            }
            self.watch();
            board.show(Light::Idle);
        }
    }

    /// Whether a button says where an example begins and ends.
    fn by_hand(&self) -> bool {
        let front_end = self.teacher.front_end().description();
        matches!(front_end.cut, Cut::Whole { .. })
    }

    /// Recognises windows from here on.
    fn watch(&mut self) {
        if !self.by_hand() {
            self.teacher.listen();
        }
    }

    fn classes(&self) -> usize {
        self.teacher.learner().classes()
    }

    /// What follows is an example or, where a button says where recordings begin,
    /// may be something to be recognised.
    fn record(&mut self, board: &mut impl Board) {
        if self.asking && self.by_hand() {
            self.teacher.listen();
            self.recording = true;
            board.show(Light::Recording);
            return;
        }
        let class = self.class;
        match self.teacher.begin(class) {
            Ok(()) => {
                self.recording = true;
                board.log(Event::Recording { class });
                board.show(Light::Recording);
            }
            Err(TeachingError::Example(ExampleError::Full { .. })) => {
                board.log(Event::Failed(Failure::Full));
            }
            Err(_) => board.log(Event::Failed(Failure::Sensor)),
        }
    }

    /// What came of a recording; from here on it looks again.
    fn recorded(&mut self, event: Event, board: &mut impl Board) {
        board.log(event);
        if core::mem::take(&mut self.recording) {
            self.watch();
            board.show(self.seen.map_or(Light::Idle, Light::Class));
        }
    }

    /// Adapts to the examples and saves what was learnt, saying first what the
    /// examples lack.
    fn learn(&mut self, board: &mut impl Board) {
        if core::mem::take(&mut self.asking) && self.by_hand() {
            board.log(Event::Teaching);
            return;
        }
        self.try_to_learn(board);
        self.asking = self.learnt;
    }

    fn try_to_learn(&mut self, board: &mut impl Board) {
        match self.teacher.advice() {
            // What was learnt before is worth more than one class alone.
            Ok(Advice::MoreClasses) => {
                board.log(Event::Failed(Failure::TooFew));
                return;
            }
            Ok(Advice::MoreOf { class, .. }) => board.log(Event::TeachMore { class }),
            Ok(Advice::Doubtful { class, .. } | Advice::Unclear { class, .. }) => {
                board.log(Event::TeachAgain { class });
            }
            _ => {}
        }
        let event = self.adapt();
        board.log(event);
    }

    fn adapt(&mut self) -> Event {
        let Ok(report) = self.teacher.adapt() else {
            return Event::Failed(Failure::TooFew);
        };
        self.seen = None;
        if let Outcome::RolledBack { .. } = report.outcome {
            return Event::NotLearnt;
        }
        if let Err(error) = self.teacher.commit_to(&mut self.store, PROFILE) {
            self.teacher.learner_mut().discard();
            return failed(&error);
        }
        self.learnt = true;
        Event::Learnt {
            steps: report.steps(),
            before: report.loss_before(),
            after: report.loss_after(),
            weights: self.teacher.learner().weights().map_or(0, weights_crc32),
        }
    }

    fn forget(&mut self) -> Event {
        self.teacher.reset();
        self.watch();
        (self.class, self.recording, self.seen) = (0, false, None);
        (self.learnt, self.asking) = (false, false);
        match self.store.remove(PROFILE) {
            Ok(()) => Event::Forgotten,
            Err(error) => failed(&error),
        }
    }

    /// Tells what a recording by hand is, or where something else is seen.
    fn see(&mut self, heard: Prediction, board: &mut impl Board) {
        let class = heard.known.then_some(heard.class);
        let by_hand = core::mem::take(&mut self.recording);
        if by_hand || self.seen != class {
            self.seen = class;
            board.log(class.map_or(Event::Unknown, |class| Event::Seen { class }));
            board.show(class.map_or(Light::Idle, Light::Class));
        }
    }
}

/// What the store could not do.
fn failed<E>(error: &StoreError<E>) -> Event {
    Event::Failed(match error {
        StoreError::Refused(_) => Failure::OtherWeights,
        _ => Failure::Flash,
    })
}
