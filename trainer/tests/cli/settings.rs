//! What a device will do is what `evaluate` says of it: accuracy and error of its row are
//! those of the engine on the same tasks, whatever norms the network has.

use std::path::Path;

use serde_json::Value;

use super::{CONFIG, folder, mamlet, parts};

/// Tasks of every comparison, and the queries of each class.
const SIZES: [&str; 6] = ["--tasks", "40", "--shots", "2", "--queries", "3"];

/// Three classes of waveforms for a network with such layers below its head.
fn write_config(folder: &Path, name: &str, body: &str, sets: &str) {
    let config = CONFIG
        .replace("\"tiny\"", &format!("\"{name}\""))
        .replace("\"sinusoid\"", "\"waveforms\"\nways = 3\nlength = 16")
        .replace("\"mse\"", "\"cross_entropy\"")
        .replace("steps = 1\n", &format!("steps = 3\n{sets}\n"))
        .replace("value = 0.01", "value = 0.1")
        .replace("iterations = 20", "iterations = 30\nrate = 0.01")
        .replace(
            "{ kind = \"dense\", out = 4 }, { kind = \"relu\" }, { kind = \"dense\", out = 1 }",
            &format!("{body}, {{ kind = \"dense\", out = 3 }}"),
        );
    std::fs::write(folder.join(format!("{name}.toml")), config).unwrap();
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let (code, out, err) = parts(&mamlet(folder, arguments));
    assert_eq!(code, 0, "{arguments:?}: {err}");
    out
}

/// The row of `evaluate` for a setting after three steps.
fn row(folder: &Path, name: &str, setting: &str) -> Value {
    let evaluate = ["evaluate", name, "--setting", setting, "--json"];
    let report = done(folder, &[&evaluate[..], &SIZES].concat());
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["setting"], setting);
    let methods = report["shots"][0]["methods"].as_array().unwrap();
    assert_eq!(methods.len(), 1, "{methods:?}");
    let steps = methods[0]["steps"].as_array().unwrap();
    steps.iter().find(|step| step["step"] == 3).unwrap().clone()
}

/// What the engine makes of every task that `mamlet episode` writes for an artifact.
fn replayed(folder: &Path, name: &str) -> Vec<mamlet_simulator::replay::EpisodeReport> {
    let file = format!("{name}.episodes");
    let episode = ["episode", name, "--output", &file];
    done(folder, &[&episode[..], &SIZES].concat());
    let bytes = std::fs::read(folder.join(file)).unwrap();
    let episodes = mamlet_formats::Episodes::parse(&bytes).unwrap();
    let artifact = folder.join(format!("{name}/{}.mamlet", &name["runs/".len()..]));
    let file = mamlet_simulator::file::ArtifactFile::read(&artifact).unwrap();
    let artifact = file.artifact().unwrap();
    let model = mamlet_simulator::Model::new(&artifact).unwrap();
    let all = mamlet_simulator::replay::replay(&model, &episodes).unwrap();
    assert_eq!(all.len(), 40);
    // What the engine takes back, it alone does.
    assert!(all.iter().all(|episode| episode.outcome == "adapted"));
    all
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    values.sum::<f64>() / 40.0
}

#[test]
fn the_accuracy_for_a_device_is_that_of_the_engine() {
    let folder = folder();
    let folder = folder.path();
    let conv = |norm: &str| {
        let conv = "{ kind = \"conv\", filters = 6, kernel = 3, stride = 2 }";
        format!("{conv}, {norm}{{ kind = \"relu\" }}, {{ kind = \"flatten\" }}")
    };
    let norm = |keys: &str| format!("{{ kind = {keys} }}, ");
    let batch_norm = |from: &str| norm(&format!("\"batch_norm\", statistics = \"{from}\""));
    let head = "adapt = \"head\"";
    let bodies = [
        ("none", conv(""), ""),
        ("stored", conv(&batch_norm("stored")), ""),
        ("stored-head", conv(&batch_norm("stored")), head),
        ("per-step", conv(&batch_norm("per_step")), ""),
        ("per-step-head", conv(&batch_norm("per_step")), head),
        ("current", conv(&batch_norm("current")), ""),
        ("current-head", conv(&batch_norm("current")), head),
        ("group", conv(&norm("\"group_norm\", groups = 2")), ""),
        (
            "group-head",
            conv(&norm("\"group_norm\", groups = 6")),
            head,
        ),
        ("layer", conv(&norm("\"layer_norm\"")), ""),
        (
            "dense-current",
            "{ kind = \"flatten\" }, { kind = \"dense\", out = 8 }, { kind = \"batch_norm\" }, \
             { kind = \"relu\" }"
                .to_owned(),
            "",
        ),
    ];
    for (name, body, sets) in bodies {
        write_config(folder, name, &body, sets);
        done(folder, &["train", &format!("{name}.toml")]);
        let run = format!("runs/{name}");
        done(folder, &["export", &run, "--safety-tasks", "0"]);
        let accuracy = row(folder, &run, "device")["accuracy"]["mean"].clone();
        let engine = replayed(folder, &run);
        let engine = mean(engine.iter().map(|episode| episode.accuracy.unwrap().after));
        // Nine queries of forty tasks: every one of them is right or wrong in both.
        let count = |share: f64| (share * 360.0).round();
        let told = accuracy.as_f64().unwrap();
        assert_eq!(count(told), count(engine), "{name}: {told} {engine}");
        assert!((told - engine).abs() < 1e-6, "{name}: {told} {engine}");
        // The test would tell a device from a batch of queries.
        let together = row(folder, &run, "transductive")["accuracy"]["mean"].clone();
        let sees = name.contains("current");
        assert_eq!(together != accuracy, sees, "{name}: {together} {accuracy}");
        if name == "dense-current" {
            // A batch of one is all bias, whatever the query.
            assert_eq!(count(told), 120.0);
            assert!(together.as_f64().unwrap() > 0.4, "{together}");
        }
    }
}

#[test]
fn the_error_for_a_device_is_that_of_the_engine() {
    let folder = folder();
    let folder = folder.path();
    for norm in ["", ", { kind = \"batch_norm\" }"] {
        let name = if norm.is_empty() { "plain" } else { "normed" };
        let config = CONFIG
            .replace("\"tiny\"", &format!("\"{name}\""))
            .replace("steps = 1\n", "steps = 3\n")
            .replace("value = 0.01", "value = 0.001")
            .replace("out = 4 }", &format!("out = 4 }}{norm}"));
        std::fs::write(folder.join(format!("{name}.toml")), config).unwrap();
        done(folder, &["train", &format!("{name}.toml")]);
        let run = format!("runs/{name}");
        done(folder, &["export", &run, "--safety-tasks", "0"]);
        let told = row(folder, &run, "device")["mean"].as_f64().unwrap();
        let engine = replayed(folder, &run);
        let after = |episode: &mamlet_simulator::replay::EpisodeReport| {
            episode.mean_squared_error.unwrap().after
        };
        let engine = mean(engine.iter().map(after));
        assert!((told - engine).abs() < 1e-4 * engine, "{told} {engine}");
    }
}
