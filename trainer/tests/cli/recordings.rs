//! Commands on data that was measured: CSV files of people.

use std::path::Path;

use serde_json::Value;

use super::{CONFIG, folder, mamlet, parts};

/// Classes of five recordings each, by three people in every split: a ramp whose
/// slope is the class.
fn recordings(folder: &Path) {
    for (split, first) in [("train", 0), ("val", 4), ("test", 8)] {
        let split = folder.join("data").join(split);
        std::fs::create_dir_all(&split).unwrap();
        for user in ["ann", "bob", "<i>eve</i>"] {
            let mut text = "take,what,x\n".to_owned();
            for (class, take) in (0..4).flat_map(|class| (0..2).map(move |take| (class, take))) {
                for row in 0..8 {
                    text += &format!("{take},c{},{}\n", first + class, (class - 2) * row + take);
                }
            }
            let name = user.replace('/', "");
            std::fs::write(split.join(format!("{name}.csv")), text).unwrap();
        }
    }
    let config = CONFIG
        .replace(
            "\"sinusoid\"",
            "\"recordings\"\npath = \"data\"\ntask = \"new_classes\"\nways = 3\n\
             channels = [\"x\"]\nlength = 8\n\
             layout = { label = \"what\", recording = [\"take\"], rate = 10.0, files = \"*.csv\" }",
        )
        .replace("\"mse\"", "\"cross_entropy\"")
        .replace("queries = 5", "queries = 1")
        .replace("shots = 5", "shots = 2")
        .replace(
            "validation_tasks = 5",
            "validation_tasks = 5\nvalidation_shots = 1\nvalidation_queries = 2",
        )
        .replace("out = 1", "out = 3");
    std::fs::write(folder.join("classes.toml"), config).unwrap();
}

