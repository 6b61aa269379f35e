//! `mamlet sweep` and `mamlet runs`: each run of a grid is the run that it would be alone.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{folder, mamlet, parts, pasted};

const GRID: &str = "\
config = \"tiny.toml\"
set = [\"meta.tasks=3\"]
[vary]
seed = [1, 2]
\"inner.rate.value\" = [0.01, 0.02]
";

fn with(sweep: &str) -> tempfile::TempDir {
    let folder = folder();
    std::fs::write(folder.path().join("grid.sweep.toml"), sweep).unwrap();
    folder
}

/// The runs in a folder as `mamlet runs` lists them: name, state and best figure.
fn listed(folder: &Path, place: &str) -> Vec<(String, String, f64)> {
    let (code, out, err) = parts(&mamlet(folder, &["runs", place, "--json"]));
    assert_eq!(code, 0, "{err}");
    let all: Value = serde_json::from_str(&out).unwrap();
    let all = all.as_array().unwrap().iter();
    all.map(|run| {
        let name = run["run"].as_str().unwrap().rsplit('/').next().unwrap();
        let state = run["state"].as_str().unwrap();
        let best = run["best"]["value"].as_f64().unwrap();
        (name.to_owned(), state.to_owned(), best)
    })
    .collect()
}

fn metrics(run: &Path) -> Vec<u8> {
    std::fs::read(run.join("metrics.jsonl")).unwrap()
}

#[test]
fn a_grid_is_trained_and_each_of_its_runs_is_as_it_would_be_alone() {
    let folder = with(GRID);
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    let (code, out, err) = run(&["sweep", "grid.sweep.toml", "--jobs", "2", "--json"]);
    assert_eq!(code, 0, "{err}");
    let rows: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 2);
    assert_eq!(rows[1]["choice"], "value=0.02");
    assert_eq!(rows[1]["finished"], 2);

    let alone = [
        "train",
        "tiny.toml",
        "--run",
        "alone",
        "--set",
        "meta.tasks=3",
    ];
    let (code, _, err) = run(&[
        &alone[..],
        &["--set", "seed=2", "--set", "inner.rate.value=0.02"],
    ]
    .concat());
    assert_eq!(code, 0, "{err}");
    let runs = folder.path().join("runs/grid");
    let own = metrics(&runs.join("value=0.02,seed=2"));
    assert_eq!(own, metrics(&folder.path().join("alone")));

    // The table's mean is that of the best validations that the list has.
    let all = listed(folder.path(), "runs");
    assert_eq!(all.len(), 4);
    assert!(all.iter().all(|(_, state, _)| state == "finished"));
    let own: Vec<f64> = (all.iter())
        .filter(|(name, ..)| name.starts_with("value=0.02"))
        .map(|(.., best)| *best)
        .collect();
    let mean = rows[1]["mean"].as_f64().unwrap();
    assert!((mean - (own[0] + own[1]) / 2.0).abs() < 1e-6);
    let least = |run: &Path| {
        let text = String::from_utf8(metrics(run)).unwrap();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        // It is kept by the loss after its own step.
        let losses = lines.filter_map(|line| line["validation"]["mean"][1].as_f64());
        losses.fold(f64::INFINITY, f64::min)
    };
    let best = &all[3];
    assert_eq!(best.2, least(&runs.join(&best.0)));

    // What is there stays.
    let before = std::fs::metadata(runs.join("value=0.01,seed=1/result.json")).unwrap();
    let (code, _, err) = run(&["sweep", "grid.sweep.toml"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("4 of 4 runs have finished before"), "{err}");
    let after = std::fs::metadata(runs.join("value=0.01,seed=1/result.json")).unwrap();
    assert_eq!(before.modified().unwrap(), after.modified().unwrap());
}

#[test]
fn processes_and_jobs_take_their_share() {
    let folder = with(GRID);
    let (code, _, err) = parts(&mamlet(
        folder.path(),
        &["sweep", "grid.sweep.toml", "--cell", "2"],
    ));
    assert_eq!(code, 0, "{err}");
    let names = || -> Vec<String> {
        let all = listed(folder.path(), "runs/grid").into_iter();
        all.map(|(name, ..)| name).collect()
    };
    assert_eq!(names(), ["value=0.02,seed=1"]);

    let second = Command::new(env!("CARGO_BIN_EXE_mamlet"))
        .current_dir(folder.path())
        .env_remove("CARGO_PKG_NAME")
        .envs([("OMPI_COMM_WORLD_RANK", "1"), ("OMPI_COMM_WORLD_SIZE", "2")])
        .args(["sweep", "grid.sweep.toml"])
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(0));
    assert_eq!(
        names(),
        [
            "value=0.01,seed=2",
            "value=0.02,seed=1",
            "value=0.02,seed=2"
        ]
    );

    let (code, _, err) = parts(&mamlet(
        folder.path(),
        &["sweep", "grid.sweep.toml", "--cell", "4"],
    ));
    assert_eq!(code, 2);
    assert!(err.contains("runs 0 to 3"), "{err}");
}

