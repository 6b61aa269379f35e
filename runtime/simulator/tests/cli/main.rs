//! `mamlet-sim` as a user meets it: output, messages, exit codes.

mod act;
mod artifacts;
mod replay;
mod run;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mamlet_boards::BOARDS;
use mamlet_formats::{ArtifactWriter, Layer, Loss, Reduction, Shape};
use serde_json::Value;
use tempfile::TempDir;

const LINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/line.mamlet");
const SUPPORT: &str = "x,y\n0,1\n1,3\n2,5\n";
const QUERY: &str = "x,y\n0.5,2\n1.5,4\n";

/// A folder of the user's files.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Desk(TempDir::new().expect("a temporary folder"))
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).expect("a writable folder");
        path
    }
}

/// What a command said and how it ended.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn sim<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mamlet-sim"));
    let output: Output = command.args(arguments).output().expect("the command runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said {
        code: output.status.code(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// `run` with a support set, and more arguments.
fn run(artifact: impl AsRef<Path>, support: &Path, more: &[&str]) -> Said {
    let fixed = [
        "run".as_ref(),
        artifact.as_ref().as_os_str(),
        "--support".as_ref(),
        support.as_os_str(),
    ];
    sim(fixed.into_iter().chain(more.iter().map(AsRef::as_ref)))
}

impl Said {
    fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "one object: {self:?}");
        serde_json::from_str(&self.out).expect("JSON")
    }

    /// That it failed with this code, printed nothing, and named all of these
    /// in one line.
    fn refuses(&self, code: i32, names: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        for name in names {
            assert!(self.err.contains(name), "{name:?} is not in {self:?}");
        }
    }
}

/// A classifier of two inputs and three named classes.
fn classifier() -> ArtifactWriter {
    let mut writer = ArtifactWriter::new("gestures", Shape::Vector { features: 2 });
    let weight = writer.tensor(&[0.1, 0.0, -0.1, 0.0, 0.1, 0.0], true);
    let bias = writer.tensor(&[0.0; 3], true);
    writer.push(Layer::Dense {
        outputs: 3,
        weight,
        bias: Some(bias),
    });
    writer
        .rates(&[&[1.0, 1.0]])
        .steps(10, 20)
        .loss(Loss::CrossEntropy, Reduction::Mean)
        .output_names(["wave", "tap", "rest"]);
    writer
}

#[test]
fn boards_are_listed() {
    let said = sim(["boards"]);
    assert_eq!(said.code, Some(0));
    let known: Vec<_> = BOARDS.iter().map(|board| board.name).collect();
    for board in BOARDS {
        let line = said
            .out
            .lines()
            .find(|line| line.starts_with(&format!("{} ", board.name)));
        let line = line.expect(board.name);
        assert!(line.contains(board.chip) && line.contains(board.core.name()));
    }
    let json = sim(["boards", "--json"]).json();
    let names: Vec<_> = json
        .as_array()
        .expect("a list")
        .iter()
        .map(|b| &b["name"])
        .collect();
    assert_eq!(names, known);

    let desk = Desk::new();
    let support = desk.file("support.csv", SUPPORT);
    let said = run(LINE, &support, &["--board", "arduino"]);
    said.refuses(1, &["arduino"]);
    said.refuses(1, &known);
}

/// A board goes by its own name and by that of its chip, and is called by its own.
#[test]
fn a_chip_stands_for_a_board() {
    let desk = Desk::new();
    let support = desk.file("support.csv", SUPPORT);
    let board =
        |name: &str| run(LINE, &support, &["--json", "--board", name]).json()["board"].take();
    for (name, printed) in [
        ("microbit-v2", "microbit-v2"),
        ("nRF52833", "microbit-v2"),
        ("rp2040", "pico"),
        ("Pico2", "pico2"),
    ] {
        assert_eq!(board(name)["name"], printed);
    }
    assert_eq!(board("nrf52833")["flash"], board("microbit-v2")["flash"]);
    assert_eq!(board("nrf52833")["ram"], 128 * 1024);
}

#[test]
fn missing_files_are_named() {
    let desk = Desk::new();
    let support = desk.file("support.csv", SUPPORT);
    run("no/such.mamlet", &support, &[]).refuses(1, &["no/such.mamlet"]);
    run(LINE, Path::new("no/such.csv"), &[]).refuses(1, &["no/such.csv"]);
    run(LINE, &support, &["--query", "no/query.csv"]).refuses(1, &["no/query.csv"]);
    sim(["verify", "no/such.mamlet"]).refuses(1, &["no/such.mamlet"]);
    assert_eq!(sim(["run", LINE]).code, Some(2), "a support set is needed");
    assert_eq!(sim(["verfy"]).code, Some(2));
}

/// `mamlet-sim … | head -1` is no error.
#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mamlet-sim"))
        .arg("boards")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the command runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
