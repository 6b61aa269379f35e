//! What is tried on the engine.
//!
//! | target | input | what is tried |
//! |---|---|---|
//! | `bytes` | an artifact's bytes | whatever they are, loading, planning, adapting and predicting end without a panic |
//! | `learner` | a network and a list of calls | a learner keeps its promises through any of them |
//! | `restore` | a checkpoint's bytes | they are restored whole, or nothing changes |
//! | `serve` | bytes on the line of a board | none of them, and no message in them, is a panic or goes without an answer |
//!
//! Run a target with `cargo xtask fuzz learner --seconds 60`, or, with
//! `cargo-fuzz` and a nightly toolchain, `cargo +nightly fuzz run learner` in
//! the folder `runtime`.

mod bytes;
mod calls;
mod layers;
mod learner;
mod memory;
mod network;
mod restore;
mod serve;

pub use bytes::bytes;
pub use calls::Session;
pub use learner::learner;
pub use restore::restore;
pub use serve::serve;

/// Numbers as bits, to be compared exactly. Which NaN a NaN is depends on the
/// order of what it was made of, and no more than that it is one is promised.
fn bits(numbers: &[f32]) -> Vec<u32> {
    let bits = |number: &f32| match number.is_nan() {
        true => f32::NAN.to_bits(),
        false => number.to_bits(),
    };
    numbers.iter().map(bits).collect()
}
