//! One suite for every executor: small artifacts, one for each kind of layer
//! and loss and a few whole networks, whose golden vectors are replayed by a
//! naive implementation in f64, by the engine here, and by firmware.
//!
//! After a change that is meant, write the files anew:
//! `MAMLET_BLESS=1 cargo test -p mamlet-simulator --test conformance`.

#[path = "../../../tests/common/mod.rs"]
mod common;

mod chain;
mod suite;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::{AnyModel, Example, add_all, naive};
use mamlet_formats::{Artifact, GoldenVectors, HeadStart, Layer, Loss};
use mamlet_runtime::golden::verify;
use mamlet_runtime::{Learner, Setup};
use mamlet_simulator::file::ArtifactFile;
use mamlet_simulator::golden::attach;
use suite::{Case, suite};

/// What a microcontroller's test firmware has room for.
const LARGEST: usize = 4096;
const ALL: usize = 44 * 1024;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware-examples/artifacts/conformance")
}

fn made(case: &Case) -> Vec<u8> {
    let inputs: Vec<f32> = case.examples.iter().flat_map(|(x, _)| x.clone()).collect();
    let targets: Vec<f32> = case.examples.iter().flat_map(|(_, t)| t.clone()).collect();
    let mut writer = case.net.writer();
    writer.provenance("conformance", "", 0, 0);
    attach(&writer, &inputs, &targets).unwrap_or_else(|error| panic!("{}: {error:#}", case.name))
}

