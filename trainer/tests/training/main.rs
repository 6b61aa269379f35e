//! Training from a config to a run directory, with every method: what is trained, kept,
//! resumed and evaluated. One program, so that what all of them share is compiled once.

#[path = "../common/mod.rs"]
mod common;

mod averaging;
mod baselines;
mod keep;
mod resume;
mod statistics;
