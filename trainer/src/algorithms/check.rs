//! What algorithms ask of a config alike.

use crate::config::check::require;
use crate::config::{Config, Fault, RateConfig};

/// For an algorithm that trains through an inner loop and leaves a recipe.
pub(super) fn recipe(config: &Config) -> Result<(), Fault> {
    let inner = &config.inner;
    require(
        inner.steps >= 1,
        "inner.steps",
        format!("at least 1 for method = \"{}\"", config.method.name()),
        inner.steps,
    )?;
    require(
        matches!(
            inner.rate,
            RateConfig::Fixed { .. } | RateConfig::Learned { .. }
        ),
        "inner.rate.kind",
        "\"fixed\" or, for method = \"maml\", \"learned\"",
        inner.rate.kind(),
    )
}

/// For an algorithm that trains without an inner loop and adapts, if it does, with a rate
/// that is tuned or given.
pub(super) fn no_inner_loop(config: &Config) -> Result<(), Fault> {
    no_inner_steps(config)?;
    require(
        config.inner.rate != RateConfig::None,
        "inner.rate.kind",
        "\"tuned\" or \"fixed\" for a method without an inner loop, or \"none\" for method = \
         \"prototypical\", which takes no steps",
        config.inner.rate.kind(),
    )
}

/// For an algorithm that trains without an inner loop.
pub(super) fn no_inner_steps(config: &Config) -> Result<(), Fault> {
    require(
        config.inner.steps == 0,
        "inner.steps",
        format!(
            "0, as method = \"{}\" trains without an inner loop",
            config.method.name()
        ),
        config.inner.steps,
    )
}

/// For an algorithm that is defined on sinusoids.
pub(super) fn sinusoids(config: &Config) -> Result<(), Fault> {
    require(
        config.tasks.sinusoid().is_some(),
        "method",
        format!(
            "another, as \"{}\" goes with tasks.distribution = \"sinusoid\" only",
            config.method.name()
        ),
        format!("\"{}\"", config.method.name()),
    )
}

/// For an algorithm that is shown the task.
pub(super) fn shown_task(config: &Config) -> Result<(), Fault> {
    let shows = config.tasks.facts().shows_task;
    require(
        shows.is_some(),
        "method",
        "another, as these tasks cannot be shown to an oracle",
        format!("\"{}\"", config.method.name()),
    )?;
    let expected = match config.tasks.acts() {
        true => "\"observation_and_task\", as the oracle is shown the task",
        false => "\"x_amplitude_phase\", as the oracle is shown the task",
    };
    require(shows == Some(true), "tasks.inputs", expected, "another")
}
