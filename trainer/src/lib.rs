//! Meta-trains models on a workstation, evaluates them against baselines and
//! exports artifacts that adapt on a microcontroller.
//!
//! The modules, from the numbers up:
//!
//! - [`random`]: random numbers with an address, so that everything below is a
//!   function of a seed and an index;
//! - [`locations`]: where data sets lie, and where what is made of them is cached;
//! - [`data`]: images, decoded once and kept at hand, recordings and tables;
//! - [`tasks`]: task distributions, the support and query sets of a batch;
//! - [`environments`]: what a policy acts in;
//! - [`nn`]: networks with a task axis, whose backward pass is written out;
//! - [`loss`]: losses with their gradients;
//! - [`samplers`]: the sets of examples that an adaptation asks for as it goes;
//! - [`rollouts`]: a policy acts, and what comes of it is weighed;
//! - [`meta`]: the inner adaptation and the exact meta-gradient through it;
//! - [`interval`]: means with their intervals;
//! - [`predict`]: from parameters to predictions, and their losses after each step;
//! - [`config`]: experiments as TOML files;
//! - [`run`]: the run directory, checkpoints and metrics;
//! - [`model`]: the result of a run;
//! - [`outer`]: the outer loop, as a state that is stepped;
//! - [`policies`]: the outer loop where a policy acts;
//! - [`algorithms`]: what is trained, by which gradient, and how the result adapts;
//! - [`train`]: a run, from its first iteration or its last checkpoint to its end;
//! - [`baselines`]: what can be had without meta-learning and without a network;
//! - [`join`]: several results side by side as one;
//! - [`evaluate`]: all methods on the same tasks, with intervals;
//! - [`export`]: the artifact of a run, checked by the engine that will run it;
//! - [`plot`]: learning curves, error against steps, adapted sinusoids;
//! - [`report`]: a run on one page, for a browser;
//! - [`size`]: what smaller networks, fewer steps and integers cost in accuracy;
//! - [`device`]: the choice between CPU and CUDA;
//! - [`cli`]: the `mamlet` command.

#![forbid(unsafe_code)]

pub mod algorithms;
pub mod baselines;
pub mod cli;
pub mod config;
pub mod data;
pub mod device;
pub mod environments;
pub mod evaluate;
pub mod export;
mod fault;
pub mod interval;
pub mod join;
pub mod locations;
pub mod loss;
pub mod meta;
pub mod model;
mod nearby;
pub mod nn;
mod notice;
pub mod outer;
mod page;
pub mod plot;
pub mod policies;
pub mod predict;
pub mod random;
pub mod report;
pub mod rollouts;
pub mod run;
pub mod samplers;
mod shell;
pub mod size;
pub mod sweep;
pub mod tasks;
pub mod train;
