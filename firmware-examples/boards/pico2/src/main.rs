//! Raspberry Pi Pico 2: a button from GP14 to ground teaches, one from GP15 to
//! ground learns, and forgets where it is held. The sensor is anything that gives
//! 0 to 3.3 V on GP26. The LED is on while an example is recorded; what is seen is
//! in the log.
#![no_std]
#![no_main]

use core::ops::Range;

use app::chosen;
use app::teach::{self, Board, Buttons, Event, Light, Memory};
use defmt_rtt as _;
use embassy_executor::Spawner;
use embassy_rp::adc::{Adc, Blocking, Channel, Config};
use embassy_rp::flash::Flash;
use embassy_rp::gpio::{Input, Level, Output, Pull};
use embassy_time::{Duration, Ticker};
use panic_probe as _;
use static_cell::ConstStaticCell;

/// Bytes of the flash beside the chip.
const FLASH: usize = 4096 * 1024;
/// What memory.x leaves free, in bytes from the start of the flash.
const KEPT: Range<u32> = 0x3f_8000..0x40_0000;

static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());

struct Pico2 {
    ticker: Ticker,
    adc: Adc<'static, Blocking>,
    input: Channel<'static>,
    teach: Input<'static>,
    learn: Input<'static>,
    led: Output<'static>,
}

impl Board for Pico2 {
    async fn sample(&mut self, sample: &mut [f32]) -> Option<()> {
        self.ticker.next().await;
        let counts = self.adc.blocking_read(&mut self.input).ok()?;
        // 4096 counts are 3.3 V; half of that is zero.
        let volts = f32::from(counts) * (3.3 / 4096.0);
        let [channel] = sample else {
            return None;
        };
        *channel = volts - 1.65;
        Some(())
    }

    fn buttons(&mut self) -> Buttons {
        Buttons {
            teach: self.teach.is_low(),
            learn: self.learn.is_low(),
        }
    }

    fn show(&mut self, light: Light) {
        self.led.set_level(Level::from(light == Light::Recording));
    }

    fn log(&mut self, event: Event) {
        defmt::info!("{}", event);
    }
}

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    let p = embassy_rp::init(Default::default());
    let mut board = Pico2 {
        ticker: Ticker::every(Duration::from_micros(chosen::MICROSECONDS)),
        adc: Adc::new_blocking(p.ADC, Config::default()),
        input: Channel::new_pin(p.PIN_26, Pull::None),
        teach: Input::new(p.PIN_14, Pull::Up),
        learn: Input::new(p.PIN_15, Pull::Up),
        led: Output::new(p.PIN_25, Level::Low),
    };
    let flash = Flash::<_, _, FLASH>::new_blocking(p.FLASH);
    let ended = teach::run(&mut board, flash, KEPT, MEMORY.take()).await;
    defmt::panic!("the application has ended: {}", ended);
}
