//! What the examples for QEMU's `mps2-an386` share: how a program ends, and how
//! it counts its instructions and its stack.
#![no_std]

pub mod count;

use core::panic::PanicInfo;

use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
pub use cortex_m_semihosting::hprintln;

/// The artifact the examples run: a meta-trained sinusoid regressor,
/// 1-40-40-1 with ReLU.
pub static ARTIFACT: &[u8] = mamlet_runtime::include_aligned!("../../artifacts/sinusoid.mamlet");

/// The same task with a network of which five context inputs adapt and
/// everything else stays in flash.
pub static CONTEXT: &[u8] =
    mamlet_runtime::include_aligned!("../../artifacts/sinusoid-context.mamlet");

/// The vectors of the machine's 32 interrupts, of which the examples use none.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
pub static __INTERRUPTS: [unsafe extern "C" fn(); 32] = [unexpected; 32];

unsafe extern "C" fn unexpected() {
    fail()
}

/// Ends the program with success.
pub fn succeed() -> ! {
    debug::exit(EXIT_SUCCESS);
    halt()
}

/// Ends the program with failure.
pub fn fail() -> ! {
    debug::exit(EXIT_FAILURE);
    halt()
}

fn halt() -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}

/// A panic is a bug: the program fails. The message is not formatted, which
/// would cost more flash than everything else.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    fail()
}
