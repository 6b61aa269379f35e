//! What only the measurements need: how a program counts its instructions and
//! its stack on QEMU's `mps2-an386`.
#![no_std]

pub mod count;

/// What measures may panic, as it prints numbers of any size; only the programs
/// of `app` are linked without this.
#[unsafe(no_mangle)]
extern "C" fn this_program_can_panic() -> ! {
    fail()
}

pub use app::{
    ARTIFACT, CONTEXT, HEAD, HostFile, OMNIGLOT, SUPPORT, fail, println as hprintln, succeed,
};
