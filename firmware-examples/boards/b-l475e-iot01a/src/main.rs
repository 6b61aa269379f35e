//! ST B-L475E-IOT01A: the blue button teaches; a button from pin D2 (PD14) to
//! ground learns, and forgets where it is held. The sensor is its accelerometer
//! (LSM6DSL): three axes in units of gravity or, where the artifact has one channel,
//! how much stronger or weaker than at rest it is shaken. The green LED is on while an
//! example is recorded; what is seen is in the log.
#![no_std]
#![no_main]

mod lsm6dsl;

use common::{Led, Parts, Sensor, acceleration};
use embassy_executor::Spawner;
use embassy_stm32::flash::Flash;
use embassy_stm32::gpio::{Input, Level, Output, Pull, Speed};
use embassy_stm32::i2c::{self, I2c};
use embassy_stm32::rcc::{Pll, PllMul, PllPreDiv, PllRDiv, PllSource, Sysclk};
use lsm6dsl::Lsm6dsl;

impl Sensor for Lsm6dsl {
    async fn read(&mut self, sample: &mut [f32]) -> Option<()> {
        acceleration(self.acceleration().ok()?, sample)
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
    let parts = Parts {
        sensor,
        teach: Input::new(p.PC13, Pull::None),
        learn: Input::new(p.PD14, Pull::Up),
        lights: Led(Output::new(p.PB14, Level::Low, Speed::Low)),
    };
    let board = const { common::board(env!("CARGO_PKG_NAME")) };
    common::run(board, parts, Flash::new_blocking(p.FLASH)).await
}
