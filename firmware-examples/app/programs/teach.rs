//! The application of the boards, with a script in place of sensor and buttons:
//! it is taught five classes of recordings, sees others, is switched off and on,
//! still knows them, and forgets them. Then the same with an artifact whose examples
//! last as long as a button is held.
#![no_std]
#![no_main]

use core::sync::atomic::AtomicU32;

use app::ram_flash::{PAGE, RamFlash};
use app::teach::{self, Board, Buttons, Event, Light};
use app::{Decimals, HEAD, QUERY, STROKES, SUPPORT, println, strokes};
use embassy_futures::block_on;
use mamlet_runtime::storage::flash_needed;

/// One page for the 645 weights, and one for those before.
const FLASH: usize = flash_needed(645, 1, PAGE);
/// Samples of a recording.
const LENGTH: usize = 64;

static WORDS: [AtomicU32; FLASH / 4] = [const { AtomicU32::new(0) }; FLASH / 4];

/// Examples of all classes together.
const EXAMPLES: usize = 10;
/// Numbers for as many recordings, or strokes.
const NUMBERS: usize = 4608;

app::program!(live, [f32; NUMBERS] = [0.0; NUMBERS]);

/// The code that `async` functions become keeps a panic, should it be resumed
/// after its end, which `await` never does.
#[unsafe(no_mangle)]
extern "C" fn this_program_can_panic() -> ! {
    app::fail()
}

fn live(memory: &mut [f32]) -> Result<(), &'static str> {
    RamFlash::blank(&WORDS);
    println!("first life: taught by buttons");
    let lesson: [Act; 11] = [
        Act::Learn, // Nothing was taught yet.
        // Classes 0 to 4.
        Act::Teach(4),
        Act::Teach(1),
        Act::Teach(2),
        Act::Teach(0),
        Act::Teach(3),
        Act::Learn,
        Act::Watch(0),
        Act::Watch(6),
        // The first class once more: the others should have more, too.
        Act::Teach(4),
        Act::Learn,
    ];
    start(HEAD, &lesson, memory)?;
    println!("second life: it still knows");
    let lesson = [
        Act::Watch(12),
        Act::Watch(18),
        Act::Watch(24),
        // One class alone must not replace all five.
        Act::Teach(4),
        Act::Learn,
    ];
    start(HEAD, &lesson, memory)?;
    println!("third life: it forgets");
    let lesson = [Act::Watch(12), Act::Forget, Act::Watch(12)];
    start(HEAD, &lesson, memory)?;
    println!("fourth life: it knows nothing");
    start(HEAD, &[Act::Watch(12)], memory)?;
    println!("another artifact: examples as long as a button is held");
    let lesson = [
        Act::Hold(0, 8),
        Act::Hold(1, 9),
        Act::Hold(2, 10),
        Act::Learn,
        Act::Hold(2, 8),
        Act::Hold(1, 13),
        Act::Hold(3, 9),
    ];
    start(STROKES, &lesson, memory)?;
    println!("its second life: it still knows");
    let lesson = [
        Act::Hold(0, 14),
        // Teaches again, but one class alone is not enough.
        Act::Learn,
        Act::Hold(0, 8),
        Act::Learn,
        Act::Hold(2, 12),
    ];
    start(STROKES, &lesson, memory)
}

fn start(artifact: &'static [u8], acts: &[Act], memory: &mut [f32]) -> Result<(), &'static str> {
    let mut script = Script { acts, tick: 0 };
    let flash = RamFlash::new(&WORDS);
    block_on(teach::run_with(
        (artifact, EXAMPLES),
        &mut script,
        flash,
        0..FLASH as u32,
        memory,
    ))
}

/// What somebody does with the board, for as long as it takes.
#[derive(Clone, Copy)]
enum Act {
    /// Shows a recording with the first button pressed at its beginning.
    Teach(usize),
    /// Shows another recording.
    Watch(usize),
    /// Makes a stroke of so many samples and holds the first button meanwhile.
    Hold(usize, u16),
    /// Presses the second button.
    Learn,
    /// Holds it.
    Forget,
}

impl Act {
    /// How many samples it takes.
    fn ticks(self) -> usize {
        match self {
            Act::Teach(_) | Act::Watch(_) => LENGTH,
            Act::Hold(_, samples) => usize::from(samples) + 1,
            Act::Learn => 2,
            Act::Forget => 2 * LENGTH + 2,
        }
    }
}

/// Sensor and buttons, as a script has them.
struct Script<'a> {
    acts: &'a [Act],
    /// Samples of the first act that were taken.
    tick: usize,
}

impl Board for Script<'_> {
    async fn sample(&mut self, sample: &mut [f32]) -> Option<()> {
        let (act, rest) = self.acts.split_first()?;
        if self.tick == act.ticks() {
            (self.acts, self.tick) = (rest, 0);
        }
        let act = self.acts.first()?;
        let recording = match act {
            Act::Teach(index) => SUPPORT.get(*index),
            Act::Watch(index) => QUERY.get(*index),
            _ => None,
        };
        let number = recording.and_then(|(numbers, _)| numbers.get(self.tick));
        *sample.first_mut()? = match *act {
            Act::Hold(stroke, samples) => strokes::sample(stroke, self.tick as u16, samples),
            _ => number.copied().unwrap_or(0.0),
        };
        self.tick += 1;
        Some(())
    }

    fn buttons(&mut self) -> Buttons {
        let act = self.acts.first();
        let pressed = self.tick == 1;
        let last = act.is_some_and(|act| self.tick == act.ticks());
        Buttons {
            teach: match act {
                Some(Act::Teach(_)) => pressed,
                Some(Act::Hold(..)) => !last,
                _ => false,
            },
            learn: !last && matches!(act, Some(Act::Learn | Act::Forget)),
        }
    }

    fn show(&mut self, light: Light) {
        match light {
            Light::Idle => println!("  light: none"),
            Light::Recording => println!("  light: recording"),
            Light::Class(class) => println!("  light: class {}", class),
        }
    }

    fn log(&mut self, event: Event) {
        match event {
            Event::Started(Some(steps)) => println!("started with weights of {} steps", steps),
            Event::Started(None) => println!("started with the initialisation"),
            Event::Recording { class } => println!("recording class {}", class),
            Event::Taught { class, examples } => {
                println!("taught class {}, {} examples", class, examples)
            }
            Event::Learnt {
                steps,
                before,
                after,
                weights,
            } => println!(
                "learnt in {} steps: loss {:.6} before, {:.6} after, adapted weights {:08x}",
                steps,
                Decimals(before),
                Decimals(after),
                weights
            ),
            Event::NotLearnt => println!("not learnt"),
            Event::Teaching => println!("recordings are examples again"),
            Event::TeachMore { class } => println!("teach more of class {}", class),
            Event::TeachAgain { class } => println!("teach class {} again", class),
            Event::Seen { class } => println!("sees class {}", class),
            Event::Unknown => println!("sees nothing that was taught"),
            Event::Forgotten => println!("forgotten"),
            Event::Failed(failure) => println!("failed: {}", failure.text()),
        }
    }
}
