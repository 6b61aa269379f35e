//! `mamlet-sim` as a user meets it: output, messages, exit codes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mamlet_formats::{ArtifactWriter, Layer, Loss, Reduction, Shape};
use mamlet_simulator::golden::attach;
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
fn a_run_in_words() {
    let desk = Desk::new();
    let support = desk.file("support.csv", SUPPORT);
    let query = desk.file("query.csv", QUERY);
    let said = run(LINE, &support, &["--query", &query.to_string_lossy()]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
    for expected in [
        "line on nrf52840: 3 examples, 10 steps",
        "of 1048576 bytes",
        "of 262144 bytes",
        "adapted\n",
        "after step 0 ",
        "after step 10 ",
        "query mean squared error: ",
        "1.5000 -> 0.0000 -> ",
    ] {
        assert!(
            said.out.contains(expected),
            "{expected:?} is not in\n{}",
            said.out
        );
    }
}

#[test]
fn a_run_as_json() {
    let desk = Desk::new();
    let support = desk.file("support.csv", SUPPORT);
    let query = desk.file("query.csv", QUERY);
    let query = query.to_string_lossy();
    let said = run(
        LINE,
        &support,
        &["--json", "--query", &query, "--board", "STM32L4"],
    );
    assert_eq!(said.code, Some(0), "{said:?}");
    let json = said.json();
    assert_eq!(json["artifact"], "line");
    assert_eq!(json["board"]["name"], "stm32l4");
    assert_eq!(json["board"]["ram"], 64 * 1024);
    assert_eq!(json["fits"], true);
    assert_eq!(json["examples"], 3);
    assert_eq!(json["outcome"], "adapted");
    assert_eq!(json["steps"], 10);
    let losses = json["losses"].as_array().expect("losses");
    assert_eq!(losses.len(), 11);
    let loss = |index: usize| losses[index].as_f64().expect("a number");
    assert!((loss(0) - 35.0 / 3.0).abs() < 1e-5 && loss(10) < 0.1);
    let bits = json["loss_bits"][0].as_str().expect("bits");
    let bits = u32::from_str_radix(bits, 16).expect("eight hex digits");
    assert!((f64::from(f32::from_bits(bits)) - loss(0)).abs() < 1e-6);
    let ram = &json["ram"];
    let part = |name: &str| ram[name].as_u64().expect("bytes");
    let parts = part("adapted") + part("support") + part("workspace") + part("stack");
    assert_eq!(part("total"), parts);
    assert_eq!((part("adapted"), part("support")), (8, 24));
    assert_eq!(
        json["flash"]["artifact"],
        fs::metadata(LINE).expect("the file").len()
    );
    // Three examples through one product, ten steps and a last look.
    assert_eq!(json["macs"]["prediction"], 1);
    assert_eq!(json["macs"]["adaptation"], 3 * (11 + 10));
    let predictions = json["predictions"].as_array().expect("predictions");
    assert_eq!(predictions.len(), 2);
    let after = predictions[1]["after"][0].as_f64().expect("a number");
    assert!((after - 4.0).abs() < 0.5, "{after}");
    let error = &json["mean_squared_error"];
    assert!(error["after"].as_f64() < error["before"].as_f64());
    assert_eq!(json["accuracy"], Value::Null);
}

#[test]
fn steps_rate_and_budget_of_ones_own() {
    let desk = Desk::new();
    let support = desk.file("support.csv", SUPPORT);
    let own = ["--json", "--steps", "2", "--rate", "0.1"];
    let json = run(LINE, &support, &own).json();
    assert_eq!(json["losses"].as_array().map(Vec::len), Some(3));
    let budget = ["--json", "--flash", "100", "--ram", "10", "--clock", "50"];
    let board = &run(LINE, &support, &budget).json()["board"];
    assert_eq!(board["flash"], 100 * 1024);
    assert_eq!(board["ram"], 10 * 1024);
    assert_eq!(board["clock"], 50_000_000);
    assert_ne!(board["name"], "nrf52840");
    let diverging = ["--json", "--steps", "3", "--rate", "1000"];
    let said = run(LINE, &support, &diverging);
    let json = said.json();
    let outcome = json["outcome"].as_str().expect("words");
    assert!(outcome.starts_with("rolled back"), "{outcome}");
    assert_eq!(json["adapted_crc32"], Value::Null);
    for (arguments, named) in [
        (["--steps", "21"], "1 to 20"),
        (["--steps", "0"], "1 to 20"),
        (["--rate", "nan"], "rate"),
        (["--clock", "0"], "--clock 0"),
        (["--steps", "18446744073709551615"], "1 to 20"),
    ] {
        run(LINE, &support, &arguments).refuses(1, &[named]);
    }
    assert_eq!(run(LINE, &support, &["--ram", "-1"]).code, Some(2));
}

#[test]
fn classes_by_name_and_number() {
    let desk = Desk::new();
    let artifact = desk.file(
        "g.mamlet",
        classifier().to_bytes().expect("parts that agree"),
    );
    let support = "a,b,gesture\n1,0,wave\n0,1,tap\n-1,-1,2\n";
    let support = desk.file("support.csv", support);
    let query = desk.file("query.csv", "a,b,gesture\n0.9,0.1,wave\n-1,-0.8,rest\n");
    let query = query.to_string_lossy();
    let said = run(&artifact, &support, &["--json", "--query", &query]);
    let json = said.json();
    assert_eq!(json["accuracy"]["after"], 1.0, "{said:?}");
    assert_eq!(json["mean_squared_error"], Value::Null);

    let inputs_alone = desk.file("inputs.csv", "a,b\n0.9,0.1\n");
    let inputs_alone = inputs_alone.to_string_lossy();
    let json = run(&artifact, &support, &["--json", "--query", &inputs_alone]).json();
    assert_eq!(json["accuracy"], Value::Null);
    assert_eq!(
        json["predictions"][0]["after"].as_array().map(Vec::len),
        Some(3)
    );

    for wrong in ["jump", "3", "-1", "1.5", ""] {
        let file = desk.file("wrong.csv", format!("a,b,gesture\n1,0,wave\n0,1,{wrong}\n"));
        let names = [
            "wrong.csv",
            "line 3",
            "column 3",
            "gesture",
            "wave, tap, rest",
        ];
        run(&artifact, &file, &[]).refuses(1, &names);
    }
}

#[test]
fn boards_are_listed() {
    let said = sim(["boards"]);
    assert_eq!(said.code, Some(0));
    let known = ["nrf52840", "stm32f411", "stm32l4", "rp2040", "rp2350"];
    for board in known {
        assert!(said.out.contains(board), "{board}");
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

#[test]
fn wrong_tables_are_named_by_file_line_and_column() {
    let desk = Desk::new();
    let cases: [(&str, &[&str]); 12] = [
        ("x\n0\n", &["line 1", "1 column", "1 input", "1 target"]),
        ("x,y,z\n0,1,2\n", &["line 1", "3 columns (x, y, z)"]),
        ("x,y\n0,1\n1\n", &["line 3", "1 column"]),
        ("x,y\n0,1\n1,2,3\n", &["line 3", "3 columns"]),
        (
            "x,y\n0,1\n1,two\n",
            &["line 3", "column 2 (y)", "\"two\"", "no number"],
        ),
        (
            "x,y\none,1\n",
            &["line 2", "column 1 (x)", "\"one\"", "no number"],
        ),
        ("x,y\n0,1\n,2\n", &["line 3", "column 1 (x)", "no number"]),
        (
            "x,y\n0,1\n1,NaN\n",
            &["line 3", "column 2 (y)", "not finite"],
        ),
        ("x,y\ninf,1\n", &["line 2", "column 1 (x)", "not finite"]),
        ("x,y\n1e39,1\n", &["line 2", "column 1 (x)", "not finite"]),
        ("x,y\n", &["no rows"]),
        ("", &["line 1", "0 columns"]),
    ];
    for (table, names) in cases {
        let file = desk.file("wrong.csv", table);
        let said = run(LINE, &file, &[]);
        said.refuses(1, &["wrong.csv"]);
        said.refuses(1, names);
        // As a query file it is refused alike, except that targets may lack.
        if !table.starts_with("x\n") {
            let support = desk.file("support.csv", SUPPORT);
            let said = run(LINE, &support, &["--query", &file.to_string_lossy()]);
            said.refuses(1, &["wrong.csv"]);
        }
    }
}

/// Line numbers are those of an editor, whatever ends the lines.
#[test]
fn lines_are_counted_as_an_editor_counts() {
    let desk = Desk::new();
    for table in [
        "x,y\r\n0,1\r\n1,two\r\n",
        "x,y\n\n1,two\n",
        "\"x\",y\n\"0\",1\n1,two",
    ] {
        let file = desk.file("wrong.csv", table);
        run(LINE, &file, &[]).refuses(1, &["line 3,", "column 2 (y)"]);
    }
}

/// A table without a header would lose its first example in silence.
#[test]
fn a_header_of_numbers_is_no_header() {
    let desk = Desk::new();
    let file = desk.file("wrong.csv", "0,1\n1,3\n2,5\n");
    run(LINE, &file, &[]).refuses(1, &["wrong.csv", "line 1", "header"]);
}

#[test]
fn tables_may_have_spaces_and_other_line_ends() {
    let desk = Desk::new();
    let plain = desk.file("plain.csv", SUPPORT);
    let expected = run(LINE, &plain, &["--json"]).out;
    for table in [
        "x, y\r\n0 ,1\r\n 1,3\r\n2,5",
        "x,y\n0,1\n\n1,3\n2,5\n\n",
        "\"x\",\"y\"\n0,1\n1,3\n2.0,5e0\n",
    ] {
        let file = desk.file("support.csv", table);
        assert_eq!(run(LINE, &file, &["--json"]).out, expected, "{table:?}");
    }
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

#[test]
fn what_does_not_fit_the_board_says_how_much_is_missing() {
    let desk = Desk::new();
    let support = desk.file("support.csv", SUPPORT);
    let said = run(LINE, &support, &["--ram", "1"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    let json = run(LINE, &support, &["--ram", "1", "--json"]);
    assert_eq!(json.code, Some(3));
    let json = json.json();
    assert_eq!(json["fits"], false);
    let needed = json["ram"]["total"].as_u64().expect("bytes");
    let words = format!("needs {needed} bytes, the board has 1024");
    assert!(
        said.out.contains(&words),
        "{words:?} is not in\n{}",
        said.out
    );

    let said = run(LINE, &support, &["--flash", "20"]);
    assert_eq!(said.code, Some(3));
    assert!(said.out.contains("the board has 20480"), "{}", said.out);
}

#[test]
fn corrupt_artifacts_are_refused() {
    let desk = Desk::new();
    let support = desk.file("support.csv", SUPPORT);
    let good = fs::read(LINE).expect("the artifact");
    let mut flipped = good.clone();
    flipped[50] ^= 1;
    let (mut newer, mut older) = (good.clone(), good.clone());
    (newer[8], older[8]) = (3, 1);
    let text = SUPPORT.repeat(10).into_bytes();
    let cases: [(&[u8], &str); 6] = [
        (&flipped, "checksum"),
        (&good[..good.len() - 4], "truncated"),
        (&newer, "3.0"),
        (&older, "1.0"),
        (b"", "truncated"),
        (&text, "not a mamlet artifact"),
    ];
    for (bytes, named) in cases {
        let file = desk.file("bad.mamlet", bytes);
        run(&file, &support, &[]).refuses(1, &["bad.mamlet", named]);
        sim(["verify".as_ref(), file.as_os_str()]).refuses(1, &["bad.mamlet", named]);
    }
}

#[test]
fn golden_vectors_are_verified() {
    let said = sim(["verify", LINE]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
    for expected in ["6 of 6", "11 of 11", "2 of 2", "adapted weights  identical"] {
        assert!(
            said.out.contains(expected),
            "{expected:?} is not in {said:?}"
        );
    }
    let desk = Desk::new();
    let writer = classifier();
    let bytes = attach(&writer, &[1.0, 0.0, 0.0, 1.0], &[0.0, 1.0]).expect("golden vectors");
    let file = desk.file("g.mamlet", bytes);
    assert_eq!(sim(["verify".as_ref(), file.as_os_str()]).code, Some(0));
    let file = desk.file("none.mamlet", writer.to_bytes().expect("parts that agree"));
    sim(["verify".as_ref(), file.as_os_str()]).refuses(1, &["none.mamlet", "no golden vectors"]);
}

/// Whatever word of the golden section is changed, and the checksum made right
/// again: the artifact does not pass.
#[test]
fn tampered_golden_vectors_do_not_pass() {
    const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let desk = Desk::new();
    let good = fs::read(LINE).expect("the artifact");
    let length =
        |at: usize| u32::from_le_bytes([good[at], good[at + 1], good[at + 2], good[at + 3]]);
    let section = good.len() - length(20) as usize..good.len();
    let sealed = |mut bytes: Vec<u8>| {
        let checksum = CRC.checksum(&[&bytes[..28], &bytes[32..]].concat());
        bytes[28..32].copy_from_slice(&checksum.to_le_bytes());
        bytes
    };
    let verify = |bytes: Vec<u8>, what: String| {
        let file = desk.file("tampered.mamlet", sealed(bytes));
        let said = sim(["verify".as_ref(), file.as_os_str()]);
        assert_eq!(said.code, Some(1), "{what}: {said:?}");
        assert!(said.err.contains("tampered.mamlet"), "{what}: {said:?}");
    };
    for at in section.clone().step_by(4) {
        // The lowest bit of a number, and one of its exponent.
        for (bit, byte) in [(1, at), (0x40, at + 3)] {
            // An input of 1e-45 instead of 0 leads to the same outputs.
            if bit == 1 && good[at..at + 4] == [0; 4] {
                continue;
            }
            let mut bytes = good.clone();
            bytes[byte] ^= bit;
            verify(bytes, format!("byte {byte}"));
        }
    }
    // A section that promises nothing, or four billion empty examples.
    for sizes in [[0u32; 6], [u32::MAX, 0, 0, 0, 0, 0], [3, 1, 1, 0, 10, 0]] {
        let numbers = sizes[0].saturating_mul(sizes[1] + sizes[2]) + sizes[4] + 2;
        let mut bytes = good[..section.start].to_vec();
        bytes.extend(sizes.map(u32::to_le_bytes).as_flattened());
        let numbers = 4 * numbers as usize;
        bytes.extend(&good[section.start + 24..][..numbers]);
        bytes[20..24].copy_from_slice(&(24 + numbers as u32).to_le_bytes());
        verify(bytes, format!("{sizes:?}"));
    }
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
