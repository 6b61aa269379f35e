//! `mamlet-sim run --flash-file`: a board that remembers from run to run.

use std::fs;
use std::path::Path;
use std::process::Command;

use mamlet_formats::{ArtifactWriter, Layer, Shape};
use serde_json::Value;
use tempfile::TempDir;

const LINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/line.mamlet");

/// Exit code, standard output and standard error of a run in a folder.
fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mamlet-sim"));
    let command = command.current_dir(folder).arg("run").args(arguments);
    let output = command.output().expect("the command runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let fixed = ["--json", "--query", "query.csv", "--flash-file", "flash"];
    let arguments = [arguments, &fixed].concat();
    let (code, out, err) = run(folder, &arguments);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    serde_json::from_str(&out).expect("JSON")
}

fn folder() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    for (name, content) in [
        ("first.csv", "x,y\n0,1\n1,3\n2,5\n"),
        ("second.csv", "x,y\n0,5\n1,4\n2,3\n"),
        ("query.csv", "x,y\n0.5,2\n1.5,4\n"),
    ] {
        fs::write(folder.path().join(name), content).expect("a writable folder");
    }
    folder
}

#[test]
fn a_later_run_starts_from_what_was_learnt() {
    for board in ["nrf52840", "stm32l4", "stm32f411"] {
        let folder = folder();
        let folder = folder.path();
        let board = ["--board", board];
        let with = |more: &[&'static str]| [&[LINE][..], &board, more].concat();

        let first = json(folder, &with(&["--support", "first.csv"]));
        assert_eq!(first["kept"]["found"], Value::Null);
        assert_eq!(first["kept"]["saved"], "saved");

        let second = json(folder, &with(&[]));
        assert_eq!(second["outcome"], "not adapted");
        assert_eq!(second["kept"]["found"]["steps"], first["steps"]);
        assert_eq!(second["kept"]["saved"], Value::Null);
        assert_eq!(second["adapted_crc32"], first["adapted_crc32"]);
        for (second, first) in [0, 1].map(|q| (&second["predictions"][q], &first["predictions"][q]))
        {
            assert_eq!(second["before"], first["after"]);
            assert_eq!(second["after"], first["after"]);
        }
        let again = json(folder, &with(&["--support", "first.csv"]));
        assert_eq!(again["kept"]["saved"], "unchanged");

        // What goes wrong is undone: the weights in flash are in use again.
        let wrong = json(folder, &with(&["--support", "second.csv", "--rate", "99"]));
        let outcome = wrong["outcome"].as_str().expect("an outcome");
        assert!(outcome.starts_with("rolled back"), "{outcome}");
        assert_eq!(wrong["adapted_crc32"], first["adapted_crc32"]);
        assert_eq!(wrong["kept"]["saved"], Value::Null);

        // The power fails during a save.
        let image = fs::read(folder.join("flash")).expect("the flash");
        let mut ends = Vec::new();
        for cut in ["0", "1", "5", "12", "19", "20", "1000"] {
            fs::write(folder.join("flash"), &image).expect("a writable folder");
            let torn = with(&["--support", "second.csv", "--power-cut", cut]);
            let torn = json(folder, &torn);
            let found = json(folder, &with(&[]));
            let weights = match torn["kept"]["saved"].as_str() {
                Some("saved") => &torn["adapted_crc32"],
                _ => &first["adapted_crc32"],
            };
            assert_eq!(&found["adapted_crc32"], weights, "cut at {cut}");
            ends.push(torn["kept"]["saved"].clone());
        }
        assert_eq!(ends.first(), Some(&"the power failed while saving".into()));
        assert_eq!(ends.last(), Some(&"saved".into()));
    }
}

#[test]
fn in_words() {
    let folder = folder();
    let folder = folder.path();
    let support = ["--support", "first.csv", "--flash-file", "flash"];
    let (code, out, _) = run(folder, &[&[LINE], &support[..]].concat());
    assert_eq!(code, Some(0));
    assert!(
        out.contains("flash: found nothing\nflash: saved\nadapted\n"),
        "{out}"
    );
    let (code, out, _) = run(folder, &[LINE, "--flash-file", "flash"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("flash: found weights of 10 steps"), "{out}");
    assert!(out.contains("not adapted\n"), "{out}");
}

#[test]
fn what_cannot_be_is_refused() {
    let folder = folder();
    let folder = folder.path();
    let (code, _, err) = run(folder, &[LINE]);
    assert_eq!(code, Some(2));
    assert!(err.contains("--support"), "{err}");
    let (code, _, err) = run(
        folder,
        &[LINE, "--support", "first.csv", "--power-cut", "3"],
    );
    assert_eq!(code, Some(2));
    assert!(err.contains("--flash-file"), "{err}");

    let (code, _, _) = run(
        folder,
        &[LINE, "--support", "first.csv", "--flash-file", "flash"],
    );
    assert_eq!(code, Some(0));
    let before = fs::read(folder.join("flash")).expect("the flash");
    let mut other = ArtifactWriter::new("other line", Shape::Vector { features: 1 });
    let weight = other.tensor(&[0.25], true);
    other.push(Layer::Dense {
        outputs: 1,
        weight,
        bias: None,
    });
    other.rates(&[&[0.1]]).steps(1, 10);
    let other = other.to_bytes().expect("an artifact");
    fs::write(folder.join("other.mamlet"), other).expect("a writable folder");
    let (code, _, err) = run(folder, &["other.mamlet", "--flash-file", "flash"]);
    assert_eq!(code, Some(1));
    for part in [
        "flash: ",
        "belongs to artifact",
        "adapt again and remove the profile",
    ] {
        assert!(err.contains(part), "{part:?} is not in {err}");
    }
    assert_eq!(fs::read(folder.join("flash")).expect("the flash"), before);
}
