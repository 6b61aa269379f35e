//! The experiment that the tests vary.

use std::path::Path;

use mamlet_trainer::config::Config;
use mamlet_trainer::run::{Manifest, RunDir};

/// A network of thirteen weights that learns sinusoids for twenty iterations.
const BASE: &str = include_str!("base.toml");

/// [`BASE`] with `KEY=VALUE` overrides.
pub fn config(sets: &[&str]) -> Config {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Config::parse(BASE, "base.toml", &sets).unwrap()
}

/// A fresh run of `config` at `path`.
pub fn start(path: &Path, config: &Config) -> RunDir {
    RunDir::create(path, config, &Manifest::new(config, "cpu", vec![]), false).unwrap()
}
