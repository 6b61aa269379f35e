//! What a device will do is what `evaluate` says of it: accuracy and error of its row are
//! those of the engine on the same tasks, whatever norms the network has.

use std::path::Path;

use serde_json::Value;

use super::{CONFIG, folder, mamlet, parts};

/// Tasks of every comparison, and the queries of each class.
const SIZES: [&str; 6] = ["--tasks", "40", "--shots", "2", "--queries", "3"];

/// The network whose steps go too far for some tasks.
const TAKEN_BACK: &str = "taken-back";

/// Three classes of waveforms for a network with such layers below its head.
fn write_config(folder: &Path, name: &str, body: &str, sets: &str) {
    let config = CONFIG
        .replace("\"tiny\"", &format!("\"{name}\""))
        .replace("\"sinusoid\"", "\"waveforms\"\nways = 3\nlength = 16")
        .replace("\"mse\"", "\"cross_entropy\"")
        .replace("steps = 1\n", &format!("steps = 3\n{sets}\n"))
        .replace(
            "value = 0.01",
            if name == TAKEN_BACK {
                "value = 3.0"
            } else {
                "value = 0.1"
            },
        )
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
    // What the engine takes back is not counted either.
    let taken_back = all.iter().any(|episode| episode.outcome != "adapted");
    assert_eq!(taken_back, name.ends_with(TAKEN_BACK), "{name}");
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
        (TAKEN_BACK, conv(&norm("\"layer_norm\"")), head),
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
        let export = ["export", &run, "--safety-tasks", "0", "--allow-loss"];
        done(folder, &export);
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
        let differs = name.contains("current") || name == TAKEN_BACK;
        assert_eq!(
            together != accuracy,
            differs,
            "{name}: {together} {accuracy}"
        );
        if name == "dense-current" {
            // A batch of one is all bias, whatever the query.
            assert_eq!(count(told), 120.0);
            assert!(together.as_f64().unwrap() > 0.4, "{together}");
            let (code, _, err) = parts(&mamlet(folder, &export[..4]));
            assert_eq!(code, 1);
            assert!(
                err.contains("on a device") && err.contains("--allow-loss"),
                "{err}"
            );
        }
        let artifact = format!("{run}/{name}.mamlet");
        let inspected = done(folder, &["inspect", &artifact, "--json"]);
        let inspected: Value = serde_json::from_str(&inspected).unwrap();
        assert_eq!(
            inspected["norms_of_the_batch"],
            name.contains("current"),
            "{name}"
        );
    }
}

/// The rows of an evaluation as it comes, and what it is judged by.
#[test]
fn a_published_protocol_has_the_row_of_a_device_beside_its_own() {
    let folder = folder();
    let folder = folder.path();
    let body = "{ kind = \"flatten\" }, { kind = \"dense\", out = 8 }, { kind = \"batch_norm\" }";
    write_config(folder, "normed", body, "");
    for (protocol, rows, judged) in [
        ("own", &["device"][..], "device"),
        ("paper", &["transductive", "device"], "transductive"),
    ] {
        let (run, set) = (format!("runs/{protocol}"), format!("protocol={protocol}"));
        done(
            folder,
            &["train", "normed.toml", "--set", &set, "--run", &run],
        );
        let evaluate = [&["evaluate", &run, "--baselines", "simple"], &SIZES[..]].concat();
        let out = done(folder, &[&evaluate[..], &["--json"]].concat());
        let report: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(report["setting"], judged);
        let set = &report["shots"][0];
        let methods = set["methods"].as_array().unwrap();
        let settings: Vec<&Value> = methods.iter().map(|m| &m["settings"][0]).collect();
        assert_eq!(settings, rows);
        let best = set["baselines"].as_array().unwrap().iter();
        let best = best.map(|b| b["accuracy"]["mean"].as_f64().unwrap());
        let best = best.fold(0.0, f64::max);
        let own = methods[0]["steps"].as_array().unwrap();
        let own = own.iter().find(|step| step["step"] == 3).unwrap();
        let ahead = own["accuracy"]["mean"].as_f64().unwrap() - best;
        let told = set["verdict"]["ahead"]["mean"].as_f64().unwrap();
        assert!((told - ahead).abs() < 1e-6, "{protocol}: {told} {ahead}");
        let out = done(folder, &evaluate);
        assert!(out.contains(&format!("judged by: {judged}")), "{out}");

        let page = [&["report", &run], &SIZES[..], &["--output", "page.html"]].concat();
        done(folder, &page);
        let page = std::fs::read_to_string(folder.join("page.html")).unwrap();
        let tile = page.contains("<div class=\"small\">on a device: ");
        assert_eq!(tile, protocol == "paper");
        let (_, _, err) = parts(&mamlet(folder, &["evaluate", &run, "--tasks", "1"]));
        assert!(err.contains("at least 2 tasks"), "{err}");
    }
}

/// Training that only makes it worse keeps what it began with, and says so.
#[test]
fn what_was_not_trained_is_called_so() {
    let folder = folder();
    let folder = folder.path();
    let sets = [
        "meta.rate=3.0",
        "record.keep=best",
        "record.validate_every=5",
    ];
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", *set]).collect();
    let out = done(folder, &[&["train", "tiny.toml"], &sets[..]].concat());
    let metrics = std::fs::read_to_string(folder.join("runs/tiny/metrics.jsonl")).unwrap();
    let first: Value = serde_json::from_str(metrics.lines().next().unwrap()).unwrap();
    let loss = first["validation"]["mean"][1].as_f64().unwrap();
    for part in [
        "iteration 0, before any training",
        &format!("{loss:.3} after 1"),
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let out = done(folder, &["export", "runs/tiny", "--safety-tasks", "0"]);
    assert!(out.contains("not trained"), "{out}");
    done(folder, &["train", "tiny.toml", "--run", "runs/trained"]);
    let out = done(folder, &["export", "runs/trained", "--safety-tasks", "0"]);
    assert!(!out.contains("not trained"), "{out}");
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
        let export = ["export", &run, "--safety-tasks", "0", "--allow-loss"];
        done(folder, &export);
        let told = row(folder, &run, "device")["mean"].as_f64().unwrap();
        let engine = replayed(folder, &run);
        let after = |episode: &mamlet_simulator::replay::EpisodeReport| {
            episode.mean_squared_error.unwrap().after
        };
        let engine = mean(engine.iter().map(after));
        assert!((told - engine).abs() < 1e-4 * engine, "{told} {engine}");
    }
}