/// Users, classes and what is mixed up come from the data; six recordings of a class
/// are too few for the usual numbers, and fewer are taken.
#[test]
fn a_report_is_one_page_of_the_run() {
    let folder = folder();
    recordings(folder.path());
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    let (code, _, err) = run(&["report", "classes.toml"]);
    assert_eq!(code, 1);
    assert!(err.contains("mamlet train classes.toml"), "{err}");
    let (code, _, err) = run(&["train", "classes.toml"]);
    assert_eq!(code, 0, "{err}");
    let (code, out, err) = run(&["evaluate", "classes.toml", "--tasks", "12"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("nearest neighbour"), "{out}");
    let validation = [
        "--tasks",
        "12",
        "--split",
        "validation",
        "--baselines",
        "none",
    ];
    let (code, out, err) = run(&[&["evaluate", "classes.toml"], &validation[..]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("12 validation tasks"), "{out}");
    let (code, out, err) = run(&["report", "classes.toml", "--tasks", "12"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(out.trim(), "runs/tiny/report.html");
    let page = std::fs::read_to_string(folder.path().join("runs/tiny/report.html")).unwrap();
    for part in [
        "By user",
        "By class",
        "On a board",
        "nrf52840",
        "Mixed up most",
        "c11",
        "mamlet report classes.toml --tasks 12",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains("&lt;i&gt;eve") && !page.contains("<i>"));
    assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("url("));

    let (code, out, err) = run(&["report", "classes.toml", "--tasks", "12", "--json"]);
    assert_eq!(code, 0, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["details"][0]["users"].as_array().unwrap().len(), 3);
    let after = &report["details"][0]["all"]["after"]["mean"];
    let told = format!("{:.1}", 100.0 * after.as_f64().unwrap());
    assert!(page.contains(&told), "{told}");
    assert!(report["deployment"]["exported"]["bytes"].as_u64().unwrap() > 100);

    let from = ["--set", "model.from=runs/tiny", "--run", "runs/second"];
    let (code, _, err) = run(&[&["train", "classes.toml"], &from[..]].concat());
    assert_eq!(code, 0, "{err}");

    let (code, _, err) = run(&["report", "runs/none"]);
    assert_eq!(code, 1);
    assert!(
        err.contains("neither a run directory nor a config"),
        "{err}"
    );
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let (code, _, err) = run(&["report", "empty"]);
    assert_eq!(code, 1);
    assert!(err.contains("mamlet train"), "{err}");
    std::fs::remove_dir_all(folder.path().join("runs/tiny/checkpoints")).unwrap();
    let (code, _, err) = run(&["report", "runs/tiny"]);
    assert_eq!(code, 1);
    assert!(err.contains("no checkpoint yet"), "{err}");
}

/// Where nothing is chosen on the validation split it may have too few classes.
#[test]
fn the_validation_split_is_needed_only_where_something_is_chosen_on_it() {
    let folder = folder();
    recordings(folder.path());
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    let (code, _, err) = run(&["train", "classes.toml"]);
    assert_eq!(code, 0, "{err}");
    let two = "take,what,x\n0,c4,1\n0,c4,2\n0,c5,3\n0,c5,1\n";
    for user in std::fs::read_dir(folder.path().join("data/val")).unwrap() {
        std::fs::write(user.unwrap().path(), two).unwrap();
    }
    let evaluate = ["evaluate", "classes.toml", "--tasks", "6", "--baselines"];
    let (code, out, err) = run(&[&evaluate[..], &["none"]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("6 test tasks"), "{out}");
    // Baselines choose on training tasks then.
    let (code, out, err) = run(&[&evaluate[..], &["simple"]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("nearest neighbour"), "{out}");
    // Training needs it, and the check says so beforehand.
    for command in [
        &["data", "check", "classes.toml"][..],
        &["train", "classes.toml", "--overwrite"],
    ] {
        let (code, _, err) = run(command);
        assert_eq!(code, 1, "{command:?}");
        assert!(err.contains("the validation split has 2 classes"), "{err}");
    }
}

/// How training examples were changed is no part of the tasks that runs are evaluated on.
#[test]
fn runs_that_differ_in_augmentation_compare() {
    let folder = folder();
    recordings(folder.path());
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    let (code, _, err) = run(&["train", "classes.toml"]);
    assert_eq!(code, 0, "{err}");
    let noisy = ["--run", "noisy", "--set", "name=noisy", "--set"];
    let noise = ["tasks.augment.noise=0.5"];
    let (code, _, err) = run(&[&["train", "classes.toml"], &noisy[..], &noise].concat());
    assert_eq!(code, 0, "{err}");
    let sizes = ["--tasks", "12", "--shots", "1", "--queries", "2", "--json"];
    let (code, out, err) = run(&[&["compare", "classes.toml", "noisy"], &sizes[..]].concat());
    assert_eq!(code, 0, "{err}");
    let told: Value = serde_json::from_str(&out).unwrap();
    let runs = told["sets"][0]["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2, "{out}");
    assert!(runs[1]["difference"]["mean"].is_number(), "{out}");
}

/// Three people, four classes, three takes of each, from a watch.
fn watch(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for user in ["ann", "bob", "eve"] {
        let mut text = "take,what,AccX,AccY,AccZ,note\n".to_owned();
        for (class, take) in (0..4).flat_map(|class| (0..3).map(move |take| (class, take))) {
            for row in 0..8 {
                let x = (class - 2) * row + take;
                text += &format!("{take},c{class},{x},{row},{take},ok\n");
            }
        }
        std::fs::write(folder.join(format!("{user}.csv")), text).unwrap();
    }
}

#[test]
fn a_folder_of_recordings_becomes_a_run() {
    let folder = folder();
    let data = folder.path().join("My watch");
    watch(&data);
    let run = |arguments: &[&str]| parts(&mamlet(folder.path(), arguments));
    let (code, out, err) = run(&["data", "check", "My watch"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("recordings.toml is not there"), "{out}");
    assert!(out.contains("\nlabel = \"what\""), "{out}");
    assert!(out.contains("\nrecording = [\"take\"]"), "{out}");

    let layout = "label = \"what\"\nrecording = [\"take\"]\nrate = 4.0\n";
    std::fs::write(data.join("recordings.toml"), layout).unwrap();
    let (code, out, err) = run(&["data", "check", "My watch"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("c3              9      3     8      2.0\n"),
        "{out}"
    );
    assert!(
        out.contains("channels AccX, AccY, AccZ, 4 rows a second"),
        "{out}"
    );
    assert!(out.contains("no numbers: note\n"), "{out}");
    let (code, out, err) = run(&["data", "check", "My watch", "--json"]);
    assert_eq!(code, 0, "{err}");
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["classes"][3]["recordings"], 9);

    let write = ["data", "check", "My watch", "--write", "mine.toml"];
    let (code, out, err) = run(&write);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("mamlet train mine.toml`"), "{out}");
    let (code, _, err) = run(&write);
    assert_eq!(code, 1, "nothing is overwritten");
    assert!(err.contains("mine.toml exists"), "{err}");
    let short = [
        "meta.iterations=2",
        "meta.tasks=1",
        "record.validation_tasks=2",
    ];
    let short = short.iter().flat_map(|set| ["--set", set]);
    let train: Vec<&str> = ["train", "mine.toml"].into_iter().chain(short).collect();
    let (code, _, err) = run(&train);
    assert_eq!(code, 0, "{err}");
    assert!(folder.path().join("runs/mine/result.json").is_file());

    std::fs::write(
        data.join("bob.csv"),
        "take,what,AccX,AccY,AccZ,note\n0,c1,?,0,0,ok\n",
    )
    .unwrap();
    let (code, out, err) = run(&["data", "check", "My watch"]);
    assert_eq!(code, 1);
    assert!(
        out.contains("bob.csv, line 2: AccX is \"?\", no number\n"),
        "{out}"
    );
    assert!(err.contains("named above"), "{err}");
}
