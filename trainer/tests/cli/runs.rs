//! Runs that are not lost and not mixed: one writer, the data they were started on, an old run
//! that stands until a new one does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{CONFIG, folder, mamlet, parts, pasted};

/// Recordings of `users` people, each with three classes of six recordings.
fn record(folder: &Path, users: usize, factor: f32) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(
        folder.join("recordings.toml"),
        "label = \"label\"\nrecording = [\"take\"]\nrate = 10.0\n",
    )
    .unwrap();
    for user in 0..users {
        let mut text = "label,take,x,y\n".to_owned();
        for class in 0..3 {
            for take in 0..6 {
                for row in 0..8 {
                    let phase = (user + 2 * take) as f32 * 0.3 + row as f32 * (class + 1) as f32;
                    let (x, y) = (factor * phase.sin(), factor * phase.cos());
                    text += &format!("c{class},{class}-{take},{x:.4},{y:.4}\n");
                }
            }
        }
        std::fs::write(folder.join(format!("user{user}.csv")), text).unwrap();
    }
}

/// A config of those recordings.
fn recorded() -> String {
    CONFIG
        .replace(
            "distribution = \"sinusoid\"",
            "distribution = \"recordings\"\npath = \"data\"\nways = 2\nlength = 8\nchannels = \
             [\"x\", \"y\"]\ntask = \"new_user\"\nusers = [3, 1, 1]",
        )
        .replace("\"mse\"", "\"cross_entropy\"")
        .replace(
            "layers = [{ kind",
            "layers = [{ kind = \"flatten\" }, { kind",
        )
        .replace("out = 1", "out = 2")
        .replace("shots = 5\nqueries = 5", "shots = 2\nqueries = 2")
        .replace(
            "validation_tasks = 5",
            "validation_tasks = 5\nvalidation_shots = 2\nvalidation_queries = 2",
        )
}

fn with_recordings() -> tempfile::TempDir {
    let folder = folder();
    record(&folder.path().join("data"), 5, 1.0);
    std::fs::write(folder.path().join("rec.toml"), recorded()).unwrap();
    folder
}

/// Every file below a folder, with its bytes.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => left.push(path),
                false => {
                    let bytes = std::fs::read(&path).unwrap();
                    all.insert(path, bytes);
                }
            }
        }
    }
    all
}

