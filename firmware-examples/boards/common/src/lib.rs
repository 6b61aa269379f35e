//! What all boards have. A board adds its pins, how its sensor is read and what its
//! lights show.
#![no_std]

use app::chosen;
use app::teach::{self, Buttons, Event, Memory};
pub use app::teach::{Light, acceleration};
use defmt_rtt as _;
use embassy_time::{Duration, Ticker};
use embedded_hal::digital::{InputPin, OutputPin, PinState};
use embedded_storage::nor_flash::NorFlash;
use mamlet_boards::Board;
use panic_probe as _;
use static_cell::ConstStaticCell;

static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());

/// The description of the board whose firmware is a package:
/// `common::board(env!("CARGO_PKG_NAME"))`.
///
/// # Panics
/// Where there is none. In a constant the compiler says so.
pub const fn board(package: &str) -> &'static Board {
    match mamlet_boards::named(package) {
        Some(board) => board,
        None => panic!("the package has the name of no board"),
    }
}

/// What is taught.
#[expect(async_fn_in_trait, reason = "the executors of boards have one thread")]
pub trait Sensor {
    /// Reads a sample, as [`teach::Board::sample`] describes it.
    async fn read(&mut self, sample: &mut [f32]) -> Option<()>;
}

/// What shows what is going on.
pub trait Lights {
    /// Shows it.
    fn show(&mut self, light: Light);
}

/// A LED that is on while an example is recorded, where its pin is high.
pub struct Led<P>(pub P);

impl<P: OutputPin> Lights for Led<P> {
    fn show(&mut self, light: Light) {
        // A pin of the chip itself never fails.
        let _ = self.0.set_state(PinState::from(light == Light::Recording));
    }
}

/// A sample of something analog between 0 and 3.3 V, of which half is zero. `None`
/// where the artifact has more channels than one.
pub fn analog(volts: f32, sample: &mut [f32]) -> Option<()> {
    let [channel] = sample else {
        return None;
    };
    *channel = volts - 1.65;
    Some(())
}

/// The parts of a board.
pub struct Parts<S, B, L> {
    /// The sensor.
    pub sensor: S,
    /// The button that teaches. Its pin is low while it is pressed.
    pub teach: B,
    /// The button that learns, and forgets where it is held: likewise.
    pub learn: B,
    /// The lights.
    pub lights: L,
}

/// The parts, and when the next sample is due.
struct Running<S, B, L> {
    parts: Parts<S, B, L>,
    ticker: Ticker,
}

impl<S: Sensor, B: InputPin, L: Lights> teach::Board for Running<S, B, L> {
    async fn sample(&mut self, sample: &mut [f32]) -> Option<()> {
        self.ticker.next().await;
        self.parts.sensor.read(sample).await
    }

    fn buttons(&mut self) -> Buttons {
        let down = |pin: &mut B| pin.is_low().unwrap_or(false);
        Buttons {
            teach: down(&mut self.parts.teach),
            learn: down(&mut self.parts.learn),
        }
    }

    fn show(&mut self, light: Light) {
        self.parts.lights.show(light);
    }

    fn log(&mut self, event: Event) {
        defmt::info!("{}", event);
    }
}

/// Runs the application until the sensor is gone. What is learnt is kept in the end of
/// the board's flash.
pub async fn run<S, B, L>(board: &Board, parts: Parts<S, B, L>, flash: impl NorFlash) -> !
where
    S: Sensor,
    B: InputPin,
    L: Lights,
{
    let mut running = Running {
        parts,
        ticker: Ticker::every(Duration::from_micros(chosen::MICROSECONDS)),
    };
    let ended = teach::run(&mut running, flash, board.kept(), MEMORY.take()).await;
    defmt::panic!("the application has ended: {}", ended);
}
