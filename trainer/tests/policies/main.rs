//! Policies: their outer gradient against finite differences, the trust region, runs that
//! are resumed, environments that fail, and what each surrogate keeps of the Hessian of the
//! expected return.

mod advantages;
mod drift;
mod exact;
mod gradient;
mod hessian;
mod mdp;
mod objectives;
mod recorded;
mod runs;
mod trust_region;

use std::sync::Arc;

use burn::backend::Flex;
use mamlet_trainer::config::Config;
use mamlet_trainer::environments::Environments;

type B = Flex;

/// A policy of thirty-two numbers in place of that of 2D navigation.
const BASE: &str = include_str!("base.toml");

/// Of the config in `base.toml` with `KEY=VALUE` overrides.
fn config(sets: &[&str]) -> Config {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Config::parse(BASE, "base.toml", &sets).unwrap()
}

/// An environment whose observations and actions are those of 2D navigation.
fn drift(horizon: usize) -> Arc<dyn Environments> {
    Arc::new(drift::Drift::new(horizon))
}
