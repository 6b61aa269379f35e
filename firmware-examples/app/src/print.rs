//! Printing and ending through semihosting, without a panic: the macros of the
//! semihosting crates and `core`'s decimals keep some that nothing rules out.

use core::fmt::{self, Write};
use core::num::NonZeroU64;

#[cfg(target_arch = "arm")]
use cortex_m_semihosting as semihosting;
#[cfg(target_arch = "riscv32")]
use riscv_semihosting as semihosting;
use semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use semihosting::hio;

/// Ends the program with success.
pub fn succeed() -> ! {
    loop {
        debug::exit(EXIT_SUCCESS);
    }
}

/// Ends the program with failure.
pub fn fail() -> ! {
    loop {
        debug::exit(EXIT_FAILURE);
    }
}

/// Prints a line on the debugger's or emulator's standard output.
#[macro_export]
macro_rules! println {
    ($($text:tt)*) => {
        $crate::print(format_args!("{}\n", format_args!($($text)*)))
    };
}

/// What [`println!`] calls. Where nobody listens, nothing happens.
pub fn print(text: fmt::Arguments<'_>) {
    if let Ok(mut output) = hio::hstdout() {
        let _ = output.write_fmt(text);
    }
}

/// A number in decimals, as in `{:.4}` and `{:+.4}`: up to nine of them, rounded
/// half away from zero, below 2³². `core`'s own formatting is exact for numbers
/// of any size, and takes ten times the flash.
pub struct Decimals(pub f32);

impl fmt::Display for Decimals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const TEN: NonZeroU64 = NonZeroU64::new(10).unwrap();
        if !self.0.is_finite() {
            return f.write_str("not finite");
        }
        let places = f.precision().unwrap_or(6).min(9);
        let unit = (0..places).fold(NonZeroU64::MIN, |unit, _| unit.saturating_mul(TEN));
        let units = (f64::from(self.0.abs()) * unit.get() as f64 + 0.5) as u64;
        let sign = match (self.0.is_sign_negative(), f.sign_plus()) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        // Printing a u64 keeps a panic when optimised for size; a u32 does not.
        let whole = u32::try_from(units / unit).unwrap_or(u32::MAX);
        let rest = (units % unit) as u32;
        write!(f, "{sign}{whole}.{rest:0places$}")
    }
}
