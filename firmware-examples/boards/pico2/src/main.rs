//! Raspberry Pi Pico 2: a button from GP14 to ground teaches, one from GP15 to
//! ground learns, and forgets where it is held. The sensor is anything that gives
//! 0 to 3.3 V on GP26. The LED is on while an example is recorded; what is seen is
//! in the log.
#![no_std]
#![no_main]

use common::{Led, Parts, Sensor, analog};
use embassy_executor::Spawner;
use embassy_rp::adc::{Adc, Blocking, Channel, Config};
use embassy_rp::flash::Flash;
use embassy_rp::gpio::{Input, Level, Output, Pull};
use mamlet_boards::Board;

const BOARD: &Board = common::board(env!("CARGO_PKG_NAME"));
/// Bytes of the flash beside the chip.
const FLASH: usize = BOARD.flash.length as usize;

struct Gp26 {
    adc: Adc<'static, Blocking>,
    input: Channel<'static>,
}

impl Sensor for Gp26 {
    async fn read(&mut self, sample: &mut [f32]) -> Option<()> {
        let counts = self.adc.blocking_read(&mut self.input).ok()?;
        // 4096 counts are 3.3 V.
        analog(f32::from(counts) * (3.3 / 4096.0), sample)
    }
}

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    let p = embassy_rp::init(Default::default());
    let parts = Parts {
        sensor: Gp26 {
            adc: Adc::new_blocking(p.ADC, Config::default()),
            input: Channel::new_pin(p.PIN_26, Pull::None),
        },
        teach: Input::new(p.PIN_14, Pull::Up),
        learn: Input::new(p.PIN_15, Pull::Up),
        lights: Led(Output::new(p.PIN_25, Level::Low)),
    };
    let flash = Flash::<_, _, FLASH>::new_blocking(p.FLASH);
    common::run(BOARD, parts, flash).await
}