#[cfg(unix)]
#[test]
fn an_array_of_slurm_is_written_and_does_all_of_it() {
    use std::os::unix::fs::PermissionsExt;

    let folder = with(GRID);
    // What sbatch would do, one job after the other.
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let sbatch = "#!/bin/sh\nlast=$(sed -n 's/^#SBATCH --array=0-//p' \"$1\")\n\
                  for k in $(seq 0 $last); do SLURM_ARRAY_TASK_ID=$k sh \"$1\" || exit 1; done\n";
    std::fs::write(bin.join("sbatch"), sbatch).unwrap();
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(bin.join("sbatch"), mode).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let submit = |path: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_mamlet"))
            .current_dir(folder.path())
            .env_remove("CARGO_PKG_NAME")
            .env("PATH", path)
            .args([
                "sweep",
                "grid.sweep.toml",
                "--slurm",
                "--slurm-line",
                "--time=00:10:00",
            ])
            .output()
            .unwrap();
        parts(&output)
    };
    let (code, out, err) = submit(&path);
    assert_eq!(code, 0, "{err}");
    assert_eq!(listed(folder.path(), "runs").len(), 4);
    let script = std::fs::read_to_string(folder.path().join("runs/grid/array.sh")).unwrap();
    assert!(script.contains("#SBATCH --time=00:10:00\n"), "{script}");
    let show = out.lines().last().unwrap().trim();
    let (code, out, err) = parts(&pasted(folder.path(), show));
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("2 of 2"), "{out}");

    let (code, _, err) = submit("/nowhere");
    assert_eq!(code, 1);
    assert!(err.contains("array.sh is written, but sbatch"), "{err}");
}

#[test]
fn what_fails_is_named_and_the_others_are_trained() {
    let folder = with("config = \"tiny.toml\"\n[vary]\n\"meta.rate\" = [0.001, 1e30]\n");
    let (code, out, err) = parts(&mamlet(folder.path(), &["sweep", "grid.sweep.toml"]));
    assert_eq!(code, 1);
    assert!(out.contains("1 of 1") && out.contains("0 of 1"), "{out}");
    assert!(err.contains("run 1, ") && err.contains("diverged"), "{err}");
    let again = err.lines().last().unwrap().trim();
    let (code, _, err) = parts(&pasted(folder.path(), again));
    assert_eq!(code, 1);
    assert!(err.contains("diverged"), "{err}");

    for (text, names) in [
        (
            "config = \"tiny.toml\"\n[vary]\n\"meta.rat\" = [1]\n",
            "run rat=1",
        ),
        ("config = \"none.toml\"\n[vary]\nseed = [1]\n", "none.toml"),
        ("config = \"tiny.toml\"\n[vary]\nseed = []\n", "seed"),
    ] {
        std::fs::write(folder.path().join("grid.sweep.toml"), text).unwrap();
        let (code, _, err) = parts(&mamlet(folder.path(), &["sweep", "grid.sweep.toml"]));
        assert_eq!(code, 2, "{err}");
        assert!(
            err.contains("grid.sweep.toml") && err.contains(names),
            "{err}"
        );
    }
    let (code, _, err) = parts(&mamlet(folder.path(), &["runs", "nowhere"]));
    assert_eq!(code, 2);
    assert!(err.contains("nowhere"), "{err}");
}

#[cfg(unix)]
#[test]
fn a_sweep_that_is_stopped_goes_on() {
    let folder = with(&GRID.replace("[\"meta.tasks=3\"]", "[\"meta.iterations=2000\"]"));
    let mut sweep = Command::new(env!("CARGO_BIN_EXE_mamlet"))
        .current_dir(folder.path())
        .env_remove("CARGO_PKG_NAME")
        .args(["sweep", "grid.sweep.toml", "--jobs", "2"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let first = folder.path().join("runs/grid/value=0.01,seed=1");
    while !first.join("metrics.jsonl").is_file() {
        assert!(sweep.try_wait().unwrap().is_none());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let id = sweep.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(sweep.wait().unwrap().code(), Some(130));
    let stopped = listed(folder.path(), "runs");
    assert!(
        stopped.iter().any(|(_, state, _)| state == "stopped"),
        "{stopped:?}"
    );

    let (code, _, err) = parts(&mamlet(
        folder.path(),
        &["sweep", "grid.sweep.toml", "--jobs", "2"],
    ));
    assert_eq!(code, 0, "{err}");
    let alone = [
        "train",
        "tiny.toml",
        "--run",
        "alone",
        "--set",
        "meta.iterations=2000",
    ];
    let alone = [&alone[..], &["--set", "seed=1"]].concat();
    assert_eq!(parts(&mamlet(folder.path(), &alone)).0, 0);
    assert_eq!(metrics(&first), metrics(&folder.path().join("alone")));
}
