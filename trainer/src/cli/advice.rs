//! What to do next, as commands that can be pasted.

use std::path::Path;

use crate::algorithms::Algorithm;
use crate::config::{Config, RateConfig};
use crate::device::DeviceChoice;
use crate::run::RunDir;
use crate::shell;

/// How much lower a rate is that is tried next.
const LOWER: f64 = 10.0;

/// The words of a command that choose a device.
pub(super) fn device(device: DeviceChoice) -> Vec<String> {
    match device {
        DeviceChoice::Cpu => Vec::new(),
        other => vec!["--device".into(), other.to_string()],
    }
}

/// The command that goes on with a run.
pub(super) fn resume(run: &Path, choice: DeviceChoice) -> String {
    let words = ["train", "--resume", "--run"].map(str::to_owned);
    let words = words.into_iter().chain([shell::word(run)]);
    shell::command(words.chain(device(choice)))
}

/// The rate that let a run diverge, and a lower value for it: that of the inner loop where
/// adaptation made things worse before anything was trained, else that of the training.
/// As a config says it.
pub(super) fn lower_rate(config: &Config, run: &RunDir) -> (&'static str, String) {
    let lines = run.read_metrics().unwrap_or_default();
    let first = lines.into_iter().find_map(|line| line.validation);
    let worse = first.is_some_and(|validation| {
        let at = |step: usize| validation.mean.get(step).copied().flatten();
        let last = config.inner.steps.min(validation.mean.len() - 1);
        match (at(0), at(last)) {
            (Some(before), Some(after)) => after > 10.0 * before,
            (Some(_), None) => true,
            (None, _) => false,
        }
    });
    let (key, value) = match &config.inner.rate {
        RateConfig::Fixed { value, .. } if worse => ("inner.rate.value", *value),
        RateConfig::Learned { initial, .. } if worse => ("inner.rate.initial", *initial),
        _ => config.method.training_rate(config),
    };
    // To two digits, as TOML takes a number: with a point or an exponent.
    let lower = format!("{:.1e}", value / LOWER).parse::<f64>();
    (key, format!("{:?}", lower.unwrap_or(value / LOWER)))
}
