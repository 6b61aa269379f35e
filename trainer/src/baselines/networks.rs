//! Baselines that are networks like the one that is evaluated, trained without an inner
//! loop or not at all.

use crate::algorithms::{Method, Pretraining, Prototypical, Random};
use crate::config::{Config, InnerConfig, Keep, KeepBy, RateConfig, StepLoss};
use crate::nn::{Adapt, HeadStart, LayerSpec};

/// Rates that baselines choose from on validation tasks.
const RATES: [f64; 6] = [0.003, 0.01, 0.03, 0.1, 0.3, 1.0];

/// Gradient steps that baselines take on the support set.
const STEPS: usize = 20;

/// The same where a policy acts and says nothing of its own, each step on new rollouts.
const ROLLOUT_STEPS: usize = 3;

/// The baselines of the run of `config`, each by the name of its folder:
///
/// - `scratch`: initial weights, all of which learn from the support set;
/// - `pretrained`: one network trained on all training tasks or, with classes, a
///   classifier of all of them, then fine-tuned on the support set;
/// - `prototypical`, with classes: the network without its last layer, see
///   [`prototypical`](crate::algorithms::Prototypical).
///
/// The two that train take as many iterations, with the same rate and batches. Baselines of
/// a policy take as many steps as it does, as each costs rollouts.
/// Empty where the network has no dense layer last, or a context, unless a policy acts.
pub fn networks(config: &Config) -> Vec<(&'static str, Config)> {
    let layers = &config.model.layers;
    let dense = matches!(layers.last(), Some(LayerSpec::Dense { .. }));
    let context = layers
        .iter()
        .any(|layer| matches!(layer, LayerSpec::Context { .. }));
    // Behind the last layer of a policy there may be a context, the deviations.
    let acts = config.tasks.acts();
    if !acts && (!dense || context) {
        return Vec::new();
    }
    let steps = match acts {
        true => config.evaluation_steps().unwrap_or(ROLLOUT_STEPS),
        false => STEPS,
    };
    let mut plain = config.clone();
    plain.model.head = HeadStart::Own;
    plain.model.from = None;
    plain.meta.ways = None;
    plain.meta.step_loss = StepLoss::Last;
    plain.record.keep = if acts { Keep::Best } else { Keep::Last };
    plain.record.keep_by = KeepBy::Loss;
    plain.record.validation_steps = vec![0];
    plain.inner = InnerConfig {
        steps: 0,
        evaluation_steps: Some(steps),
        rate: RateConfig::Tuned {
            candidates: RATES.to_vec(),
        },
        momentum: None,
        adapt: Adapt::default(),
        second_order_from: None,
        ..config.inner.clone()
    };
    let named = |name: &str, title: &str, method: Method| Config {
        name: format!("{}-{name}", config.name),
        title: title.to_owned(),
        method,
        ..plain.clone()
    };
    let mut all = vec![
        (
            "scratch",
            named("scratch", "from scratch", Random {}.into()),
        ),
        (
            "pretrained",
            named(
                "pretrained",
                "pretrained, fine-tuned",
                Pretraining {}.into(),
            ),
        ),
    ];
    if config.tasks.classes().is_some() {
        let mut prototypical = named("prototypical", "prototypical", Prototypical {}.into());
        prototypical.model.layers.pop();
        prototypical.meta.ways = config.meta.ways;
        prototypical.inner.evaluation_steps = None;
        prototypical.inner.rate = RateConfig::None;
        prototypical.record.keep = Keep::Best;
        prototypical.record.keep_by = KeepBy::Accuracy;
        all.push(("prototypical", prototypical));
    }
    all
}
