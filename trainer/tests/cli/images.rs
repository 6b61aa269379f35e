//! A folder of images from `mamlet data check` to an artifact, as a user meets
//! it.

use std::path::Path;
use std::process::Command;

use image::{GrayImage, Luma};
use mamlet_formats::{Artifact, Episodes};
use mamlet_trainer::model::TrainedModel;
use serde_json::Value;

use super::parts;

/// Classes of a task are `ways`; training sees four of its five classes at once.
const CONFIG: &str = r#"
name = "tiny"
title = "tiny"
protocol = "own"
method = "maml"

[tasks]
distribution = "images"
path = "data"
ways = 2
size = 8
channels = 1

[tasks.augment]
rotate = 5.0
shift = 0.5

[model]
layers = [
    { kind = "conv", filters = 4, kernel = 3, stride = 2 },
    { kind = "batch_norm", statistics = "stored" },
    { kind = "relu" },
    { kind = "flatten" },
    { kind = "dense", out = 2 },
]
init = { kind = "he" }
head = "shared"

[inner]
loss = "cross_entropy"
steps = 2
rate = { kind = "learned", initial = 0.5, meta_rate = 0.01 }
adapt = "head"

[meta]
iterations = 12
tasks = 4
ways = 4
shots = 1
queries = 2
rate = 0.01
statistics_from = 8

[record]
every = 4
validate_every = 6
validation_tasks = 4
validation_shots = 1
validation_steps = [2]
checkpoint_every = 6
"#;

/// A folder with a config and eleven classes of thirty images: bars at a place of
/// their own.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tiny.toml"), CONFIG).unwrap();
        for (split, classes) in [("train", 0..5), ("val", 5..8), ("test", 8..11)] {
            for class in classes {
                let place = folder.path().join(format!("data/{split}/class{class:02}"));
                std::fs::create_dir_all(&place).unwrap();
                for number in 0..30u32 {
                    let bar = |x: u32, y: u32| match class % 2 {
                        0 => x == class / 2 + 1 || (x + number).is_multiple_of(7),
                        _ => y == class / 2 + 1 || (y * 3 + number).is_multiple_of(7),
                    };
                    let shade = |x, y| Luma([if bar(x, y) { 255 } else { 0 }]);
                    let image = GrayImage::from_fn(8, 8, shade);
                    image.save(place.join(format!("{number:02}.png"))).unwrap();
                }
            }
        }
        Desk(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn mamlet(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_mamlet"))
            .current_dir(self.path())
            .env("MAMLET_CACHE", self.path().join("cache"))
            .env_remove("MAMLET_DATA")
            .args(arguments)
            .output()
            .unwrap();
        parts(&output)
    }

    /// The output of a command that succeeds.
    fn done(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.mamlet(arguments);
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        out
    }
}

/// What training lacks is said beforehand, with the key that helps.
#[test]
fn data_check_finds_what_training_would() {
    let desk = Desk::new();
    let check = ["data", "check", "tiny.toml", "--set"];
    let with = |set: &str| desk.mamlet(&[&check[..], &[set]].concat());
    let (code, out, err) = with("meta.ways=9");
    assert_eq!(code, 1, "{out}");
    let expected = "the train split has 5 classes, but a task needs meta.ways = 9";
    assert!(err.contains(expected), "{err}");

    std::fs::remove_dir_all(desk.path().join("data/val")).unwrap();
    let (code, _, err) = with("meta.ways=3");
    assert_eq!(code, 1);
    assert!(err.contains("the validation split has 0 classes"), "{err}");
    assert!(err.contains("tasks.validation = N"), "{err}");
    let held = ["meta.ways=3", "--set", "tasks.validation=2", "--json"];
    let told: Value = serde_json::from_str(&desk.done(&[&check[..], &held].concat())).unwrap();
    let classes: Vec<&Value> = (told["splits"].as_array().unwrap().iter())
        .map(|split| &split["classes"])
        .collect();
    assert_eq!(classes, [3, 2, 3]);

    let class = desk.path().join("data/test/CLASS08");
    std::fs::create_dir_all(&class).unwrap();
    for number in ["05", "06", "07"] {
        let image = desk.path().join(format!("data/train/class03/{number}.png"));
        std::fs::copy(image, class.join(format!("{number}.png"))).unwrap();
    }
    let (_, out, _) = desk.mamlet(&[&check[..], &held[..3]].concat());
    assert!(
        out.contains("images like one of another class, such as"),
        "{out}"
    );
    assert!(
        out.contains("differ in case or blanks alone: CLASS08 and class08"),
        "{out}"
    );
}

