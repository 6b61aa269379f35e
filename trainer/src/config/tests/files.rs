//! Configs that are files: those that extend another, and those that come along.

use std::path::{Path, PathBuf};

use super::*;
use crate::nn::Statistics;

/// A folder with the tests' experiment as `base.toml`, and other files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("base.toml"), GOOD).unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

const CHILD: &str = "name = \"child\"
title = \"Child\"
extends = \"base.toml\"

[inner]
rate = { kind = \"learned\", initial = 0.1, meta_rate = 0.01 }
[meta]
tasks = 3
";

#[test]
fn a_file_may_say_only_what_differs_from_another() {
    let grandchild = "name = \"grandchild\"
title = \"Grandchild\"
extends = \"child.toml\"
inner.rate.initial = 0.2
model.layers = [{ kind = \"dense\", out = 1 }]
";
    let folder = folder(&[("child.toml", CHILD), ("grandchild.toml", grandchild)]);
    let load = |name: &str, sets: &[String]| Config::load(&folder.path().join(name), sets).unwrap();
    let rate = |initial| RateConfig::Learned {
        initial,
        initial_body: None,
        meta_rate: 0.01,
        per: crate::meta::RatePer::Tensor,
        per_step: true,
    };
    let child = load("child.toml", &[]);
    let mut expected = config(&["meta.tasks=3", "name=child", "title=Child"]);
    expected.inner.rate = rate(0.1);
    assert_eq!(child, expected);
    // The resolved file needs no other.
    let resolved = Config::parse(&child.to_toml(), "resolved", &[]).unwrap();
    assert_eq!(resolved, child);

    let grandchild = load("grandchild.toml", &["meta.queries=9".into()]);
    assert_eq!(grandchild.inner.rate, rate(0.2));
    assert_eq!((grandchild.meta.tasks, grandchild.meta.queries), (3, 9));
    assert_eq!(grandchild.model.layers.len(), 1);
}

#[test]
fn errors_name_the_file_that_they_stand_in() {
    let fault = |child: &str, base: &str, sets: &[String]| -> String {
        let folder = folder(&[("child.toml", child), ("base.toml", base)]);
        let path = folder.path().join("child.toml");
        let message = Config::load(&path, sets).unwrap_err().to_string();
        message.replace(&format!("{}/", folder.path().display()), "")
    };
    let in_base = |text: &str, by: &str| GOOD.replace(text, by);
    for (child, base, expected) in [
        (
            CHILD.replace("tasks = 3", "tasks = 0"),
            GOOD.to_owned(),
            "child.toml, line 8: meta.tasks: expected at least 1",
        ),
        (
            CHILD.into(),
            in_base("queries = 5", "queries = 0"),
            "base.toml, line 22: meta.queries: expected at least 1",
        ),
        (
            CHILD.into(),
            in_base("queries = 5", "querys = 5"),
            "base.toml, line 22: meta.querys: unknown field",
        ),
        (
            CHILD.into(),
            in_base("queries = 5", "queries = \"five\""),
            "base.toml, line 22: meta.queries: invalid type",
        ),
        (
            CHILD.into(),
            in_base("queries = 5", "queries ="),
            "base.toml, line 22: ",
        ),
        (
            CHILD.replace("base.toml", "absent.toml"),
            GOOD.into(),
            "child.toml, line 3: extends: cannot read absent.toml",
        ),
        (
            CHILD.replace("base.toml", "child.toml"),
            GOOD.into(),
            "child.toml, line 3: extends: child.toml extends itself",
        ),
        (
            CHILD.replace("\"base.toml\"", "3"),
            GOOD.into(),
            "child.toml, line 3: extends: expected the name of a file",
        ),
        (
            CHILD.replace("name = \"child\"\n", ""),
            GOOD.into(),
            "child.toml, line 2: extends: a config that extends another needs a name of its own",
        ),
    ] {
        let message = fault(&child, &base, &[]);
        assert!(
            message.starts_with(expected),
            "{message:?} for {expected:?}"
        );
    }
    let message = fault(CHILD, GOOD, &["meta.tasks=0".into()]);
    assert!(message.starts_with("--set: meta.tasks"), "{message}");
    let message = error(CHILD, &[]);
    assert!(
        message.contains("line 3: extends: only a file"),
        "{message}"
    );
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("configs")
}

/// The configs that come along, as paths below `shipped()`, sorted.
fn all_shipped() -> Vec<PathBuf> {
    let entries = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path())
    };
    let folders = entries(&shipped()).filter(|path| path.is_dir());
    let mut files: Vec<PathBuf> = folders
        .flat_map(|folder| entries(&folder))
        .map(|file| file.strip_prefix(shipped()).unwrap().to_owned())
        .collect();
    files.sort();
    assert!(files.len() > 60, "{}", files.len());
    files
}

#[test]
fn every_config_that_comes_along_is_whole_and_named_after_its_file() {
    let mut names: Vec<String> = Vec::new();
    for file in all_shipped() {
        let config = Config::load(&shipped().join(&file), &[]).unwrap();
        assert_eq!(file.file_stem().unwrap(), config.name.as_str());
        assert_eq!(
            file.starts_with("paper"),
            config.protocol != Protocol::Own,
            "{}: paper/ is for the settings of the paper and of its code",
            file.display()
        );
        names.push(config.name);
    }
    names.sort();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "two configs would train into one run");
}

