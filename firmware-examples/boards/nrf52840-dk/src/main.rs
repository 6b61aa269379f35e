//! Nordic nRF52840-DK: button 1 teaches, button 2 learns, and forgets where it is
//! held. The sensor is anything that gives 0 to 3.3 V on pin A0 (P0.03): a
//! potentiometer, a microphone, a current clamp. The LEDs show the class that is
//! seen, as a binary number; all four are on while an example is recorded.
#![no_std]
#![no_main]

use core::ops::Range;

use app::chosen;
use app::teach::{self, Board, Buttons, Event, Light, Memory};
use defmt_rtt as _;
use embassy_executor::Spawner;
use embassy_nrf::gpio::{AnyPin, Input, Level, Output, OutputDrive, Pull};
use embassy_nrf::nvmc::Nvmc;
use embassy_nrf::saadc::{self, ChannelConfig, Saadc};
use embassy_nrf::{Peri, bind_interrupts};
use embassy_time::{Duration, Ticker};
use panic_probe as _;
use static_cell::ConstStaticCell;

bind_interrupts!(struct Interrupts {
    SAADC => saadc::InterruptHandler;
});

/// What memory.x leaves free, in bytes from the start of the flash.
const KEPT: Range<u32> = 0xf_8000..0x10_0000;

static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());

struct Nrf52840Dk {
    ticker: Ticker,
    input: Saadc<'static, 1>,
    teach: Input<'static>,
    learn: Input<'static>,
    leds: [Output<'static>; 4],
}

impl Board for Nrf52840Dk {
    async fn sample(&mut self, sample: &mut [f32]) -> Option<()> {
        self.ticker.next().await;
        let mut counts = [0];
        self.input.sample(&mut counts).await;
        // 4096 counts are 3.6 V; half of 3.3 V is zero.
        let volts = f32::from(counts[0]) * (3.6 / 4096.0);
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
        let bits = match light {
            Light::Idle => 0,
            Light::Class(class) => class,
            Light::Recording => 0b1111,
        };
        // They are on where their pin is low.
        for (bit, led) in self.leds.iter_mut().enumerate() {
            led.set_level(Level::from(bits >> bit & 1 == 0));
        }
    }

    fn log(&mut self, event: Event) {
        defmt::info!("{}", event);
    }
}

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    let p = embassy_nrf::init(Default::default());
    let channel = [ChannelConfig::single_ended(p.P0_03)];
    let off = |led: Peri<'static, AnyPin>| Output::new(led, Level::High, OutputDrive::Standard);
    let mut board = Nrf52840Dk {
        ticker: Ticker::every(Duration::from_micros(chosen::MICROSECONDS)),
        input: Saadc::new(p.SAADC, Interrupts, saadc::Config::default(), channel),
        teach: Input::new(p.P0_11, Pull::Up),
        learn: Input::new(p.P0_12, Pull::Up),
        leds: [
            off(p.P0_13.into()),
            off(p.P0_14.into()),
            off(p.P0_15.into()),
            off(p.P0_16.into()),
        ],
    };
    let flash = Nvmc::new(p.NVMC);
    let ended = teach::run(&mut board, flash, KEPT, MEMORY.take()).await;
    defmt::panic!("the application has ended: {}", ended);
}