/// A training that goes on until it is stopped, once it has written some metrics.
#[cfg(unix)]
fn started(folder: &Path, run: &str, more: &[&str]) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mamlet"))
        .current_dir(folder)
        .env_remove("CARGO_PKG_NAME")
        .args(["train", "tiny.toml", "--run", run])
        .args(more)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let metrics = folder.join(run).join("metrics.jsonl");
    while std::fs::read_to_string(&metrics).map_or(0, |text| text.lines().count()) < 3 {
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended before it was stopped: {ended:?}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args([name, &id]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn a_run_that_has_ended_stays_as_it_is() {
    let folder = folder();
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    assert_eq!(run(&["train", "tiny.toml", "--run", "a run"]).0, 0);
    let path = folder.path().join("a run");
    let before = contents(&path);
    let (code, out, err) = run(&["train", "--resume", "--run", "a run"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("has ended: 20 iterations"), "{out}");
    assert_eq!(contents(&path), before);
    let (_, json, _) = run(&["train", "tiny.toml", "--resume", "--run", "a run", "--json"]);
    let outcome: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(outcome["iterations_here"], 20);
    // Every command that is told runs as it stands, the folder's blank included.
    let commands: Vec<&str> = out.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(commands.len(), 3, "{out}");
    for command in commands {
        let (code, _, err) = parts(&pasted(folder.path(), command));
        assert_eq!(code, 0, "{command}: {err}");
    }
    let longer = std::fs::read_to_string(folder.path().join("a run-longer/result.json")).unwrap();
    assert!(longer.contains("\"iterations\": 40"), "{longer}");
}

#[test]
fn what_a_run_needs_is_there_before_anything_is_made_or_deleted() {
    let folder = with_recordings();
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    let (code, _, err) = run(&["train", "rec.toml", "--data", "nowhere"]);
    assert_eq!(code, 1);
    assert!(err.contains("nowhere"), "{err}");
    assert!(!folder.path().join("runs").exists());

    assert_eq!(run(&["train", "rec.toml"]).0, 0);
    let before = contents(&folder.path().join("runs"));
    let (code, _, err) = run(&["train", "rec.toml", "--overwrite", "--data", "nowhere"]);
    assert_eq!(code, 1);
    assert!(err.contains("nowhere"), "{err}");
    assert_eq!(contents(&folder.path().join("runs")), before);

    let again = ["train", "rec.toml", "--overwrite", "--set", "seed=2"];
    let (code, _, err) = run(&again);
    assert_eq!(code, 0, "{err}");
    let after = contents(&folder.path().join("runs"));
    let names = |all: &BTreeMap<PathBuf, Vec<u8>>| all.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&after), names(&before));
    assert_ne!(after, before);
}

/// Whoever takes the place of a run can be stopped at any point: the old one stands, or the
/// new one.
#[test]
fn a_training_that_failed_is_in_nobodys_way() {
    let folder = folder();
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    // As a process leaves it that is killed before the first checkpoint.
    let place = folder.path().join("runs/tiny");
    std::fs::create_dir_all(place.join(".new/checkpoints")).unwrap();
    std::fs::write(place.join(".new/config.toml"), "half").unwrap();
    std::fs::write(place.join("lock"), "process 1").unwrap();
    let (code, _, err) = run(&["train", "tiny.toml"]);
    assert_eq!(code, 0, "{err}");
    let whole = contents(&place);

    // And on its way from beside to its place.
    let moving = place.join(".moving");
    std::fs::create_dir_all(moving.join("checkpoints")).unwrap();
    for name in ["config.toml", "metrics.jsonl", "checkpoints/000000020.ckpt"] {
        std::fs::rename(place.join(name), moving.join(name)).unwrap();
    }
    let (code, _, err) = run(&["evaluate", "runs/tiny", "--tasks", "5"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(contents(&place), whole);
}

#[cfg(unix)]
#[test]
fn a_folder_has_one_writer() {
    let folder = folder();
    let long = [
        "--set",
        "meta.iterations=100000000",
        "--set",
        "record.every=10",
    ];
    let mut first = started(folder.path(), "here", &long);
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    let process = format!("process {}", first.id());
    let seed = ["train", "tiny.toml", "--run", "here", "--set", "seed=9"];
    for more in [&["--overwrite"][..], &["--resume"], &[]] {
        let (code, _, err) = run(&[&seed[..], more].concat());
        assert_eq!(code, 1, "{more:?}");
        for part in [&process, "tiny.toml", "since 2"] {
            assert!(err.contains(part), "{more:?}: {part}: {err}");
        }
    }
    // Reading is free.
    assert_eq!(run(&["evaluate", "here", "--tasks", "5"]).0, 0);
    let config = std::fs::read_to_string(folder.path().join("here/config.toml")).unwrap();
    assert!(config.contains("seed = 1"), "{config}");

    // Whoever is dead holds nothing.
    signal(&first, "-KILL");
    first.wait().unwrap();
    assert!(folder.path().join("here/lock").exists());
    let (code, _, err) = run(&[&seed[..], &["--overwrite"]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(!folder.path().join("here/lock").exists());
}

/// Ctrl-C, SIGTERM and SIGHUP leave a checkpoint and say how to go on, which gives the bytes
/// of an uninterrupted run.
#[cfg(unix)]
#[test]
fn a_run_that_was_told_to_end_goes_on_where_it_stopped() {
    use std::io::Read;

    let folder = folder();
    let long = [
        "--set",
        "meta.iterations=20000",
        "--set",
        "record.every=100",
    ];
    let whole = [&["train", "tiny.toml", "--run", "whole"], &long[..]].concat();
    assert_eq!(parts(&mamlet(folder.path(), &whole)).0, 0);
    for name in ["-INT", "-TERM", "-HUP"] {
        let run = format!("it's{name}");
        let mut child = started(folder.path(), &run, &long);
        signal(&child, name);
        let mut err = String::new();
        let mut output = child.stderr.take().unwrap();
        output.read_to_string(&mut err).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{err}");
        let command = err.lines().rfind(|line| line.starts_with("  ")).unwrap();
        let (code, _, err) = parts(&pasted(folder.path(), command));
        assert_eq!(code, 0, "{command}: {err}");
        for file in ["metrics.jsonl", "checkpoints/000020000.ckpt"] {
            let read = |run: &str| std::fs::read(folder.path().join(run).join(file)).unwrap();
            assert_eq!(read("whole"), read(&run), "{file}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_run_goes_on_with_its_own_data_alone() {
    let folder = with_recordings();
    let long = ["--set", "meta.iterations=4000", "--set", "record.every=10"];
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    let mut child = {
        std::fs::rename(
            folder.path().join("rec.toml"),
            folder.path().join("tiny.toml"),
        )
        .unwrap();
        started(folder.path(), "part", &long)
    };
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let data = folder.path().join("data");
    let moved = folder.path().join("elsewhere");

    record(&data, 5, 9.81);
    let resume = ["train", "--resume", "--run", "part"];
    let before = contents(&folder.path().join("part"));
    let (code, _, err) = run(&resume);
    assert_eq!(code, 1);
    for part in ["data differs", "user user0", "18 recordings"] {
        assert!(err.contains(part), "{part}: {err}");
    }
    // The cause comes first, and what failed is not told again.
    assert!(err.starts_with("error: the data differs"), "{err}");
    for wrong in ["resuming", "training stopped", "--resume"] {
        assert!(!err.contains(wrong), "{wrong}: {err}");
    }
    assert_eq!(contents(&folder.path().join("part")), before);
    let commands: Vec<_> = err.lines().filter(|line| line.contains("--run")).collect();
    let [elsewhere, in_place] = commands[..] else {
        panic!("{err}");
    };
    assert!(in_place.contains("--overwrite"), "{err}");
    let short = format!("{elsewhere} --set meta.iterations=5");
    let (code, _, err) = parts(&pasted(folder.path(), &short));
    assert_eq!(code, 0, "{short}: {err}");
    assert_eq!(contents(&folder.path().join("part")), before);
    let evaluate = [
        "evaluate",
        "part",
        "--tasks",
        "5",
        "--shots",
        "1",
        "--queries",
        "1",
    ];
    let (code, _, err) = run(&evaluate);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("warning: the data differs"), "{err}");

    // The same data in another place is the same.
    record(&moved, 5, 1.0);
    let (code, _, err) = run(&[&resume[..], &["--data", "elsewhere"]].concat());
    assert_eq!(code, 0, "{err}");
    let (_, _, err) = run(&[&evaluate[..], &["--data", "elsewhere"]].concat());
    assert!(!err.contains("warning"), "{err}");

    // A run from before there were digests goes on, with a word about it.
    let old = folder.path().join("part");
    std::fs::remove_file(old.join("data.json")).unwrap();
    std::fs::remove_file(old.join("result.json")).unwrap();
    let (code, _, err) = run(&resume);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("does not say what its data was"), "{err}");
}

#[test]
fn a_diverging_run_is_told_a_command_that_works() {
    for (set, key) in [
        ("meta.rate=1e30", "meta.rate"),
        ("inner.rate.value=1e18", "inner.rate.value"),
    ] {
        let folder = folder();
        let more = ["--set", "meta.optimiser=sgd", "--set", set];
        let train = [&["train", "tiny.toml", "--run", "a b"], &more[..]].concat();
        let (code, _, err) = parts(&mamlet(folder.path(), &train));
        assert_eq!(code, 1, "{set}: {err}");
        assert!(
            err.contains("diverged") && !err.contains("--resume"),
            "{err}"
        );
        let mut command = err.lines().last().unwrap().to_owned();
        // As often as it takes: each is one that is not refused.
        for _ in 0..40 {
            let set = format!("{key}=");
            assert_eq!(command.matches(&set).count(), 1, "{command}");
            let (code, out, err) = parts(&pasted(folder.path(), &command));
            if code == 0 {
                assert!(out.contains("20 iterations"), "{out}");
                command.clear();
                break;
            }
            assert!(err.contains("diverged"), "{command}: {err}");
            command = err.lines().last().unwrap().to_owned();
        }
        assert!(command.is_empty(), "it never worked: {command}");
    }
}

#[test]
fn a_result_that_is_lost_is_named_and_made_again() {
    let folder = folder();
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    for run_of in ["a b", "other"] {
        let (code, _, err) = run(&["train", "tiny.toml", "--run", run_of]);
        assert_eq!(code, 0, "{err}");
    }
    let newest = folder.path().join("a b/checkpoints/000000020.ckpt");
    let whole = std::fs::read(&newest).unwrap();
    let mut bytes = whole.clone();
    bytes[50] ^= 1;
    for (damage, word) in [(Some(bytes), "damaged"), (None, "missing")] {
        match damage {
            Some(bytes) => std::fs::write(&newest, bytes).unwrap(),
            None => std::fs::remove_file(&newest).unwrap(),
        }
        let before = contents(folder.path());
        let mut said = String::new();
        for arguments in [
            &["evaluate", "a b", "--tasks", "5"][..],
            &["export", "a b", "--safety-tasks", "0"],
            &["report", "a b", "--tasks", "5"],
            &["compare", "other", "a b", "--tasks", "5"],
            &["join", "other", "a b", "--run", "joined"],
        ] {
            let (code, out, err) = run(arguments);
            assert_eq!((code, &out[..]), (1, ""), "{arguments:?}: {err}");
            let named = format!("000000020.ckpt is {word}");
            assert_eq!(err.matches(&named).count(), 1, "{arguments:?}: {err}");
            assert!(!err.contains("is used"), "{arguments:?}: {err}");
            said = err;
        }
        assert_eq!(contents(folder.path()), before);
        let command = said.split('`').nth(1).unwrap();
        let (code, _, err) = parts(&pasted(folder.path(), command));
        assert_eq!(code, 0, "{command}: {err}");
        assert_eq!(std::fs::read(&newest).unwrap(), whole);
        let (code, _, err) = run(&["evaluate", "a b", "--tasks", "5"]);
        assert_eq!(code, 0, "{err}");
    }
}

#[test]
fn a_damaged_checkpoint_of_an_unfinished_run_is_named() {
    let folder = folder();
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    let often = ["--set", "record.checkpoint_every=5"];
    assert_eq!(run(&[&["train", "tiny.toml"], &often[..]].concat()).0, 0);
    let place = folder.path().join("runs/tiny");
    let newest = place.join("checkpoints/000000020.ckpt");
    let whole = std::fs::read(&newest).unwrap();
    let mut bytes = whole.clone();
    bytes[50] ^= 1;
    std::fs::write(&newest, &bytes).unwrap();
    // As a process leaves it that is killed before it has recorded its end.
    std::fs::remove_file(place.join("result.json")).unwrap();
    for arguments in [
        &["evaluate", "runs/tiny", "--tasks", "5"][..],
        &["export", "runs/tiny", "--safety-tasks", "0"],
        &["train", "--resume", "--run", "runs/tiny"],
    ] {
        let (code, _, err) = run(arguments);
        assert_eq!(code, 0, "{err}");
        assert_eq!(err.matches("000000020.ckpt is damaged").count(), 1, "{err}");
        assert!(err.contains("that of iteration 15 is used"), "{err}");
    }
    // It was trained to its end again.
    assert_eq!(std::fs::read(&newest).unwrap(), whole);
}

#[test]
fn changes_of_a_resumed_run_are_not_passed_over() {
    let folder = folder();
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    assert_eq!(run(&["train", "tiny.toml"]).0, 0);
    let resume = ["train", "--resume", "--run", "runs/tiny", "--set"];
    let (code, _, err) = run(&[&resume[..], &["meta.tasks=3"]].concat());
    assert_eq!(code, 1);
    assert!(err.contains("meta.tasks: 2 -> 3"), "{err}");
    assert_eq!(run(&[&resume[..], &["meta.tasks=2"]].concat()).0, 0);
}
