//! What cannot work is said before anything is trained, and so that it can be mended.

use super::{CONFIG, folder, mamlet, parts, pasted};

#[test]
fn runs_of_other_tasks_are_refused_before_baselines_are_trained() {
    let folder = folder();
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    assert_eq!(run(&["train", "tiny.toml"]).0, 0);
    let other = ["--set", "tasks.amplitude=[1,2]", "--run", "runs/other"];
    let (code, _, err) = run(&[&["train", "tiny.toml"], &other[..]].concat());
    assert_eq!(code, 0, "{err}");
    let trained = ["--baselines", "trained", "--tasks", "5"];
    let both = ["evaluate", "runs/tiny", "runs/other"];
    let (code, _, err) = run(&[&both[..], &trained].concat());
    assert_eq!(code, 1);
    assert!(err.contains("different task distributions"), "{err}");
    assert!(!folder.path().join("runs/tiny/baselines").exists());
    let (code, out, err) = run(&[&["evaluate", "runs/tiny"], &trained[..]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("pretrained, fine-tuned"), "{out}");
    assert!(!folder.path().join("runs/tiny/baselines/lock").exists());
}

#[test]
fn sizes_of_another_command_are_refused_before_any_is_trained() {
    let folder = folder();
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    let size = [
        "size",
        "tiny.toml",
        "--shots",
        "3",
        "--steps",
        "1",
        "--tasks",
        "9",
    ];
    let (code, _, err) = run(&[&size[..], &["--widths", "2", "--iterations", "5"]].concat());
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = run(&[&size[..], &["--widths", "1,2", "--iterations", "6"]].concat());
    assert_eq!(code, 1);
    assert!(
        err.contains("width-2") && err.contains("--overwrite"),
        "{err}"
    );
    assert!(!folder.path().join("runs/tiny-size/width-1").exists());
}

#[test]
fn a_config_that_was_checked_can_be_trained() {
    let folder = folder();
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    let data = folder.path().join("data");
    for split in ["train", "val", "test"] {
        for class in 0..3 {
            let folder = data.join(split).join(format!("{split}{class}"));
            std::fs::create_dir_all(&folder).unwrap();
            for image in 0..4u8 {
                let bytes = [&b"P5 2 2 255\n"[..], &[image, 9, 200, class as u8]].concat();
                std::fs::write(folder.join(format!("{image}.pgm")), bytes).unwrap();
            }
        }
    }
    let config = CONFIG
        .replace(
            "\"sinusoid\"",
            "\"images\"\npath = \"data\"\nways = 2\nsize = 2\nchannels = 1",
        )
        .replace("\"mse\"", "\"cross_entropy\"")
        .replace(
            "layers = [{ kind",
            "layers = [{ kind = \"flatten\" }, { kind",
        )
        .replace("out = 1", "out = 2")
        .replace(
            "tasks = 5",
            "tasks = 5\nvalidation_shots = 1\nvalidation_queries = 1",
        );
    std::fs::write(folder.path().join("few.toml"), config).unwrap();
    let cache = ["--cache", "cache"];
    for (sets, says) in [
        // Five support and five query examples of classes of four.
        (&[][..], "10 are needed"),
        (&["meta.shots=2", "meta.queries=2"], ""),
        (
            &[
                "meta.shots=2",
                "meta.queries=2",
                "record.validation_shots=4",
            ],
            "5 are needed",
        ),
        (
            &[
                "meta.shots=2",
                "meta.queries=2",
                "model.head=shared",
                "inner.adapt=head",
                "meta.ways=9",
            ],
            "meta.ways",
        ),
    ] {
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        let check = run(&[&cache[..], &["data", "check", "few.toml"], &sets].concat());
        let train = run(&[&cache[..], &["train", "few.toml", "--overwrite"], &sets].concat());
        let code = i32::from(!says.is_empty());
        for (given, _, err) in [check, train] {
            assert_eq!(given, code, "{says}: {err}");
            assert!(err.contains(says), "{says}: {err}");
            assert!(
                !says.contains("meta.ways") || !err.contains("tasks.ways"),
                "{err}"
            );
        }
    }
    // Six recordings a class are few for a figure, and fewer are taken, as `evaluate` does.
    let steps = [
        "plot",
        "steps",
        "runs/tiny",
        "-o",
        "steps.svg",
        "--tasks",
        "5",
    ];
    let (code, _, err) = run(&[&cache[..], &steps, &["--shots", "1"]].concat());
    assert_eq!(code, 0, "{err}");
    let asked = ["--shots", "1", "--queries", "9"];
    let (code, _, err) = run(&[&cache[..], &steps, &asked].concat());
    assert_eq!(code, 1);
    assert!(err.contains("10 are needed"), "{err}");
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_anything_is_computed() {
    let folder = folder();
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    assert_eq!(run(&["train", "tiny.toml"]).0, 0);
    for (arguments, says) in [
        (&["report", "runs/tiny", "-o", "x.pdf"][..], ".html"),
        (&["report", "runs/tiny", "-o", "no/x.html"], "no folder no"),
        (
            &["plot", "curve", "runs/tiny", "-o", "x.pdf"],
            ".png or .svg",
        ),
        (
            &["export", "runs/tiny", "-o", "no/x.mamlet"],
            "no folder no",
        ),
        (
            &["export", "runs/tiny", "--rate", "-1"],
            "--rate -1: a number above 0",
        ),
        (
            &["episode", "tiny.toml", "-o", "no/x.episodes"],
            "no folder no",
        ),
    ] {
        let (code, _, err) = run(arguments);
        assert_eq!(code, 2, "{arguments:?}: {err}");
        assert!(err.contains(says), "{says}: {err}");
    }
    assert!(!folder.path().join("x.pdf").exists());
}

#[test]
fn what_was_nearly_named_is_proposed() {
    let folder = folder();
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    assert_eq!(run(&["train", "tiny.toml"]).0, 0);
    for (arguments, code, says) in [
        (
            &["evaluate", "runs/tinny"][..],
            1,
            "did you mean runs/tiny?",
        ),
        (&["evaluate", "tiny"], 1, "did you mean runs/tiny?"),
        (&["evaluate", "runs"], 1, "there is runs/tiny"),
        (&["train", "tinny.toml"], 2, "did you mean tiny.toml?"),
        (
            &["train", "--resume", "--run", "runs/tinny"],
            1,
            "did you mean runs/tiny?",
        ),
        (
            &[
                "train",
                "tiny.toml",
                "--run",
                "b",
                "--set",
                "model.from=tiny.toml",
            ],
            1,
            "is a file; a run is",
        ),
        (&["train", "runs/tiny"], 2, "train --resume --run runs/tiny"),
        (
            &["join", "runs/tiny", "runs/tiny", "--run", "b"],
            1,
            "hold the same network",
        ),
    ] {
        let (given, _, err) = run(arguments);
        assert_eq!(given, code, "{arguments:?}: {err}");
        assert!(err.contains(says), "{arguments:?}: {says}: {err}");
    }
}

/// What a command without a run says can be pasted, whatever the config is called.
#[test]
fn the_command_that_trains_can_be_pasted() {
    let folder = folder();
    let name = "it's $HOME; tiny.toml";
    std::fs::write(folder.path().join(name), CONFIG).unwrap();
    let (code, _, err) = parts(&mamlet(folder.path(), &["evaluate", name]));
    assert_eq!(code, 1);
    let command = err.split('`').nth(1).unwrap_or_default();
    let (code, _, err) = parts(&pasted(folder.path(), command));
    assert_eq!(code, 0, "{command}: {err}");
}
