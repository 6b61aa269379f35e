//! Several runs joined to one, from training to the artifact.

use serde_json::Value;

use super::{CONFIG, folder, mamlet, parts};

/// The experiment: batch norms, so that stored statistics are joined as well.
fn config() -> String {
    CONFIG
        .replace("\"sinusoid\"", "\"waveforms\"\nways = 3\nlength = 8")
        .replace("\"mse\"", "\"cross_entropy\"")
        .replace(
            "layers = [{ kind = \"dense\", out = 4 }, { kind = \"relu\" }, \
             { kind = \"dense\", out = 1 }]",
            "layers = [{ kind = \"conv\", filters = 4, kernel = 3, stride = 2 }, \
             { kind = \"batch_norm\", statistics = \"stored\" }, { kind = \"relu\" }, \
             { kind = \"conv\", filters = 4, kernel = 3 }, \
             { kind = \"batch_norm\", statistics = \"stored\" }, { kind = \"relu\" }, \
             { kind = \"flatten\" }, { kind = \"dense\", out = 3 }]\nhead = \"shared\"",
        )
        .replace("steps = 1", "steps = 2\nadapt = \"head\"")
}

#[test]
fn joined_runs_are_a_run() {
    let folder = folder();
    std::fs::write(folder.path().join("waves.toml"), config()).unwrap();
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    for (seed, to) in [("seed=1", "runs/a"), ("seed=2", "runs/b")] {
        let (code, _, err) = run(&["train", "waves.toml", "--set", seed, "--run", to]);
        assert_eq!(code, 0, "{err}");
    }
    let join = ["join", "runs/a", "runs/b", "--run", "runs/both"];
    let (code, out, err) = run(&join);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("2 networks"), "{out}");
    let (code, _, err) = run(&join);
    assert_eq!(code, 1);
    assert!(err.contains("--overwrite"), "{err}");

    let select = ["--tasks", "20", "--shots", "1", "--queries", "5", "--json"];
    let (code, out, err) = run(&[&["evaluate", "runs/both"], &select[..]].concat());
    assert_eq!(code, 0, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["tasks"], 20);
    let (code, _, err) = run(&["report", "runs/both", "--tasks", "5"]);
    assert_eq!(code, 0, "{err}");

    // Export fails where the engine computes another gradient than the trainer.
    for form in [&[][..], &["--quantize", "int8"]] {
        let export = ["export", "runs/both", "--shots", "1", "--safety-tasks", "2"];
        let (code, out, err) = run(&[&export[..], form].concat());
        assert_eq!(code, 0, "{err}");
        assert!(out.contains("engine and trainer agree"), "{out}");
        let (code, out, err) = run(&["inspect", "runs/both/both.mamlet"]);
        assert_eq!(code, 0, "{err}");
        assert!(out.contains("grouped_conv"), "{out}");
    }
}

#[test]
fn runs_of_different_experiments_are_not_joined() {
    let folder = folder();
    std::fs::write(folder.path().join("waves.toml"), config()).unwrap();
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    for (ways, to) in [("inner.steps=2", "runs/a"), ("inner.steps=3", "runs/b")] {
        let (code, _, err) = run(&["train", "waves.toml", "--set", ways, "--run", to]);
        assert_eq!(code, 0, "{err}");
    }
    let (code, _, err) = run(&["join", "runs/a", "runs/b", "--run", "runs/both"]);
    assert_eq!(code, 1);
    assert!(err.contains("inner.steps: 2 -> 3"), "{err}");
    let (code, _, err) = run(&["join", "runs/a", "runs/none", "--run", "runs/both"]);
    assert_eq!(code, 1);
    assert!(err.contains("runs/none"), "{err}");
    assert!(!folder.path().join("runs/both").exists());
}
