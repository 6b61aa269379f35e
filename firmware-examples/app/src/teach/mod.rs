//! The application of the boards: it is taught by two buttons what its sensor
//! sees, and says from then on what it sees.
//!
//! | button | examples are windows | examples are whole recordings |
//! |---|---|---|
//! | teach | pressed: the samples of the next window are an example of a class, of the first, then of the second, and so on round and round | held: an example lasts as long or, once it has learnt, a recording to be recognised |
//! | learn, pressed | adapts to the examples and saves what it learnt | the same; pressed again, the first button teaches again |
//! | learn, held | forgets everything, what is saved included | the same |
//!
//! Windows are recognised all the time. Where examples are made less the value at
//! rest, the board measures it when it starts, over the samples of an example.
//!
//! A board is a [`Board`]: a sensor that is read at a steady rate, two buttons,
//! some light and a log. Flash is whatever `embedded-storage` drives. What is
//! here is the same on all of them, and runs in QEMU with every test. Which
//! artifact it is taught with, `MAMLET_ARTIFACT` says when it is built
//! ([`chosen`](crate::chosen)).

mod lesson;

use core::ops::Range;

use embedded_storage::nor_flash::NorFlash;
pub use lesson::Lesson;
use mamlet_runtime::storage::Store;
use mamlet_runtime::{Artifact, Model, Teacher};

use crate::chosen;

/// How many layers the artifact may have.
const LAYERS: usize = 32;
/// How many numbers a sample may have.
const CHANNELS: usize = 16;

/// What a board has.
#[expect(async_fn_in_trait, reason = "the executors of boards have one thread")]
pub trait Board {
    /// Waits until it is time for the next sample and reads it: as many numbers
    /// as the artifact has channels, at the rate, in the order and in the units
    /// of the recordings that it was trained with. `None` where the sensor is
    /// gone, or gives another number.
    async fn sample(&mut self, sample: &mut [f32]) -> Option<()>;

    /// Which buttons are down.
    fn buttons(&mut self) -> Buttons;

    /// Shows what is going on.
    fn show(&mut self, light: Light);

    /// Says what has happened.
    fn log(&mut self, event: Event);
}

/// Which buttons are down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buttons {
    /// Teaches.
    pub teach: bool,
    /// Learns, and forgets where it is held.
    pub learn: bool,
}

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    /// Nothing has been seen yet.
    Idle,
    /// A class is seen.
    Class(usize),
    /// An example is being recorded.
    Recording,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event {
    /// It has started, with what was saved before: the steps that led to it.
    Started(Option<u32>),
    /// An example is recorded from here on.
    Recording {
        /// Of which class.
        class: usize,
    },
    /// An example was recorded.
    Taught {
        /// Of which class.
        class: usize,
        /// How many there are now.
        examples: usize,
    },
    /// It has learnt, and what it has learnt is saved.
    Learnt {
        /// How many steps were kept.
        steps: usize,
        /// The loss of the examples before.
        before: f32,
        /// The loss after.
        after: f32,
        /// CRC-32 of the weights.
        weights: u32,
    },
    /// It could not learn from these examples: it knows what it knew before.
    NotLearnt,
    /// Recordings are examples again.
    Teaching,
    /// There should be more examples of a class: others have more.
    TeachMore {
        /// Which class.
        class: usize,
    },
    /// An example of a class contradicts the others: it should be taught again.
    TeachAgain {
        /// Which class.
        class: usize,
    },
    /// What it sees has changed.
    Seen {
        /// Which class.
        class: usize,
    },
    /// What it sees now is nothing that it was taught.
    Unknown,
    /// Everything is forgotten.
    Forgotten,
    /// Something did not work, and nothing has changed.
    Failed(Failure),
}

/// What did not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Failure {
    /// There is no room for another example.
    Full,
    /// There are no examples, or they are of one class alone.
    TooFew,
    /// A number of the sensor is not finite.
    Sensor,
    /// The flash holds weights of another artifact: forget them.
    OtherWeights,
    /// The flash does not work.
    Flash,
}

impl Failure {
    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Failure::Full => "no room for another example",
            Failure::TooFew => "nothing to tell apart",
            Failure::Sensor => "the sensor",
            Failure::OtherWeights => "the flash holds weights of another artifact",
            Failure::Flash => "the flash",
        }
    }
}

/// A sample of an accelerometer, in units of gravity: its three axes, or where the
/// artifact has one channel how much stronger or weaker than at rest something is
/// shaken, whichever way it is held: the length of the acceleration, less gravity.
/// `None` where it has others.
pub fn acceleration(axes: [f32; 3], sample: &mut [f32]) -> Option<()> {
    match sample {
        [shaken] => {
            let square: f32 = axes.iter().map(|a| a * a).sum();
            *shaken = libm::sqrtf(square) - 1.0;
        }
        [x, y, z] => [*x, *y, *z] = axes,
        _ => return None,
    }
    Some(())
}

/// The memory of the application with the artifact that was [chosen]: static, so
/// that the linker knows whether it fits.
pub struct Memory([f32; chosen::NUMBERS]);

impl Memory {
    /// Zeros.
    pub const fn new() -> Self {
        Memory([0.0; chosen::NUMBERS])
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs the application with the artifact that was [chosen] until the sensor is
/// gone; what is learnt is kept in a region of the flash, of whole pages.
///
/// # Errors
/// What does not fit the artifact, in words.
pub async fn run<B: Board, F: NorFlash>(
    board: &mut B,
    flash: F,
    region: Range<u32>,
    memory: &mut Memory,
) -> Result<(), &'static str> {
    let chosen = (chosen::ARTIFACT, chosen::EXAMPLES);
    run_with(chosen, board, flash, region, &mut memory.0).await
}

/// The same with any artifact, for so many examples. It says how many numbers a
/// sample has and what makes an example; [`Teacher::memory`] says how much memory
/// they take.
///
/// # Errors
/// As [`run`].
pub async fn run_with<B: Board, F: NorFlash>(
    (artifact, examples): (&'static [u8], usize),
    board: &mut B,
    flash: F,
    region: Range<u32>,
    memory: &mut [f32],
) -> Result<(), &'static str> {
    let mut model = Model::<LAYERS>::default();
    load(artifact, &mut model)?;
    let teacher = Teacher::new(&model, examples, memory).map_err(|_| "memory")?;
    let front_end = teacher.front_end().description();
    let mut sample = [0.0; CHANNELS];
    let sample = sample.get_mut(..front_end.channels as usize);
    let sample = sample.ok_or("channels")?;
    let store = Store::new(flash, region, 1).map_err(|_| "region of flash")?;
    let mut lesson = Lesson::new(teacher, store);
    lesson.start(board);
    while board.sample(sample).await.is_some() {
        let buttons = board.buttons();
        lesson.step(sample, buttons, board);
    }
    Ok(())
}

/// In a function of its own, so that the artifact's header leaves the stack.
#[inline(never)]
fn load(bytes: &'static [u8], model: &mut Model<'static, LAYERS>) -> Result<(), &'static str> {
    let artifact = Artifact::parse(bytes).map_err(|_| "artifact")?;
    model.load(&artifact).map_err(|_| "model")
}