#[test]
fn data_check_says_what_is_there_and_what_is_wrong() {
    let desk = Desk::new();
    let told = desk.done(&["data", "check", "tiny.toml", "--json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    let splits = ["train", "validation", "test"].into_iter().zip([5, 3, 3]);
    for ((split, classes), report) in splits.zip(told["splits"].as_array().unwrap()) {
        assert_eq!(report["split"], split);
        assert_eq!(report["classes"], classes);
        assert_eq!(report["images"], 30 * classes);
        assert_eq!(report["images_of_class"], serde_json::json!([30, 30]));
    }
    assert!(
        desk.done(&["data", "check", "tiny.toml"])
            .contains("validation")
    );

    // The check does not end at the first of them.
    for number in 0..12 {
        let path = desk
            .path()
            .join(format!("data/train/class03/{number:02}.png"));
        std::fs::write(path, b"no image").unwrap();
    }
    let (code, out, err) = desk.mamlet(&["data", "check", "tiny.toml"]);
    assert_eq!(code, 1);
    assert_eq!(out.lines().count(), 12, "{out}");
    for number in 0..12 {
        assert!(out.contains(&format!("class03/{number:02}.png: ")), "{out}");
    }
    assert!(err.contains("12 problems"), "{err}");

    let (code, _, err) = desk.mamlet(&["data", "check", "tiny.toml", "--data", "elsewhere"]);
    assert_eq!(code, 1);
    assert!(err.contains("elsewhere") && err.contains("--data"), "{err}");
    let (code, _, _) = desk.mamlet(&["data", "chekc", "tiny.toml"]);
    assert_eq!(code, 2);
}

#[test]
fn a_shared_head_goes_from_any_number_of_ways_to_any_other() {
    let desk = Desk::new();
    desk.done(&["train", "tiny.toml"]);
    let episodes = ["--tasks", "10", "--shots", "1", "--queries", "3", "--json"];
    for ways in ["2", "3"] {
        let evaluate = ["evaluate", "runs/tiny", "--ways", ways];
        let report = desk.done(&[&evaluate[..], &episodes].concat());
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["ways"].to_string(), ways);
        let before = &report["shots"][0]["methods"][0]["steps"][0];
        // Nothing is known of the classes before the first example.
        let loss = before["loss"]["mean"].as_f64().or(before["mean"].as_f64());
        let expected = ways.parse::<f64>().unwrap().ln();
        assert!((loss.unwrap() - expected).abs() < 1e-4, "{before}");
    }
    let (code, _, err) = desk.mamlet(&["evaluate", "runs/tiny", "--ways", "4"]);
    assert_eq!(code, 1);
    assert!(err.contains("the test split has 3 classes"), "{err}");

    let export = ["export", "runs/tiny", "--safety-tasks", "5"];
    for (ways, adapting) in [("2", 2 * 65), ("3", 3 * 65)] {
        let output = format!("{ways}.mamlet");
        let more = ["--ways", ways, "--output", &output];
        let told = desk.done(&[&export[..], &more].concat());
        assert!(told.contains(&format!("{adapting} of ")), "{told}");
        let bytes = std::fs::read(desk.path().join(output)).unwrap();
        assert!(Artifact::parse(&bytes).is_ok());
    }
}

/// Filters do not depend on the size of an image, what a head weighs does.
#[test]
fn filters_go_on_with_images_of_another_size_and_the_head_starts_anew() {
    let desk = Desk::new();
    let params = |run: &str, sets: &[&str]| -> Vec<Vec<f32>> {
        let mut train = vec!["train", "tiny.toml", "--run", run];
        train.extend(sets.iter().flat_map(|set| ["--set", *set]));
        desk.done(&train);
        TrainedModel::load(&desk.path().join(run)).unwrap().params
    };
    let tiny = params("runs/tiny", &[]);
    // Two iterations that leave everything where it starts, to rounding.
    let start = [
        "tasks.size=4",
        "meta.iterations=2",
        "meta.statistics_from=1",
        "meta.rate=1e-9",
    ];
    let fresh = params("runs/fresh", &start);
    let small = params(
        "runs/small",
        &[&start[..], &["model.from=runs/tiny"]].concat(),
    );
    let same = |a: &[f32], b: &[f32]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6)
    };
    let head = small.len() - 2;
    let body = |of: fn(&[f32], &[f32]) -> bool, other: &[Vec<f32>]| {
        let tensors = small[..head].iter().zip(other);
        tensors.clone().count() == head && tensors.into_iter().all(|(a, b)| of(a, b))
    };
    assert!(body(same, &tiny) && !body(same, &fresh));
    assert!(same(&small[head], &fresh[head]) && !same(&small[head], &tiny[head]));
}

