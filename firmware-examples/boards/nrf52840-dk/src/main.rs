//! Nordic nRF52840-DK: button 1 teaches, button 2 learns, and forgets where it is
//! held. The sensor is anything that gives 0 to 3.3 V on pin A0 (P0.03): a
//! potentiometer, a microphone, a current clamp. The LEDs show the class that is
//! seen, as a binary number; all four are on while an example is recorded.
#![no_std]
#![no_main]

use common::{Light, Lights, Parts, Sensor, analog};
use embassy_executor::Spawner;
use embassy_nrf::gpio::{AnyPin, Input, Level, Output, OutputDrive, Pull};
use embassy_nrf::nvmc::Nvmc;
use embassy_nrf::saadc::{self, ChannelConfig, Saadc};
use embassy_nrf::{Peri, bind_interrupts};

bind_interrupts!(struct Interrupts {
    SAADC => saadc::InterruptHandler;
});

struct PinA0(Saadc<'static, 1>);

impl Sensor for PinA0 {
    async fn read(&mut self, sample: &mut [f32]) -> Option<()> {
        let mut counts = [0];
        self.0.sample(&mut counts).await;
        // 4096 counts are 3.6 V.
        analog(f32::from(counts[0]) * (3.6 / 4096.0), sample)
    }
}

struct Leds([Output<'static>; 4]);

impl Lights for Leds {
    fn show(&mut self, light: Light) {
        let bits = match light {
            Light::Idle => 0,
            Light::Class(class) => class,
            Light::Recording => 0b1111,
        };
        // They are on where their pin is low.
        for (bit, led) in self.0.iter_mut().enumerate() {
            led.set_level(Level::from(bits >> bit & 1 == 0));
        }
    }
}

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    let p = embassy_nrf::init(Default::default());
    let channel = [ChannelConfig::single_ended(p.P0_03)];
    let off = |led: Peri<'static, AnyPin>| Output::new(led, Level::High, OutputDrive::Standard);
    let parts = Parts {
        sensor: PinA0(Saadc::new(
            p.SAADC,
            Interrupts,
            saadc::Config::default(),
            channel,
        )),
        teach: Input::new(p.P0_11, Pull::Up),
        learn: Input::new(p.P0_12, Pull::Up),
        lights: Leds([
            off(p.P0_13.into()),
            off(p.P0_14.into()),
            off(p.P0_15.into()),
            off(p.P0_16.into()),
        ]),
    };
    let board = const { common::board(env!("CARGO_PKG_NAME")) };
    common::run(board, parts, Nvmc::new(p.NVMC)).await
}
