//! Which iteration is kept: the best on validation tasks, by loss or accuracy.

use std::sync::atomic::AtomicBool;

use crate::common::{config, start};
use burn::backend::Flex;
use mamlet_trainer::config::{Config, ConfigError};
use mamlet_trainer::model::TrainedModel;
use mamlet_trainer::run::Validation;
use mamlet_trainer::train::{End, train};

/// Three classes, validated after every iteration.
const CLASSES: [&str; 9] = [
    "tasks={distribution=\"waveforms\",ways=3,length=8}",
    "model.layers=[{kind=\"dense\",out=3}]",
    "inner.loss=cross_entropy",
    "inner.rate.value=0.3",
    "meta.rate=0.1",
    "record.validate_every=1",
    "record.validation_tasks=20",
    "record.validation_steps=[1]",
    "record.keep=best",
];

fn classes(keep_by: &str) -> Config {
    config(&[&CLASSES[..], &[keep_by]].concat())
}

/// The iteration kept, and that with the lowest `score` of its validation.
fn kept(keep_by: &str, score: impl Fn(&Validation) -> f64) -> (u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let config = classes(keep_by);
    let run = start(&folder.path().join("run"), &config);
    let go = AtomicBool::new(false);
    let end = train::<Flex>(&config, &run, Default::default(), &go, |_| {}).unwrap();
    assert!(matches!(end, End::Finished(_)));
    let mut best = (0, f64::INFINITY);
    for line in run.read_metrics().unwrap() {
        let Some(validation) = &line.validation else {
            continue;
        };
        assert_eq!(validation.accuracy.len(), validation.mean.len());
        let score = score(validation);
        if score <= best.1 {
            best = (line.iteration, score);
        }
    }
    let model = TrainedModel::load(run.path()).unwrap();
    (model.iteration, best.0)
}

#[test]
fn the_best_is_that_of_what_it_is_kept_by() {
    let (by_loss, lowest) = kept("record.keep_by=loss", |validation| {
        validation.mean[1].unwrap()
    });
    assert_eq!(by_loss, lowest);
    let (by_accuracy, highest) = kept("record.keep_by=accuracy", |validation| {
        1.0 - validation.accuracy[1]
    });
    assert_eq!(by_accuracy, highest);
    assert_ne!(by_loss, by_accuracy, "the test would not tell them apart");
}

/// Norms of the batch at hand on dense layers: a query alone is all bias, so on a device
/// accuracy is chance from first to last.
#[test]
fn validation_judges_as_the_config_says_and_a_tie_goes_to_the_later() {
    let validated = |sets: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let norm = "model.layers=[{kind=\"dense\",out=8},{kind=\"batch_norm\"},\
                    {kind=\"dense\",out=3}]";
        let config = config(&[&CLASSES[..], &[norm, "record.keep_by=accuracy"], sets].concat());
        let run = start(&folder.path().join("run"), &config);
        let go = AtomicBool::new(false);
        let end = train::<Flex>(&config, &run, Default::default(), &go, |_| {}).unwrap();
        let End::Finished(outcome) = end else {
            panic!("{end:?}")
        };
        let lines = run.read_metrics().unwrap();
        let chosen = (lines.iter()).find(|line| line.iteration == outcome.chosen_iteration);
        let chosen = chosen.and_then(|line| line.validation.clone()).unwrap();
        assert_eq!(outcome.validation, chosen.mean);
        let all = lines.iter().filter_map(|line| line.validation.as_ref());
        let all: Vec<f64> = all.map(|validation| validation.accuracy[1]).collect();
        (all, outcome.chosen_iteration)
    };
    let (alone, chosen) = validated(&[]);
    assert!(
        alone
            .iter()
            .all(|&accuracy| (accuracy - 1.0 / 3.0).abs() < 0.01)
    );
    assert_eq!(chosen, 20, "of equals the last");
    for sets in [&["protocol=paper"], &["record.setting=transductive"]] {
        let (together, _) = validated(sets);
        assert!(
            together.iter().all(|&accuracy| accuracy > 0.4),
            "{together:?}"
        );
    }
}

#[test]
fn evaluation_steps_and_accuracy_fit_their_tasks() {
    assert_eq!(classes("seed=1").evaluation_steps(), Some(1));
    let more = classes("inner.evaluation_steps=3");
    assert_eq!(more.evaluation_steps(), Some(3));
    for (text, key) in [
        ("record.keep_by=accuracy", "record.keep_by"),
        ("inner.evaluation_steps=0", "inner.evaluation_steps"),
    ] {
        let sets = [text.to_owned()];
        let base = include_str!("../common/base.toml");
        let error = Config::parse(base, "base.toml", &sets).unwrap_err();
        assert!(
            matches!(&error, ConfigError::Invalid { key: given, .. } if given == key),
            "{error}"
        );
    }
}
