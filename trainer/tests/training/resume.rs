//! A run that was stopped and resumed gives the same bytes as one that was not.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common;
use burn::backend::Flex;
use mamlet_trainer::config::Config;
use mamlet_trainer::model::TrainedModel;
use mamlet_trainer::run::{Manifest, RunDir, RunError};
use mamlet_trainer::train::{End, Event, TrainError, train};

type B = Flex;

const SETS: [&str; 15] = [
    "model.layers=[{kind=\"dense\",out=8},{kind=\"tanh\"},{kind=\"dense\",out=1}]",
    "inner.steps=2",
    "inner.rate={kind=\"learned\",initial=0.01,meta_rate=0.01}",
    "inner.momentum=0.5",
    "meta.iterations=60",
    "meta.tasks=4",
    "meta.shots=[3,5]",
    "meta.queries=4",
    "meta.schedule=cosine",
    "meta.clip_norm=5.0",
    "meta.step_loss={kind=\"annealed\",iterations=40}",
    "record.every=7",
    "record.validate_every=13",
    "record.checkpoint_every=10",
    "record.keep=best",
];

/// Overrides of [`SETS`] with other state, or other things that change on the
/// way.
const VARIANTS: [&[&str]; 4] = [
    &[],
    &["inner.rate={kind=\"learned\",initial=0.01,meta_rate=0.01,per=\"parameter\",per_step=false}"],
    &[
        "method=reptile",
        "reptile={steps=3,rate=0.02,batch=4,optimiser=\"adam\"}",
        "inner.rate={kind=\"fixed\",value=0.01}",
        "meta.optimiser=sgd",
        "meta.schedule=linear",
        "meta.rate=0.5",
        "meta.step_loss={kind=\"last\"}",
    ],
    &[
        "meta.optimiser=adamw",
        "meta.weight_decay=0.1",
        "meta.warm_up=25",
        "inner.second_order_from=22",
    ],
];

fn config() -> Config {
    common::config(&SETS)
}

fn start(path: &Path) -> RunDir {
    common::start(path, &config())
}

fn go(run: &RunDir, stop_at: Option<u64>) -> Result<End, TrainError> {
    go_with(&config(), run, stop_at)
}

fn go_with(config: &Config, run: &RunDir, stop_at: Option<u64>) -> Result<End, TrainError> {
    let stop = AtomicBool::new(false);
    train::<B>(config, run, Default::default(), &stop, |event| {
        if let Event::Iteration(done) = event
            && Some(done) == stop_at
        {
            stop.store(true, Ordering::Relaxed);
        }
    })
}

#[test]
fn a_resumed_run_equals_an_uninterrupted_one_bit_for_bit() {
    for sets in VARIANTS {
        let config = common::config(&[&SETS[..], sets].concat());
        let folder = tempfile::tempdir().unwrap();
        let whole = common::start(&folder.path().join("whole"), &config);
        assert!(matches!(
            go_with(&config, &whole, None),
            Ok(End::Finished(_))
        ));

        let parts = common::start(&folder.path().join("parts"), &config);
        for at in [1, 19, 20, 33] {
            assert_eq!(
                go_with(&config, &parts, Some(at)).unwrap(),
                End::Stopped { iteration: at }
            );
        }
        assert!(matches!(
            go_with(&config, &parts, None),
            Ok(End::Finished(_))
        ));

        let read = |run: &RunDir, name: &str| fs::read(run.path().join(name)).unwrap();
        let metrics = [&whole, &parts].map(|run| read(run, "metrics.jsonl"));
        assert_eq!(metrics[0], metrics[1], "{sets:?}");
        for name in ["checkpoints/000000050.ckpt", "checkpoints/000000060.ckpt"] {
            assert!(read(&whole, name) == read(&parts, name), "{sets:?} {name}");
        }
        assert_eq!(
            fs::read_dir(parts.path().join("checkpoints"))
                .unwrap()
                .count(),
            2
        );
    }
}

