//! The data sets that people download, where they are at hand: in the folder that
//! `MAMLET_DATA` names, or in `shared/data` beside the project. Elsewhere these
//! tests say "not run: no data".

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mamlet_trainer::config::Config;
use mamlet_trainer::data::Group;
use mamlet_trainer::tasks::{ImageTasks, Split, TaskDistribution, TasksConfig};

/// The folder of a data set.
fn data(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("MAMLET_DATA").map_or_else(beside, PathBuf::from);
    let folder = folder.join(name);
    if !folder.is_dir() {
        eprintln!("not run: no data ({name})");
        return None;
    }
    Some(folder)
}

/// The tasks of a config of `trainer/configs`, of the data in `folder`.
fn tasks(config: &str, folder: &Path, sets: &[&str]) -> ImageTasks {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("configs")
        .join(config);
    let mut all = vec![format!("tasks.path={}", folder.display())];
    all.extend(sets.iter().map(|set| (*set).to_owned()));
    match Config::load(&path, &all).unwrap().tasks {
        TasksConfig::Omniglot(omniglot) => omniglot.open().unwrap(),
        TasksConfig::Images(images) => images.open().unwrap(),
        _ => panic!("no images"),
    }
}

#[test]
fn omniglot_is_whole() {
    let Some(folder) = data("omniglot") else {
        return;
    };
    let tasks = tasks("paper/omniglot-5way-1shot.toml", &folder, &[]);
    let classes = tasks.bank().classes();
    let of = |group| classes.iter().filter(|class| class.group == group).count();
    assert_eq!([of(Group::Train), of(Group::Test)], [964, 659]);
    assert!(classes.iter().all(|class| class.count == 20));
    let split = |split| tasks.classes_of(split).to_vec();
    let splits = [Split::Train, Split::Validation, Split::Test].map(split);
    assert_eq!(splits.each_ref().map(Vec::len), [1100, 100, 423]);
    let mut all = splits.concat();
    all.sort_unstable();
    assert_eq!(all, (0..1623).collect::<Vec<_>>(), "each in one split");
    // A drawing is mostly paper, which is 0.
    let bytes: Vec<u8> = (0..1000)
        .flat_map(|image| tasks.bank().bytes(image).to_vec())
        .collect();
    let ink = bytes.iter().map(|&byte| f64::from(byte)).sum::<f64>() / 255.0 / bytes.len() as f64;
    assert!((0.05..0.15).contains(&ink), "{ink}");

    let lake = self::tasks(
        "paper/omniglot-5way-1shot.toml",
        &folder,
        &["tasks.split=lake", "tasks.rotations=none"],
    );
    let counts = [Split::Train, Split::Validation, Split::Test]
        .map(|split| lake.class_count(split).unwrap());
    assert_eq!(counts, [864, 100, 659]);
}

#[test]
fn mini_imagenet_is_whole() {
    let Some(folder) = data("miniimagenet") else {
        return;
    };
    // Smaller images, for the test to take less time and memory.
    let tasks = tasks(
        "paper/miniimagenet-5way-1shot.toml",
        &folder,
        &["tasks.size=16"],
    );
    let counts = [Split::Train, Split::Validation, Split::Test]
        .map(|split| tasks.class_count(split).unwrap());
    assert_eq!(counts, [64, 16, 20]);
    let classes = tasks.bank().classes();
    assert!(classes.iter().all(|class| class.count == 600));
}

/// The distribution of a config of `trainer/configs`, of the data in `folder`.
fn opened(config: &str, folder: &Path) -> Arc<dyn TaskDistribution> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("configs")
        .join(config);
    let sets = [format!("tasks.path={}", folder.display())];
    Config::load(&path, &sets).unwrap().tasks.open().unwrap()
}

#[test]
fn ocean_sensors_are_as_their_readme_says() {
    let Some(folder) = data("calibration-ocean") else {
        return;
    };
    for (config, deviation) in [
        ("calibration/calibration-ocean-thermometer.toml", 0.26),
        ("calibration/calibration-ocean-optode.toml", 15.0),
    ] {
        let tasks = opened(config, &folder);
        let scale = tasks.target_scale().unwrap();
        let off = f64::from(scale.deviation) / deviation;
        assert!((0.8..1.2).contains(&off), "{config}: {scale:?}");
        assert_eq!(tasks.check(Split::Test, 5, 20), Ok(()));
    }
}

#[test]
fn dust_sensors_and_rain_gauges_are_whole() {
    if let Some(folder) = data("calibration-purpleair") {
        let tasks = opened("calibration/calibration-purpleair.toml", &folder);
        assert_eq!(tasks.check(Split::Test, 10, 1), Ok(()));
        let scale = tasks.target_scale().unwrap();
        assert!((7.0..12.0).contains(&scale.mean[0]), "{scale:?}");
    }
    if let Some(folder) = data("calibration-raingauge") {
        let tasks = opened("calibration/calibration-raingauge.toml", &folder);
        let scale = tasks.target_scale().unwrap();
        assert!((3.6..3.8).contains(&scale.mean[0]), "{scale:?}");
        assert_eq!(tasks.check(Split::Test, 5, 5), Ok(()));
        assert!(tasks.check(Split::Test, 6, 5).is_err());
    }
}