/// The figures of the documents are transductive where norms use the batch at hand, and
/// what a device does elsewhere.
#[test]
fn a_config_whose_norms_use_the_batch_says_how_it_is_judged() {
    let mut seen = [0, 0];
    for file in all_shipped() {
        let config = Config::load(&shipped().join(&file), &[]).unwrap();
        let mut layers = config.model.layers.iter();
        let sees = layers.any(|layer| layer.statistics() == Some(Statistics::Current));
        seen[usize::from(sees)] += 1;
        if sees {
            assert_eq!(config.setting(), Setting::Transductive, "{}", config.name);
        }
    }
    assert!(seen.iter().all(|&count| count > 20), "{seen:?}");
}

#[test]
fn the_index_lists_every_config_once() {
    let index = std::fs::read_to_string(shipped().join("README.md")).unwrap();
    let mut listed: Vec<PathBuf> = index
        .split("](")
        .skip(1)
        .filter_map(|link| link.split(')').next())
        .filter(|link| link.ends_with(".toml"))
        .map(PathBuf::from)
        .collect();
    listed.sort();
    assert_eq!(listed, all_shipped());
}

#[test]
fn a_path_without_its_folder_is_told_where_the_file_is() {
    for file in all_shipped() {
        let name = file.file_name().unwrap();
        for wrong in [shipped().join(name), shipped().join("timing").join(name)] {
            if wrong.is_file() {
                continue;
            }
            let message = Config::load(&wrong, &[]).unwrap_err().to_string();
            let right = shipped().join(&file);
            assert!(message.starts_with("there is no "), "{message}");
            assert!(message.ends_with(right.to_str().unwrap()), "{message}");
        }
    }
    let message = error_of_extending("omniglot-micro.toml");
    assert!(message.contains("there is no "), "{message}");
    assert!(message.ends_with("below/omniglot-micro.toml"), "{message}");
    let absent = Config::load(&shipped().join("absent.toml"), &[]).unwrap_err();
    assert!(absent.to_string().starts_with("cannot read "), "{absent}");
}

/// Of a config that extends a file which lies in a folder below.
fn error_of_extending(name: &str) -> String {
    let child = CHILD.replace("base.toml", name);
    let folder = folder(&[("child.toml", &child)]);
    let below = folder.path().join("below");
    std::fs::create_dir(&below).unwrap();
    std::fs::write(below.join(name), GOOD).unwrap();
    let error = Config::load(&folder.path().join("child.toml"), &[]).unwrap_err();
    error.to_string()
}

/// The settings of an algorithm are not inherited by another.
#[test]
fn a_file_may_choose_another_algorithm_than_the_one_it_extends() {
    let reptile = "name = \"moved\"
title = \"Moved\"
extends = \"base.toml\"
method = \"reptile\"
inner.rate = { kind = \"fixed\", value = 0.01 }
[reptile]
steps = 3
rate = 0.02
";
    let back = "name = \"back\"
title = \"Back\"
extends = \"reptile.toml\"
method = \"maml\"
";
    let more = "name = \"more\"
title = \"More\"
extends = \"reptile.toml\"
reptile.steps = 4
";
    let folder = folder(&[
        ("reptile.toml", reptile),
        ("back.toml", back),
        ("more.toml", more),
    ]);
    let load = |name: &str, sets: &[&str]| {
        let sets: Vec<String> = sets.iter().map(|&set| set.into()).collect();
        Config::load(&folder.path().join(name), &sets).unwrap()
    };
    let moved = load("reptile.toml", &[]);
    assert_eq!(load("back.toml", &[]).method, config(&[]).method);
    assert_eq!(
        load("reptile.toml", &["method=maml"]).method,
        config(&[]).method
    );
    assert_eq!(load("reptile.toml", &["method=reptile"]), moved);
    let changed = load("more.toml", &[]);
    assert_eq!(
        changed.method,
        load("reptile.toml", &["reptile.steps=4"]).method
    );
    assert_ne!(changed.method, moved.method);
}

#[test]
fn an_unknown_key_is_told_all_that_there_are() {
    let folder = folder(&[("wrong.toml", &format!("reptil = 1\n{GOOD}"))]);
    let error = Config::load(&folder.path().join("wrong.toml"), &[]).unwrap_err();
    let error = error.to_string();
    for key in [
        "`reptil`",
        "`tasks`",
        "`reptile`",
        "`averaging`",
        "`extends`",
    ] {
        assert!(error.contains(key), "{key}: {error}");
    }
}
