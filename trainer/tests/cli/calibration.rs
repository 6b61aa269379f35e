//! Calibration from a table to an artifact, through the `mamlet` command.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::parts;

/// Readings of nine devices, each off by a constant of its own, in millivolts.
const READINGS: &str = r#"
name = "bench"
title = "Bench"
protocol = "own"
method = "maml"

[tasks]
distribution = "readings"
path = "data"
device = ["device"]
inputs = ["reading"]
target = "reference"
unit = "mV"
split = { folds = 3, seed = 1 }

[model]
layers = [{ kind = "dense", out = 1 }]
init = { kind = "glorot" }

[inner]
loss = "mse"
steps = 2
rate = { kind = "learned", initial = 0.1, meta_rate = 0.01 }

[meta]
iterations = 400
tasks = 6
shots = [1, 3]
queries = 5
rate = 1e-2

[record]
every = 100
validation_tasks = 20
validation_shots = 3
"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("device,reading,reference\n");
    for device in 0..9 {
        for row in 0..10 {
            let reading = 100.0 * f64::from((row * 7 + device) % 10);
            let reference = 2.0 * reading + 300.0 + 40.0 * f64::from(device);
            writeln!(text, "D{device},{reading},{reference}").unwrap();
        }
    }
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/all.csv"), text).unwrap();
    std::fs::write(folder.path().join("bench.toml"), READINGS).unwrap();
    folder
}

fn mamlet(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    parts(&super::mamlet(folder, arguments))
}

#[test]
fn every_device_is_tested_once_in_its_unit() {
    let folder = folder();
    let arguments = [
        "cross-validate",
        "bench.toml",
        "--tasks",
        "90",
        "--shots",
        "3",
        "--json",
    ];
    let (code, out, err) = mamlet(folder.path(), &arguments);
    assert_eq!(code, 0, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&report["unit"], &report["tasks"]),
        (&"mV".into(), &90.into())
    );
    let steps = report["shots"][0]["methods"][0]["steps"]
        .as_array()
        .unwrap();
    let error = |step: usize| &steps[step]["error"];
    assert_eq!(error(0)["units"]["count"], 9);
    // Constants from 0 to 320 mV lie about 100 mV from their mean.
    let (before, after) = (error(0)["mean"].as_f64(), error(2)["mean"].as_f64());
    let (before, after) = (before.unwrap(), after.unwrap());
    assert!((50.0..400.0).contains(&before), "{before}");
    assert!(after < 0.6 * before, "{after} after {before}");
    // It knows the folds again, and trains no other config into their place.
    let (code, again, err) = mamlet(folder.path(), &arguments);
    assert_eq!((code, &again), (0, &out), "{err}");
    assert!(!err.contains("iteration"), "{err}");
    let other = [&arguments[..], &["--set", "meta.iterations=5"]].concat();
    let (code, _, err) = mamlet(folder.path(), &other);
    assert!(code != 0 && err.contains("meta.iterations"), "{err}");
    // A fold is a run like any other, and its artifact says millivolts.
    let export = [
        "export",
        "runs/bench/fold-1",
        "--safety-tasks",
        "20",
        "--shots",
        "3",
    ];
    let (code, out, err) = mamlet(folder.path(), &export);
    assert_eq!(code, 0, "{out}{err}");
    let (code, _, err) = mamlet(
        folder.path(),
        &[
            "cross-validate",
            "bench.toml",
            "--set",
            "tasks.split={counts=[5,2,2]}",
        ],
    );
    assert!(code != 0 && err.contains("tasks.split={folds=6,"), "{err}");
}

/// Intervals are over devices, of every row, however many tasks there are; each split has
/// its verdict beside that of all, and the page says what `evaluate` says.
#[test]
fn verdicts_rest_on_devices() {
    let folder = folder();
    let short = ["--set", "meta.iterations=20", "--shots", "3", "--json"];
    let cross_validate = |tasks: &str| -> Value {
        let more = ["--tasks", tasks, "--split-seeds", "2"];
        let arguments = [&["cross-validate", "bench.toml"], &short[..], &more[..]].concat();
        let (code, out, err) = mamlet(folder.path(), &arguments);
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).unwrap()
    };
    let (few, many) = (cross_validate("90"), cross_validate("900"));
    for report in [&few, &many] {
        assert_eq!(report["units"], 9);
        let shots = &report["shots"][0];
        assert_eq!(shots["verdict"]["units"], 9);
        let seeds = shots["splits"].as_array().unwrap().iter();
        let seeds: Vec<_> = seeds.map(|split| split["split_seed"].as_u64()).collect();
        assert_eq!(seeds, [Some(1), Some(2)]);
        for baseline in shots["baselines"].as_array().unwrap() {
            assert!(baseline["behind"]["half_width"].is_number(), "{baseline}");
        }
    }
    // Ten times the tasks of the same nine devices do not make them ninety.
    let width = |report: &Value| {
        let average = &report["shots"][0]["baselines"][0];
        average["error"]["half_width"].as_f64().unwrap()
    };
    assert!(width(&many) > 0.8 * width(&few));
    let same = |command: &str| -> Value {
        let run = [command, "runs/bench/fold-0", "--tasks", "30"];
        let baselines = ["--shots", "3", "--baselines", "trained", "--json"];
        let (code, out, err) = mamlet(folder.path(), &[&run[..], &baselines[..]].concat());
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).unwrap()
    };
    let (evaluated, page) = (same("evaluate"), same("report"));
    assert_eq!(page["evaluation"], evaluated);
    let shots = &evaluated["shots"][0];
    assert!(shots["methods"].as_array().unwrap().len() > 1, "{shots}");
    let own = shots["methods"][0]["steps"].as_array().unwrap();
    let own = own.last().unwrap()["error"]["mean"].as_f64().unwrap();
    let head = page["details"][0]["all"]["after"]["mean"].as_f64().unwrap();
    assert!((own - head).abs() < 1e-3 * own, "{own} {head}");
}

