//! Rollouts: a policy acts in an environment, and what comes of it is weighed.
//!
//! [`Actors::act`] collects the rollouts of one task, [`advantages`] says how much better
//! each action was than expected, and [`Seen`] is both as tensors that a loss takes.
//!
//! Every rollout has a generator at an address of its own (seed, stream, iteration, inner
//! step, task, rollout), so that what happens does not depend on how many threads there
//! are or on what was collected before.

mod act;
mod address;
mod advantage;
mod baseline;
mod experience;
mod seen;
#[cfg(test)]
mod tests;

pub use act::Actors;
pub use address::{Address, Limit};
pub use advantage::{Weighing, advantages, discounted, generalised};
pub use experience::{End, Experience};
pub use seen::Seen;