#[test]
fn episodes_for_a_board_are_the_tasks_of_the_tables() {
    let desk = Desk::new();
    let sizes = ["--shots", "1", "--queries", "2"];
    let output = ["--output", "tiny.episodes", "--tasks", "3", "--task", "4"];
    desk.done(&[&["episode", "tiny.toml"], &sizes[..], &output].concat());
    let bytes = std::fs::read(desk.path().join("tiny.episodes")).unwrap();
    let episodes = Episodes::parse(&bytes).unwrap();
    let lines: Vec<Vec<String>> = episodes
        .iter()
        .map(|episode| {
            let line = |(x, y): (Vec<f32>, Vec<f32>)| {
                let numbers: Vec<String> = x.iter().chain(&y).map(f32::to_string).collect();
                numbers.join(",")
            };
            episode.iter().map(line).collect()
        })
        .collect();
    assert_eq!(lines.len(), 3);
    for (task, lines) in ["4", "5", "6"].into_iter().zip(lines) {
        let files = ["--support", "support.csv", "--query", "query.csv"];
        desk.done(
            &[
                &["episode", "tiny.toml", "--task", task],
                &sizes[..],
                &files,
            ]
            .concat(),
        );
        let table = |name: &str| std::fs::read_to_string(desk.path().join(name)).unwrap();
        let both = [table("support.csv"), table("query.csv")];
        let rows = both.iter().flat_map(|table| table.lines().skip(1));
        assert_eq!(rows.collect::<Vec<_>>(), lines);
    }
    let (code, _, err) = desk.mamlet(&["episode", "tiny.toml"]);
    assert_eq!(code, 2);
    assert!(err.contains("--output"), "{err}");
}

#[test]
fn a_classifier_of_all_training_classes_is_fine_tuned() {
    let desk = Desk::new();
    let own = [
        "method=pretraining",
        "model.head=own",
        "inner.steps=0",
        "inner.rate={kind=\"tuned\",candidates=[0.1,1.0]}",
        "inner.adapt=all",
    ];
    let text = CONFIG
        .replace("statistics_from = 8\n", "")
        .replace("ways = 4\n", "");
    std::fs::write(desk.path().join("classifier.toml"), text).unwrap();
    let mut train = vec!["train", "classifier.toml"];
    train.extend(own.iter().flat_map(|set| ["--set", *set]));
    desk.done(&train);
    let evaluate = ["evaluate", "runs/tiny", "--tasks", "6", "--shots", "1"];
    let report =
        desk.done(&[&evaluate[..], &["--steps", "3", "--queries", "3", "--json"]].concat());
    let report: Value = serde_json::from_str(&report).unwrap();
    let methods = report["shots"][0]["methods"].as_array().unwrap();
    let titles: Vec<_> = methods.iter().map(|method| &method["title"]).collect();
    assert_eq!(titles, ["tiny", "tiny, head only"]);
    assert!(
        methods
            .iter()
            .all(|method| method["tuned_rate"].is_number())
    );
}

/// What a device makes of an image by `mamlet_runtime::mirror` is the example that
/// training and evaluation have.
#[test]
fn a_device_is_taught_images_and_their_mirror_images() {
    let desk = Desk::new();
    let mirrored = ["--set", "tasks.mirrored_support=true"];
    desk.done(&[&["train", "tiny.toml"], &mirrored[..]].concat());
    // The same tasks as for a run that has neither them nor distorted images.
    let plain = CONFIG.replace("[tasks.augment]\nrotate = 5.0\nshift = 0.5\n", "");
    assert_ne!(plain, CONFIG);
    std::fs::write(desk.path().join("plain.toml"), plain).unwrap();
    desk.done(&["train", "plain.toml", "--run", "runs/plain"]);
    let compare = ["compare", "runs/plain", "runs/tiny", "--tasks", "6"];
    let sizes = ["--shots", "1,2", "--queries", "3", "--json"];
    let report = desk.done(&[&compare[..], &sizes].concat());
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["tasks"], 6);

    let export = ["export", "runs/tiny", "--safety-tasks", "5", "--shots", "1"];
    let told = desk.done(&export);
    assert!(told.contains("mirror"), "{told}");
    let made = desk.done(&[&export[..], &["--json"]].concat());
    let made: Value = serde_json::from_str(&made).unwrap();
    assert_eq!(made["mirrored_support"], true);
    assert_eq!(made["fit"]["examples"], 4);

    let rows = |config: &str| -> Vec<Vec<f32>> {
        let files = ["--support", "support.csv", "--query", "query.csv"];
        let sizes = ["--shots", "2", "--queries", "1"];
        desk.done(&[&["episode", config], &sizes[..], &files].concat());
        let table = std::fs::read_to_string(desk.path().join("support.csv")).unwrap();
        let rows = table.lines().skip(1);
        rows.map(|row| {
            row.split(',')
                .map(|number| number.parse().unwrap())
                .collect()
        })
        .collect()
    };
    let (plain, both) = (rows("tiny.toml"), rows("runs/tiny"));
    let taught = plain.chunks_exact(2).flat_map(|shot| {
        let mut reflections = shot.to_vec();
        for row in &mut reflections {
            mamlet_runtime::mirror(&mut row[..64], 8, 1);
        }
        [shot.to_vec(), reflections].concat()
    });
    assert_eq!(both, taught.collect::<Vec<_>>());
}
