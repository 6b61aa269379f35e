//! The proof that nothing panics.

use core::panic::PanicInfo;

/// A panic is a bug, and in optimised firmware it is one that the linker finds:
/// the handler calls a function that does not exist. While anything can reach
/// it, the program does not link. That it links shows that no panic is left in
/// it, none of `core`'s included, however much was inlined.
#[cfg(not(debug_assertions))]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        safe fn this_program_can_panic() -> !;
    }
    this_program_can_panic()
}

/// Without optimisation the compiler keeps panics it has not shown to be
/// unreachable, and the program fails when one happens. The message is not
/// formatted, which would cost more flash than everything else.
#[cfg(debug_assertions)]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    crate::fail()
}
