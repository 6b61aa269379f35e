//! The `mamlet` command from outside: exit codes, messages, interruption.

mod acting;
mod calibration;
#[cfg(unix)]
mod device;
mod early;
mod images;
mod join;
mod recordings;
mod runs;
mod settings;
mod sweep;
mod tensorboard;
mod unprepared;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The experiment that the tests vary.
const CONFIG: &str = include_str!("../common/base.toml");

fn mamlet(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mamlet"))
        .current_dir(folder)
        .env_remove("MAMLET_DATA")
        // Cargo sets it for what it runs, which these commands are not.
        .env_remove("CARGO_PKG_NAME")
        .args(arguments)
        .output()
        .unwrap()
}

/// A command as a shell takes it.
fn pasted(folder: &Path, command: &str) -> Output {
    Command::new("sh")
        .current_dir(folder)
        .env_remove("MAMLET_DATA")
        .env_remove("CARGO_PKG_NAME")
        .args(["-c", command])
        .output()
        .unwrap()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tiny.toml"), CONFIG).unwrap();
    folder
}

/// Exit code and both outputs.
fn parts(output: &Output) -> (i32, String, String) {
    (
        output.status.code().unwrap(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn train_then_evaluate() {
    let folder = folder();
    let (code, out, err) = parts(&mamlet(folder.path(), &["train", "tiny.toml"]));
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("20 iterations"), "{out}");
    assert!(
        err.contains("iteration 20/20"),
        "plain lines without a terminal: {err}"
    );

    let arguments = [
        "evaluate",
        "tiny.toml",
        "--tasks",
        "20",
        "--shots",
        "5",
        "--queries",
        "10",
        "--json",
    ];
    let (code, out, err) = parts(&mamlet(folder.path(), &arguments));
    assert_eq!(code, 0, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["tasks"], 20);
    let steps = report["shots"][0]["methods"][0]["steps"]
        .as_array()
        .unwrap();
    assert_eq!(steps.len(), 11);
    assert!(steps[1]["mean"].is_number() && steps[1]["half_width"].is_number());

    let (code, out, _) = parts(&mamlet(
        folder.path(),
        &["evaluate", "runs/tiny", "--tasks", "9"],
    ));
    assert_eq!(code, 0);
    for part in [
        "K = 20",
        "9 test tasks",
        "95 %",
        "evaluated after 1 step",
        "iteration 20, the last",
        "protocol own",
        "seed 1",
        "diverged",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }

    let (code, _, err) = parts(&mamlet(folder.path(), &["train", "tiny.toml"]));
    assert_eq!(code, 1);
    assert!(
        err.contains("--resume") && err.contains("--overwrite"),
        "{err}"
    );
    let changed = ["train", "tiny.toml", "--resume", "--set", "meta.tasks=3"];
    let (code, _, err) = parts(&mamlet(folder.path(), &changed));
    assert_eq!(code, 1);
    assert!(err.contains("meta.tasks: 2 -> 3"), "{err}");
}

#[test]
fn plots_are_written() {
    let folder = folder();
    assert_eq!(parts(&mamlet(folder.path(), &["train", "tiny.toml"])).0, 0);
    for (figure, file) in [("curve", "curve.svg"), ("sinusoids", "sinusoids.png")] {
        let arguments = ["plot", figure, "runs/tiny", "-o", file];
        let (code, _, err) = parts(&mamlet(folder.path(), &arguments));
        assert_eq!(code, 0, "{err}");
        assert!(folder.path().join(file).metadata().unwrap().len() > 1000);
    }
    let arguments = [
        "plot",
        "steps",
        "runs/tiny",
        "--tasks",
        "5",
        "-o",
        "steps.svg",
    ];
    let mut grounds = Vec::new();
    for theme in ["light", "dark"] {
        let arguments = [&arguments[..], &["--theme", theme]].concat();
        assert_eq!(parts(&mamlet(folder.path(), &arguments)).0, 0);
        let drawn = std::fs::read_to_string(folder.path().join("steps.svg")).unwrap();
        // What is filled first is the ground.
        grounds.push(drawn.split("fill=\"#").nth(1).unwrap()[..6].to_owned());
    }
    assert_eq!(grounds, ["ffffff", "0d1117"]);
}

#[test]
fn classes_are_evaluated_by_accuracy() {
    let folder = folder();
    let config = CONFIG
        .replace("\"sinusoid\"", "\"waveforms\"\nways = 3\nlength = 8")
        .replace("\"mse\"", "\"cross_entropy\"")
        .replace("out = 1", "out = 3");
    std::fs::write(folder.path().join("classes.toml"), config).unwrap();
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    let (code, _, err) = run(&["train", "classes.toml"]);
    assert_eq!(code, 0, "{err}");
    let evaluate = ["evaluate", "classes.toml", "--tasks", "5", "--shots", "2"];
    let (_, out, err) = run(&evaluate);
    for part in [
        "query accuracy in %",
        "95 %",
        "15 queries per class",
        "3-way",
    ] {
        assert!(out.contains(part), "{part}: {out} {err}");
    }
    let (_, out, _) = run(&[&evaluate[..], &["--json"]].concat());
    let report: Value = serde_json::from_str(&out).unwrap();
    let step = &report["shots"][0]["methods"][0]["steps"][1];
    let accuracy = step["accuracy"]["mean"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&accuracy) && step["mean"].is_number());

    let other = ["--set", "seed=2", "--run", "other"];
    assert_eq!(run(&[&["train", "classes.toml"], &other[..]].concat()).0, 0);
    let (_, out, err) = run(&[&evaluate[..2], &["other"], &evaluate[2..]].concat());
    for part in ["mean of 2 seeds", "(seeds ", "seed 2"] {
        assert!(out.contains(part), "{part}: {out} {err}");
    }
    let compare = ["compare", "classes.toml", "other", "--tasks", "5"];
    let (code, out, err) = run(&compare);
    assert_eq!(code, 0, "{err}");
    for part in [
        "query accuracy in %",
        "paired difference",
        "excludes 0",
        "K = 5",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let (_, out, _) = run(&[&compare[..], &["--by", "loss", "--json"]].concat());
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["measure"], "loss");
    let runs = &report["sets"][1]["runs"];
    assert!(runs[0]["difference"].is_null());
    assert!(runs[1]["difference"]["excludes_zero"].is_boolean());
    let noisy = [
        "train",
        "classes.toml",
        "--set",
        "tasks.noise=0.5",
        "--run",
        "noisy",
    ];
    assert_eq!(run(&noisy).0, 0);
    let compare = ["compare", "classes.toml", "noisy", "--tasks", "5"];
    let (code, _, err) = run(&compare);
    assert_eq!(code, 1);
    assert!(err.contains("--on CONFIG"), "{err}");
    let (code, out, err) = run(&[&compare[..], &["--on", "classes.toml"]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(": noisy, "), "{out}");
    let (code, _, err) = run(&["compare", "classes.toml"]);
    assert_eq!(code, 2);
    assert!(err.contains("RUN|CONFIG"), "{err}");

    let plot = [
        "plot",
        "steps",
        "classes.toml",
        "--tasks",
        "5",
        "-o",
        "s.svg",
    ];
    assert_eq!(run(&plot).0, 0);
    let drawn = std::fs::read_to_string(folder.path().join("s.svg")).unwrap();
    assert!(drawn.contains("query accuracy in %"));
    let (code, _, err) = run(&["plot", "sinusoids", "classes.toml", "-o", "x.svg"]);
    assert_eq!(code, 1);
    assert!(err.contains("no sinusoids"), "{err}");
}

#[test]
fn wrong_input_is_said_in_words() {
    let folder = folder();
    std::fs::write(
        folder.path().join("bad.toml"),
        CONFIG.replace("= 20", "= \"x\""),
    )
    .unwrap();
    for (arguments, code, words) in [
        (
            vec!["train", "absent.toml"],
            2,
            vec!["absent.toml", "cannot read"],
        ),
        (
            vec!["train", "bad.toml"],
            2,
            vec!["line 19", "meta.iterations", "u64", "\"x\""],
        ),
        (
            vec!["train", "tiny.toml", "--set", "seed"],
            2,
            vec!["KEY=VALUE"],
        ),
        (
            vec!["train", "tiny.toml", "--set", "inner.steps=-1"],
            2,
            vec!["inner.steps"],
        ),
        (
            vec!["train", "tiny.toml", "--device", "gpu"],
            2,
            vec!["cuda:<index>"],
        ),
        (vec!["train"], 2, vec!["name a config"]),
        (
            vec!["train", "--resume", "--run", "nowhere"],
            1,
            vec!["nowhere", "no run"],
        ),
        (
            vec!["evaluate", "tiny.toml"],
            1,
            vec!["no run yet", "mamlet train tiny.toml`"],
        ),
        (
            vec!["evaluate", "nothing"],
            1,
            vec!["nothing", "neither a run directory"],
        ),
        (
            vec!["plot", "curve", "tiny.toml", "-o", "x.svg"],
            1,
            vec!["no run yet"],
        ),
        (
            vec!["train", "tiny.toml", "--set", "model.from=runs/other"],
            1,
            vec!["model.from", "runs/other", "no run"],
        ),
        (vec!["frobnicate"], 2, vec!["frobnicate"]),
    ] {
        let (given, _, err) = parts(&mamlet(folder.path(), &arguments));
        assert_eq!(given, code, "{arguments:?}: {err}");
        for word in words {
            assert!(
                err.contains(word),
                "{arguments:?}: {word:?} is not in {err:?}"
            );
        }
        assert!(!err.contains("panicked"), "{err}");
    }
    assert!(
        !folder.path().join("runs").exists(),
        "a refused command leaves nothing behind"
    );
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_build_without_cuda_says_so() {
    let folder = folder();
    let (code, _, err) = parts(&mamlet(
        folder.path(),
        &["train", "tiny.toml", "--device", "cuda"],
    ));
    assert_eq!(code, 2);
    assert!(
        err.contains("--features cuda") && err.contains("--device cpu"),
        "{err}"
    );
}

/// A reader that leaves early, as `head` does, is no error.
#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_error() {
    let folder = folder();
    assert_eq!(parts(&mamlet(folder.path(), &["train", "tiny.toml"])).0, 0);
    let mut child = Command::new(env!("CARGO_BIN_EXE_mamlet"))
        .current_dir(folder.path())
        .args(["evaluate", "runs/tiny", "--tasks", "5"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    BufReader::new(child.stderr.take().unwrap())
        .read_line(&mut err)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{err}");
}

#[test]
fn sizes_are_trained_once_and_told_as_a_table() {
    let folder = folder();
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    let arguments = [
        "size",
        "tiny.toml",
        "--widths",
        "1,2",
        "--iterations",
        "10",
        "--shots",
        "3",
        "--steps",
        "1,2",
        "--tasks",
        "9",
    ];
    let (code, out, err) = run(&[&arguments[..], &["--csv"]].concat());
    assert_eq!(code, 0, "{err}");
    // All adapts, so int8 stores nothing otherwise: two widths, two forms, two steps.
    assert_eq!(out.lines().count(), 1 + 8, "{out}");
    assert!(err.contains("10 iterations"), "{err}");
    assert!(
        folder
            .path()
            .join("runs/tiny-size/width-2/result.json")
            .is_file()
    );
    let page = std::fs::read_to_string(folder.path().join("runs/tiny-size/size.html")).unwrap();
    assert!(page.contains("On the Pareto front") && page.contains("nrf52840"));

    // The same figures, without training again.
    let (code, again, err) = run(&[&arguments[..], &["--csv"]].concat());
    assert_eq!((code, &again), (0, &out), "{err}");
    assert!(!err.contains("10 iterations"), "{err}");
    let (code, json, _) = run(&[&arguments[..], &["--json"]].concat());
    let table: Value = serde_json::from_str(&json).unwrap();
    let points = table["points"].as_array().unwrap();
    assert_eq!((code, points.len()), (0, 8));
    assert!(points.iter().any(|point| point["front"] == true));
    let flash = |point: &Value| point["costs"]["flash"].as_u64().unwrap();
    assert!(flash(&points[0]) < flash(&points[4]), "{json}");
    let (_, table, _) = run(&arguments);
    assert!(
        table.contains("MAC to learn") && table.contains("size.html"),
        "{table}"
    );

    let (code, _, err) = run(&["size", "tiny.toml", "--widths", "2", "--iterations", "11"]);
    assert_eq!(code, 1);
    assert!(
        err.contains("--overwrite") && err.contains("meta.iterations"),
        "{err}"
    );
    let (code, _, err) = run(&["size", "tiny.toml", "--widths", "0"]);
    assert_eq!(code, 2);
    assert!(err.contains("above 0"), "{err}");
    let tuned = [
        "--set",
        "inner.rate={kind=\"tuned\",candidates=[0.1]}",
        "--set",
        "method=pretraining",
        "--set",
        "inner.steps=0",
    ];
    let (code, _, err) = run(&[&["size", "tiny.toml"], &tuned[..]].concat());
    assert_eq!(code, 1);
    assert!(err.contains("method = \"maml\""), "{err}");
    // A run is its own point.
    assert_eq!(run(&["train", "tiny.toml"]).0, 0);
    let arguments = [
        "size",
        "runs/tiny",
        "--widths",
        "1",
        "--shots",
        "3",
        "--tasks",
        "9",
    ];
    let (code, _, err) = run(&[&arguments[..], &["--run", "elsewhere"]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(!folder.path().join("elsewhere/width-1").exists());
}