#[test]
fn lines_and_checkpoints_lost_in_a_crash_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let whole = start(&folder.path().join("whole"));
    go(&whole, None).unwrap();
    let expected = fs::read(whole.path().join("metrics.jsonl")).unwrap();

    let crashed = start(&folder.path().join("crashed"));
    go(&crashed, Some(40)).unwrap();
    // A power cut damaged the newest checkpoint and half a line is left over.
    let newest = crashed.path().join("checkpoints/000000040.ckpt");
    let mut bytes = fs::read(&newest).unwrap();
    bytes[100] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let metrics = crashed.path().join("metrics.jsonl");
    let mut text = fs::read_to_string(&metrics).unwrap();
    text.push_str("{\"iteration\":42,\"lo");
    fs::write(&metrics, text).unwrap();
    assert!(matches!(go(&crashed, None), Ok(End::Finished(_))));
    assert_eq!(fs::read(&metrics).unwrap(), expected);
}

#[test]
fn runs_are_not_overwritten_or_resumed_by_accident() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    assert!(matches!(RunDir::open(&path), Err(RunError::Absent(_))));
    let run = start(&path);
    go(&run, None).unwrap();
    let manifest = Manifest::new(&config(), "cpu", vec![]);
    for overwrite in [false, true] {
        let second = RunDir::create(&path, &config(), &manifest, overwrite);
        assert!(matches!(second, Err(RunError::Held { .. })));
    }
    drop(run);
    let again = RunDir::create(&path, &config(), &manifest, false);
    assert!(matches!(again, Err(RunError::Exists(_))));

    let changed = common::config(&[&SETS[..], &["meta.tasks=5", "seed=2"]].concat());
    let error = RunDir::resume(&path, &changed).unwrap_err().to_string();
    assert!(
        error.contains("meta.tasks: 4 -> 5") && error.contains("seed: 1 -> 2"),
        "{error}"
    );
    assert!(RunDir::resume(&path, &config()).is_ok());

    // What is replaced stands until there is something in its place.
    let other = common::config(&[&SETS[..], &["seed=2"]].concat());
    let new = RunDir::create(&path, &other, &manifest, true).unwrap();
    assert!(new.latest_checkpoint().unwrap().is_none());
    let there = RunDir::open(&path).unwrap();
    assert_eq!(there.config().unwrap(), config());
    assert_eq!(there.latest_checkpoint().unwrap().unwrap().iteration, 60);
    go_with(&other, &new, Some(1)).unwrap();
    assert_eq!(there.config().unwrap(), other);
    assert_eq!(there.latest_checkpoint().unwrap().unwrap().iteration, 1);
    assert!(there.outcome().is_none());
}

#[test]
fn the_result_is_the_best_validation_where_the_config_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let run = start(&folder.path().join("run"));
    go(&run, None).unwrap();
    let checkpoint = run.latest_checkpoint().unwrap().unwrap();
    let best = checkpoint.best.clone().unwrap();
    let model = TrainedModel::load(run.path()).unwrap();
    assert_eq!(model.params.concat(), best.params);
    assert_eq!(model.iteration, best.iteration);
    assert_eq!(model.rates.unwrap().rows().len(), 2);
    let lowest = run
        .read_metrics()
        .unwrap()
        .into_iter()
        .filter_map(|line| line.validation?.mean[1])
        .fold(f64::INFINITY, f64::min);
    assert_eq!(best.score, lowest);
}

#[test]
fn everything_is_recorded_before_the_first_iteration() {
    let folder = tempfile::tempdir().unwrap();
    let run = start(&folder.path().join("run"));
    let manifest = run.manifest().unwrap();
    assert_eq!((manifest.seed, manifest.device.as_str()), (1, "cpu"));
    assert_eq!(
        manifest.config_digest,
        format!("{:016x}", config().digest())
    );
    assert_eq!(run.config().unwrap(), config());
    // The first checkpoint is there before the first iteration, too.
    go(&run, Some(1)).unwrap();
    assert_eq!(
        fs::read_dir(run.path().join("checkpoints"))
            .unwrap()
            .count(),
        2
    );
}
