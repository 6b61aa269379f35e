//! The accelerometer on the board, as far as it is needed here.

use embassy_stm32::i2c::{Error, I2c, Master};
use embassy_stm32::mode::Blocking;

/// Its address on the bus.
const ADDRESS: u8 = 0x6a;
/// Registers, and what they are set to: 104 samples a second of up to 2 g, of
/// which both halves are of one sample.
const CTRL1_XL: [u8; 2] = [0x10, 0x40];
const CTRL3_C: [u8; 2] = [0x12, 0x44];
const OUTX_L_XL: u8 = 0x28;
/// One count, in units of gravity.
const GRAVITY: f32 = 0.061e-3;

/// An LSM6DSL.
pub struct Lsm6dsl {
    bus: I2c<'static, Blocking, Master>,
}

impl Lsm6dsl {
    /// Switches its accelerometer on.
    ///
    /// # Errors
    /// Where nobody answers on the bus.
    pub fn new(mut bus: I2c<'static, Blocking, Master>) -> Result<Self, Error> {
        bus.blocking_write(ADDRESS, &CTRL3_C)?;
        bus.blocking_write(ADDRESS, &CTRL1_XL)?;
        Ok(Lsm6dsl { bus })
    }

    /// The acceleration along three axes, in units of gravity.
    ///
    /// # Errors
    /// Where nobody answers on the bus.
    pub fn acceleration(&mut self) -> Result<[f32; 3], Error> {
        let mut bytes = [0; 6];
        self.bus
            .blocking_write_read(ADDRESS, &[OUTX_L_XL], &mut bytes)?;
        let [x, y, z, ..] = bytes.as_chunks().0 else {
            return Ok([0.0; 3]);
        };
        Ok([x, y, z].map(|bytes| f32::from(i16::from_le_bytes(*bytes)) * GRAVITY))
    }
}
