//! Baselines that need training of their own.
//!
//! Pretraining on values, the oracle and random initialisation are the ordinary
//! training loop without inner steps (see [`crate::config::Method`]). Averaging
//! trains hundreds of networks; prototypical networks and classifiers follow
//! gradients of their own in the ordinary loop.

pub mod averaging;
pub mod classifier;
pub mod prototypical;

#[cfg(test)]
mod tests;