#[test]
fn the_committed_files_are_what_this_executor_makes() {
    let made: BTreeMap<String, Vec<u8>> = suite()
        .iter()
        .map(|case| (format!("{}.mamlet", case.name), made(case)))
        .collect();
    if std::env::var_os("MAMLET_BLESS").is_some() {
        for (name, bytes) in &made {
            std::fs::write(folder().join(name), bytes).expect("a writable folder");
        }
    }
    let files = std::fs::read_dir(folder()).expect("the committed folder");
    let committed: BTreeMap<String, Vec<u8>> = files
        .map(|entry| {
            let path = entry.expect("a readable folder").path();
            let name = path.file_name().expect("a file").to_string_lossy();
            (name.into_owned(), std::fs::read(&path).expect("readable"))
        })
        .collect();
    assert_eq!(
        committed.keys().collect::<Vec<_>>(),
        made.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &made {
        assert!(committed[name] == *bytes, "{name} differs");
        assert!(bytes.len() < LARGEST, "{name} has {} bytes", bytes.len());
    }
    let total: usize = made.values().map(Vec::len).sum();
    assert!(total < ALL, "{total} bytes");
}

/// Reads a committed file, and calls `with` with its golden vectors.
fn with_golden(name: &str, with: impl FnOnce(&Artifact<'_>, &GoldenVectors<'_>)) {
    let file = ArtifactFile::read(&folder().join(format!("{name}.mamlet"))).expect("committed");
    let artifact = file.artifact().expect("readable");
    let golden = artifact.golden().expect("golden vectors").expect("some");
    with(&artifact, &golden);
}

#[test]
fn the_engine_replays_every_bit_in_every_setup() {
    for Case { name, net, .. } in suite() {
        with_golden(name, |artifact, golden| {
            let model = AnyModel::new(artifact).expect("a sound network");
            let examples = golden.sizes.examples as usize;
            let setup = Setup::new(examples);
            let mut setups = vec![setup, setup.queries(examples + 3), Setup::new(examples + 2)];
            if !net.mixes_examples() {
                setups.push(setup.one_by_one());
            }
            for setup in setups {
                let mut memory = vec![f32::NAN; model.memory_for(setup).total().len()];
                let mut learner = Learner::with(&model, setup, &mut memory).expect("enough");
                let verification = verify(artifact, &mut learner).expect("a replay");
                assert!(verification.is_identical(), "{name}: {verification:?}");
            }
        });
    }
}

fn numbers(bytes: &[u8]) -> Vec<f32> {
    let words = bytes.as_chunks::<4>().0;
    words.iter().map(|word| f32::from_le_bytes(*word)).collect()
}

/// That everything differs by at most that share of the largest number.
fn assert_close(computed: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(computed.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.01, |a: f64, b| a.max(b.abs()));
    for (a, b) in computed.iter().zip(expected) {
        let difference = (f64::from(*a) - b).abs();
        assert!(
            difference <= tolerance * scale,
            "{what}: {computed:?}, {expected:?}"
        );
    }
}

/// Examples and parameters are those of the file, the layers those of the
/// network that it was made of.
#[test]
fn a_naive_implementation_in_f64_agrees() {
    for Case { name, net, .. } in suite() {
        with_golden(name, |_, golden| {
            let rows = |bytes, width: u32| -> Vec<Vec<f32>> {
                let rows = numbers(bytes);
                rows.chunks(width as usize).map(<[f32]>::to_vec).collect()
            };
            let inputs = rows(golden.inputs, golden.sizes.inputs);
            let targets = rows(golden.targets, golden.sizes.targets);
            let examples: Vec<Example> = inputs.into_iter().zip(targets).collect();
            let steps = golden.sizes.steps as usize;
            let initial = naive::parameters(&net);
            let (losses, adapted) = naive::adapt(&net, &examples, steps);
            let gradient =
                naive::gradient(&net, &naive::start(&net, &examples), &examples, 0).concat();
            // Golden outputs are predicted one by one.
            let outputs = |parameters, step| -> Vec<f64> {
                let of = |(x, _): &Example| naive::forward(&net, parameters, &[x], step).concat();
                examples.iter().flat_map(of).collect()
            };
            let compare = |bytes, expected: &[f64], what| {
                assert_close(&numbers(bytes), expected, 1e-4, &format!("{name}, {what}"));
            };
            compare(golden.losses, &losses, "losses");
            compare(golden.gradients, &gradient, "gradient");
            compare(
                golden.outputs_before,
                &outputs(&initial, 0),
                "outputs before",
            );
            compare(
                golden.outputs_after,
                &outputs(&adapted, steps),
                "outputs after",
            );
        });
    }
}

/// Every kind of layer and loss that the format has is in the suite.
#[test]
fn the_suite_leaves_nothing_out() {
    let mut layers = std::collections::BTreeSet::new();
    let mut losses = std::collections::BTreeSet::new();
    let [mut f16, mut images, mut sequences, mut heads] = [false; 4];
    for Case { name, net, .. } in suite() {
        with_golden(name, |artifact, golden| {
            layers.extend(artifact.layers().map(|layer| layer.name()));
            losses.insert(match artifact.header().recipe.loss {
                Loss::Huber { .. } => "Huber".to_string(),
                loss => format!("{loss:?}"),
            });
            assert!(
                golden.sizes.examples > 1 && golden.sizes.steps > 1,
                "{name}"
            );
        });
        heads |= net.head != HeadStart::Stored;
        f16 |= net.f16;
        images |= net.size[0] > 1;
        sequences |= net.size[0] == 1 && net.size[1] > 1;
    }
    for name in Layer::NAMES {
        assert!(layers.contains(name), "{name} is in no case");
    }
    assert_eq!(losses.len(), 5, "{losses:?}");
    assert!(f16 && images && sequences && heads);
}

/// A replay is worth something only where the steps change what it compares.
#[test]
fn every_case_learns() {
    for case in suite() {
        let setup = Setup::new(case.examples.len());
        common::with_setup(&case.net, setup, |learner| {
            add_all(learner, &case.net, &case.examples);
            let report = learner.adapt().expect("examples");
            let name = case.name;
            assert!(
                report.loss_after() < report.loss_before(),
                "{name}: {report:?}"
            );
        });
    }
}
