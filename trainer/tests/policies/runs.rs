//! Runs of policies: resumed, on any number of threads, and stopped by an environment.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mamlet_trainer::config::Config;
use mamlet_trainer::random::Stream;
use mamlet_trainer::rollouts::Address;
use mamlet_trainer::run::{Manifest, RunDir};
use mamlet_trainer::tasks::TaskSource;
use mamlet_trainer::train::{End, Event, TrainError, train, train_on};
use rand::Rng;

use crate::drift::{Bad, Drift, Wrong};
use crate::{B, config};

const TRPO: &[&str] = &["policy.outer={kind=\"trpo\"}"];

const CLIPPED: &[&str] = &[
    "policy.outer={kind=\"clipped\",epochs=3,divergence_weight=0.1,divergence_target=1e-3}",
    "policy.sampling_term=true",
    "inner.steps=2",
    "inner.rate={kind=\"learned\",initial=0.2,meta_rate=0.01}",
    "record.validation_steps=[1,2]",
];

fn start(path: &Path, config: &Config) -> RunDir {
    RunDir::create(path, config, &Manifest::new(config, "cpu", vec![]), false).unwrap()
}

fn go(config: &Config, run: &RunDir, stop_at: Option<u64>) -> End {
    let stop = AtomicBool::new(false);
    let end = train::<B>(config, run, Default::default(), &stop, |event| {
        if let Event::Iteration(done) = event
            && Some(done) == stop_at
        {
            stop.store(true, Ordering::Relaxed);
        }
    });
    end.unwrap()
}

/// Everything that a run leaves but for times.
fn left(run: &RunDir) -> Vec<(String, Vec<u8>)> {
    let file = |name: &str| (name.to_owned(), fs::read(run.path().join(name)).unwrap());
    vec![
        file("metrics.jsonl"),
        file("checkpoints/000000004.ckpt"),
        file("checkpoints/000000006.ckpt"),
    ]
}

fn assert_same(a: &RunDir, b: &RunDir, name: &str) {
    for ((file, a), (_, b)) in left(a).iter().zip(&left(b)) {
        assert!(a == b, "{name}: {file}");
    }
}

#[test]
fn a_resumed_run_equals_an_uninterrupted_one_bit_for_bit() {
    for sets in [TRPO, CLIPPED] {
        let config = config(sets);
        let folder = tempfile::tempdir().unwrap();
        let whole = start(&folder.path().join("whole"), &config);
        assert!(matches!(go(&config, &whole, None), End::Finished(_)));
        let parts = start(&folder.path().join("parts"), &config);
        for iteration in [1, 3, 4] {
            let end = go(&config, &parts, Some(iteration));
            assert_eq!(end, End::Stopped { iteration });
        }
        assert!(matches!(go(&config, &parts, None), End::Finished(_)));
        assert_same(&whole, &parts, sets[0]);
        let moved = whole.latest_checkpoint().unwrap().unwrap();
        let returns = whole.read_metrics().unwrap();
        let returns = returns.iter().filter_map(|line| line.returns.as_ref());
        assert_eq!(returns.count(), 3);
        assert!(moved.acting.unwrap().environment_steps > 0);
    }
}

#[test]
fn a_run_is_the_same_on_any_number_of_threads() {
    for sets in [TRPO, CLIPPED] {
        let config = config(sets);
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = [1, 2].map(|threads| {
            let run = start(&folder.path().join(threads.to_string()), &config);
            let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let end = builder.build().unwrap().install(|| go(&config, &run, None));
            assert!(matches!(end, End::Finished(_)));
            run
        });
        assert_same(&one, &two, sets[0]);
    }
}

#[test]
fn an_environment_that_goes_wrong_is_named_and_leaves_a_checkpoint_that_resumes() {
    let config = config(&[TRPO, &["record.checkpoint_every=4"]].concat());
    for (wrong, what) in [
        (Wrong::Observation, "NaN as number 1 of an observation"),
        (Wrong::Size, "an observation of 3 numbers, not 2"),
        (Wrong::Reward, "a reward of inf"),
    ] {
        let drift = Drift::new(6);
        let bad = Bad {
            // Iteration 3, after one inner step, task 1, rollout 2.
            mark: Address {
                seed: config.seed,
                stream: Stream::Train,
                batch: 3,
            }
            .of_rollout(1, 1, 2)
            .next_u64(),
            good: 1,
            wrong,
        };
        *drift.bad.lock().unwrap() = Some(bad);
        let environments = Arc::new(drift);
        let go = |run: &RunDir| {
            let source = TaskSource::Acting(environments.clone());
            let stop = AtomicBool::new(false);
            train_on::<B>((&config, source), run, Default::default(), &stop, |_| ())
        };
        let folder = tempfile::tempdir().unwrap();
        let run = start(&folder.path().join("run"), &config);
        let Err(TrainError::Environment(fault)) = go(&run) else {
            panic!("{what}: no fault");
        };
        assert_eq!((fault.task, fault.rollout, fault.step), (1, 2, 2));
        let text = fault.to_string();
        assert!(text.contains(what) && text.contains("goal x"), "{text}");
        let checkpoint = run.latest_checkpoint().unwrap().unwrap();
        assert_eq!(checkpoint.iteration, 3);
        // As long as it is wrong, it stays so.
        assert!(matches!(go(&run), Err(TrainError::Environment(_))));

        *environments.bad.lock().unwrap() = None;
        assert!(matches!(go(&run), Ok(End::Finished(_))));
        let whole = start(&folder.path().join("whole"), &config);
        assert!(matches!(go(&whole), Ok(End::Finished(_))));
        assert_same(&whole, &run, what);
    }
}
