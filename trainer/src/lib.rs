//! Meta-trains models on a workstation, evaluates them against baselines and
//! exports artifacts that adapt on a microcontroller.
//!
//! The modules, from the numbers up:
//!
//! - [`random`]: random numbers with an address, so that everything below is a
//!   function of a seed and an index;
//! - [`tasks`]: task distributions, the support and query sets of a batch;
//! - [`nn`]: networks with a task axis, whose backward pass is written out;
//! - [`loss`]: losses with their gradients;
//! - [`meta`]: the inner adaptation and the exact meta-gradient through it.

#![forbid(unsafe_code)]

pub mod loss;
pub mod meta;
pub mod nn;
pub mod random;
pub mod tasks;
