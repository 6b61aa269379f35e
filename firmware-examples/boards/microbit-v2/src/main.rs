//! BBC micro:bit v2: button A teaches, button B learns, and forgets where it is
//! held. The sensor is its accelerometer (LSM303AGR): three axes in units of gravity or,
//! where the artifact has one channel, how much stronger or weaker than at rest it is
//! shaken. A LED of the middle row shows the class that is seen; the whole row is on
//! while an example is recorded.
#![no_std]
#![no_main]

use common::{Light, Lights, Parts, Sensor, acceleration};
use embassy_executor::Spawner;
use embassy_nrf::gpio::{AnyPin, Input, Level, Output, OutputDrive, Pull};
use embassy_nrf::nvmc::Nvmc;
use embassy_nrf::twim::{self, Twim};
use embassy_nrf::{Peri, bind_interrupts, peripherals};
use embassy_time::Delay;
use lsm303agr::interface::I2cInterface;
use lsm303agr::mode::MagOneShot;
use lsm303agr::{AccelMode, AccelOutputDataRate, Lsm303agr};
use static_cell::ConstStaticCell;

bind_interrupts!(struct Interrupts {
    TWISPI0 => twim::InterruptHandler<peripherals::TWISPI0>;
});

/// The bus reads from RAM alone; what lies in flash is sent from here.
static SENT: ConstStaticCell<[u8; 16]> = ConstStaticCell::new([0; 16]);

struct Accelerometer(Lsm303agr<I2cInterface<Twim<'static>>, MagOneShot>);

impl Sensor for Accelerometer {
    async fn read(&mut self, sample: &mut [f32]) -> Option<()> {
        let (x, y, z) = self.0.acceleration().ok()?.xyz_mg();
        acceleration([x, y, z].map(|mg| mg as f32 * 1e-3), sample)
    }
}

/// The LEDs of the middle row.
struct Leds {
    columns: [Output<'static>; 5],
    /// Its power.
    _row: Output<'static>,
}

impl Lights for Leds {
    fn show(&mut self, light: Light) {
        for (column, pin) in self.columns.iter_mut().enumerate() {
            let on = match light {
                Light::Idle => false,
                Light::Class(class) => column == class,
                Light::Recording => true,
            };
            pin.set_level(Level::from(!on));
        }
    }
}

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    let p = embassy_nrf::init(Default::default());
    let bus = twim::Config::default();
    let bus = Twim::new(p.TWISPI0, Interrupts, p.P0_16, p.P0_08, bus, SENT.take());
    let mut sensor = Lsm303agr::new_with_i2c(bus);
    let mode = (AccelMode::HighResolution, AccelOutputDataRate::Hz100);
    let begun = sensor
        .init()
        .and_then(|()| sensor.set_accel_mode_and_odr(&mut Delay, mode.0, mode.1));
    if begun.is_err() {
        defmt::panic!("no LSM303AGR answers on the internal bus");
    }
    let off = |pin: Peri<'static, AnyPin>| Output::new(pin, Level::High, OutputDrive::Standard);
    let parts = Parts {
        sensor: Accelerometer(sensor),
        teach: Input::new(p.P0_14, Pull::None),
        learn: Input::new(p.P0_23, Pull::None),
        lights: Leds {
            columns: [
                off(p.P0_28.into()),
                off(p.P0_11.into()),
                off(p.P0_31.into()),
                off(p.P1_05.into()),
                off(p.P0_30.into()),
            ],
            _row: Output::new(p.P0_15, Level::High, OutputDrive::Standard),
        },
    };
    let board = const { common::board(env!("CARGO_PKG_NAME")) };
    common::run(board, parts, Nvmc::new(p.NVMC)).await
}
