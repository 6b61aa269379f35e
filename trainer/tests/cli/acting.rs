//! Policies from outside: every command on a small one, and what is refused.

use std::path::Path;

use serde_json::Value;

use super::{mamlet, parts};

const CONFIG: &str = r#"
name = "point"
title = "a point"
protocol = "own"
method = "maml"

[tasks]
distribution = "navigation"
horizon = 12

[model]
layers = [
    { kind = "dense", out = 6 },
    { kind = "tanh" },
    { kind = "dense", out = 2 },
    { kind = "context", size = 2, initial = -1.0 },
]
init = { kind = "glorot" }

[inner]
loss = "gaussian_policy"
steps = 1
rate = { kind = "learned", initial = 0.1, meta_rate = 0.01 }

[meta]
iterations = 4
tasks = 3
shots = 4
queries = 4

[record]
every = 2
validate_every = 4
validation_tasks = 3
validation_shots = 4
checkpoint_every = 2
"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("point.toml"), CONFIG).unwrap();
    folder
}

fn done(folder: &Path, arguments: &[&str]) -> [String; 2] {
    let (code, out, err) = parts(&mamlet(folder, arguments));
    assert_eq!(code, 0, "{arguments:?}: {err}");
    [out, err]
}

#[test]
fn a_policy_goes_through_every_command() {
    let folder = folder();
    let at = folder.path();
    let [_, err] = done(at, &["train", "point.toml"]);
    for part in ["before", "after", "environment steps/s"] {
        assert!(err.contains(part), "{part}: {err}");
    }
    let lines = std::fs::read_to_string(at.join("runs/point/metrics.jsonl")).unwrap();
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last["returns"]["mean"].as_array().unwrap().len(), 2);
    // A point cannot get to its goal in so few steps but for a lucky few.
    let taken = last["returns"]["environment_steps"].as_u64().unwrap();
    assert!(taken <= 4 * 3 * 8 * 12 && taken > 4 * 3 * 8 * 6, "{taken}");

    let evaluate = [
        "evaluate",
        "runs/point",
        "--tasks",
        "4",
        "--shots",
        "4",
        "--json",
    ];
    let [out, _] = done(at, &evaluate);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["acts"], true);
    let steps = &report["shots"][0]["methods"][0]["steps"];
    assert_eq!(steps.as_array().unwrap().len(), 4);
    assert!(
        steps
            .as_array()
            .unwrap()
            .iter()
            .all(|step| step["mean"].as_f64().unwrap() < 0.0)
    );
    let [again, _] = done(at, &evaluate);
    assert_eq!(out, again);

    let trained = [
        "evaluate",
        "runs/point",
        "--tasks",
        "4",
        "--baselines",
        "trained",
    ];
    let [out, _] = done(at, &trained);
    for part in [
        "from scratch",
        "pretrained",
        "rollouts a step",
        "meta-learning",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    for figure in ["curve", "steps", "paths"] {
        let file = format!("{figure}.svg");
        let mut arguments = vec!["plot", figure, "runs/point", "-o", &file];
        if figure == "steps" {
            arguments.extend(["--tasks", "3", "--shots", "4", "--steps", "2"]);
        }
        done(at, &arguments);
        let drawn = std::fs::read_to_string(at.join(&file)).unwrap();
        assert!(drawn.contains("</svg>"), "{figure}");
    }
    done(
        at,
        &["report", "runs/point", "--tasks", "3", "--shots", "4"],
    );
    let page = std::fs::read_to_string(at.join("runs/point/report.html")).unwrap();
    assert!(page.contains("return") && !page.contains("query loss"));

    let [out, _] = done(at, &["export", "runs/point", "--shots", "1", "--json"]);
    let written: Value = serde_json::from_str(&out).unwrap();
    let file = mamlet_simulator::file::ArtifactFile::read(
        &at.join(
            written["file"]
                .as_str()
                .unwrap_or("runs/point/point.mamlet"),
        ),
    )
    .unwrap();
    let policy = file.artifact().unwrap().policy().unwrap();
    assert_eq!((policy.horizon, policy.episodes), (12, 4));
    assert!((policy.discount - 0.99).abs() < 1e-6);
}

#[test]
fn what_does_not_go_with_a_policy_is_named() {
    let folder = folder();
    let at = folder.path();
    for (set, parts_of) in [
        ("inner.loss=mse", ["inner.loss", "gaussian_policy"]),
        ("inner.reduction=sum", ["inner.reduction", "mean"]),
        ("method=reptile", ["reptile", "table"]),
        ("meta.ema=0.9", ["meta.ema", "policy acts"]),
        ("policy.discount=1.5", ["policy.discount", "up to 1"]),
        ("policy.outer.kind=ppo", ["policy.outer", "trpo"]),
        ("meta.queries=100000", ["meta.queries", "at most 4096"]),
        ("tasks.horizon=0", ["tasks.horizon", "1 to 100000"]),
        ("method=oracle", ["tasks.inputs", "observation_and_task"]),
        ("tasks.goal=[1.0,0.0]", ["tasks.goal", "low <= high"]),
    ] {
        let (code, _, err) = parts(&mamlet(at, &["train", "point.toml", "--set", set]));
        assert_eq!(code, 2, "{set}: {err}");
        for part in parts_of {
            assert!(err.contains(part), "{set}, {part}: {err}");
        }
    }
    done(at, &["train", "point.toml"]);
    for (arguments, part) in [
        (
            ["evaluate", "runs/point", "--baselines", "simple"],
            "trained",
        ),
        (
            ["plot", "sinusoids", "runs/point", "--output=x.svg"],
            "sinusoids",
        ),
        (
            ["episode", "runs/point", "--shots=1", "--output=x"],
            "a policy acts",
        ),
    ] {
        let (code, _, err) = parts(&mamlet(at, &arguments));
        assert!(code != 0 && err.contains(part), "{arguments:?}: {err}");
    }
}