#[test]
fn the_data_are_told_or_named_where_they_are_wrong() {
    let folder = folder();
    let (code, out, err) = mamlet(folder.path(), &["data", "check", "bench.toml"]);
    assert_eq!(code, 0, "{err}");
    for part in [
        "devices",
        "reading: 0 to 900",
        "reference: 300 to 2420",
        "mV",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let path = folder.path().join("data/all.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("D0,700", "D0,seven", 1)).unwrap();
    let (code, out, _) = mamlet(folder.path(), &["data", "check", "bench.toml"]);
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains("all.csv, line 3: reading is \"seven\", no number"),
        "{out}"
    );
}

#[test]
fn what_was_trained_on_synthetic_sensors_is_tested_on_others() {
    let folder = folder();
    let sets = [
        "tasks={distribution=\"sensors\",kind=\"thermistor\"}",
        "name=sensors",
        "meta.iterations=5",
    ];
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    let train = [&["train", "bench.toml"], &sets[..]].concat();
    let (code, _, err) = mamlet(folder.path(), &train);
    assert_eq!(code, 0, "{err}");
    let short = ["--tasks", "20", "--shots", "3", "--json"];
    let on = [
        &["evaluate", "runs/sensors", "--on", "bench.toml"],
        &short[..],
    ]
    .concat();
    let (code, out, err) = mamlet(folder.path(), &on);
    assert_eq!(code, 0, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let error = &report["shots"][0]["methods"][0]["steps"][0]["error"];
    // Its own zero, in degrees, is far from hundreds of millivolts.
    assert!(error["mean"].as_f64().unwrap() > 100.0, "{error}");
    let magnetometer =
        READINGS.replace("inputs = [\"reading\"]", "inputs = [\"reading\", \"two\"]");
    let two = magnetometer.replace("[model]", "[tasks.let]\ntwo = \"2*reading\"\n\n[model]");
    std::fs::write(folder.path().join("two.toml"), two).unwrap();
    let (code, _, err) = mamlet(
        folder.path(),
        &["evaluate", "runs/sensors", "--on", "two.toml"],
    );
    assert!(
        code != 0 && err.contains("takes 1 input and says 1 output"),
        "{err}"
    );
}

#[test]
fn folds_of_other_data_are_not_mixed() {
    let folder = folder();
    let plain = READINGS.replace(
        "split = { folds = 3, seed = 1 }",
        "split.counts = [5, 2, 2]",
    );
    std::fs::write(folder.path().join("bench.toml"), plain).unwrap();
    let all = [
        "cross-validate",
        "bench.toml",
        "--tasks",
        "9",
        "--shots",
        "3",
    ];
    let all = [&all[..], &["--set", "meta.iterations=5"]].concat();
    let (code, _, err) = mamlet(folder.path(), &all);
    assert_eq!(code, 2, "{err}");
    // What it proposes works.
    let proposed = err.split("--set ").nth(1).unwrap().trim();
    let proposed = &shell_words::split(proposed).unwrap()[0];
    let folds = [&all[..], &["--set", proposed]].concat();
    let (code, _, err) = mamlet(folder.path(), &folds);
    assert_eq!(code, 0, "{err}");

    let table = folder.path().join("data/all.csv");
    let text = std::fs::read_to_string(&table).unwrap();
    std::fs::write(&table, text.replace("D3,100,", "D3,101,")).unwrap();
    let (code, _, err) = mamlet(folder.path(), &folds);
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("device D3: other values in its 10 rows"),
        "{err}"
    );
    assert!(!err.contains("D4"), "{err}");
    let (code, _, err) = mamlet(folder.path(), &[&folds[..], &["--overwrite"]].concat());
    assert_eq!(code, 0, "{err}");
}
