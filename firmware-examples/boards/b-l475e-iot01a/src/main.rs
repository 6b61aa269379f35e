//! ST B-L475E-IOT01A: the blue button teaches; a button from pin D2 (PD14) to
//! ground learns, and forgets where it is held. The sensor is its accelerometer
//! (LSM6DSL): three axes in units of gravity or, where the artifact has one channel,
//! how much stronger or weaker than at rest it is shaken. The green LED is on while an
//! example is recorded; what is seen is in the log.
#![no_std]
#![no_main]

mod lsm6dsl;

use core::ops::Range;

use app::chosen;
use app::teach::{self, Board, Buttons, Event, Light, Memory, acceleration};
use defmt_rtt as _;
use embassy_executor::Spawner;
use embassy_stm32::flash::Flash;
use embassy_stm32::gpio::{Input, Level, Output, Pull, Speed};
use embassy_stm32::i2c::{self, I2c};
use embassy_stm32::rcc::{Pll, PllMul, PllPreDiv, PllRDiv, PllSource, Sysclk};
use embassy_time::{Duration, Ticker};
use lsm6dsl::Lsm6dsl;
use panic_probe as _;
use static_cell::ConstStaticCell;

/// What memory.x leaves free, in bytes from the start of the flash.
const KEPT: Range<u32> = 0xf_8000..0x10_0000;

static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());

struct Iot01a {
    ticker: Ticker,
    sensor: Lsm6dsl,
    teach: Input<'static>,
    learn: Input<'static>,
    led: Output<'static>,
}

impl Board for Iot01a {
    async fn sample(&mut self, sample: &mut [f32]) -> Option<()> {
        self.ticker.next().await;
        acceleration(self.sensor.acceleration().ok()?, sample)
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
    let mut config = embassy_stm32::Config::default();
    // 16 MHz times ten, halved: the most that the core stands.
    config.rcc.hsi = true;
    config.rcc.sys = Sysclk::PLL1_R;
    config.rcc.pll = Some(Pll {
        source: PllSource::HSI,
        prediv: PllPreDiv::DIV1,
        mul: PllMul::MUL10,
        divp: None,
        divq: None,
        divr: Some(PllRDiv::DIV2),
    });
    let p = embassy_stm32::init(config);
    let bus = I2c::new_blocking(p.I2C2, p.PB10, p.PB11, i2c::Config::default());
    let Ok(sensor) = Lsm6dsl::new(bus) else {
        defmt::panic!("no LSM6DSL answers on the internal bus");
    };
    let mut board = Iot01a {
        ticker: Ticker::every(Duration::from_micros(chosen::MICROSECONDS)),
        sensor,
        teach: Input::new(p.PC13, Pull::None),
        learn: Input::new(p.PD14, Pull::Up),
        led: Output::new(p.PB14, Level::Low, Speed::Low),
    };
    let flash = Flash::new_blocking(p.FLASH);
    let ended = teach::run(&mut board, flash, KEPT, MEMORY.take()).await;
    defmt::panic!("the application has ended: {}", ended);
}
