//! What only this board's own programs need: how a program counts its
//! instructions and its stack on QEMU's `mps2-an386`, flash that survives a reset, and
//! episodes of the host.
#![no_std]

pub mod count;
pub mod flash;
pub mod replay;

/// What measures may panic, as it prints numbers of any size; only the programs
/// of `app` are linked without this.
#[unsafe(no_mangle)]
extern "C" fn this_program_can_panic() -> ! {
    fail()
}

pub use app::{
    ARTIFACT, CONTEXT, GESTURES, HEAD, HostFile, OMNIGLOT, SERVO, SUPPORT, chosen, fail,
    println as hprintln, succeed,
};
