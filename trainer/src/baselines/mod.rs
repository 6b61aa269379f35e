//! Baselines that need training of their own.
//!
//! Pretraining, the oracle and random initialisation are the ordinary training
//! loop without inner steps (see [`crate::config::Method`]). Averaging trains
//! hundreds of networks.

pub mod averaging;
