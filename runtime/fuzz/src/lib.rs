//! What is tried on the engine.
//!
//! | target | input | what is tried |
//! |---|---|---|
//! | `bytes` | an artifact's bytes | whatever they are, loading, planning, adapting and predicting end without a panic |
//! | `learner` | a network and a list of calls | a learner keeps its promises through any of them |
//! | `restore` | a checkpoint's bytes | they are restored whole, or nothing changes |
//!
//! Run a target with `cargo xtask fuzz learner --seconds 60`, or, with
//! `cargo-fuzz` and a nightly toolchain, `cargo +nightly fuzz run learner` in
//! the folder `runtime`.

mod bytes;
mod calls;
mod memory;
mod network;
mod restore;

pub use bytes::bytes;
pub use calls::{Session, learner};
pub use restore::restore;

/// Numbers as bits, to be compared exactly.
fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}
