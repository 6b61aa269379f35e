//! `mamlet device` against a simulator that serves: what it prints is what the
//! device learnt, and what goes wrong is named.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use mamlet_runtime::Setup;
use mamlet_runtime::serve::Server;
use mamlet_simulator::Model;
use mamlet_simulator::file::ArtifactFile;
use mamlet_simulator::serial::{FileStorage, serve};
use serde_json::Value;

const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../firmware-examples");

fn firmware(path: &str) -> PathBuf {
    Path::new(FIRMWARE).join(path)
}

/// The port of a simulator that serves one host after the other.
fn served(artifact: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("tcp:{}", listener.local_addr().unwrap());
    let path = firmware(artifact);
    std::thread::spawn(move || {
        let file = ArtifactFile::read(&path).unwrap();
        let artifact = file.artifact().unwrap();
        let model = Model::new(&artifact).unwrap();
        let setup = Setup::new(5);
        let mut memory = vec![0.0; Server::<FileStorage>::memory(&model, setup).len()];
        let names = artifact.description().unwrap();
        let storage = FileStorage::new(None);
        let server = Server::new(&model, setup, names, "thread", storage, &mut memory);
        let mut server = server.unwrap();
        for stream in listener.incoming() {
            // A host that leaves in the middle is followed by the next.
            let _ = serve(&mut server, &mut stream.unwrap());
        }
    });
    port
}

/// Exit code, standard output and standard error.
fn device(port: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mamlet"))
        .args(["device", port])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn json(port: &str, arguments: &[&str]) -> Value {
    let (code, out, err) = device(port, &[arguments, &["--json"]].concat());
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn a_device_is_taught_and_read() {
    let port = &served("artifacts/waveforms-head.mamlet");
    let [support, query] = ["support", "query"].map(|name| {
        let path = firmware(&format!("data/waveforms_{name}.csv"));
        path.to_str().unwrap().to_owned()
    });
    let about = json(port, &["info"]);
    assert_eq!(about["inputs"], 64);
    assert_eq!(about["capacity"], 5);
    let (code, out, _) = device(port, &["info"]);
    assert_eq!(code, Some(0));
    assert!(
        out.contains("waveforms-head") && out.contains("thread"),
        "{out}"
    );

    let (code, out, err) = device(port, &["adapt"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(
        err.contains(port.as_str()) && err.contains("teach some first"),
        "{err}"
    );

    assert_eq!(json(port, &["teach", &support])["examples"], 5);
    let (code, _, err) = device(port, &["teach", &support]);
    assert_eq!(code, Some(1));
    assert!(
        err.contains("example 1") && err.contains("room for 5"),
        "{err}"
    );
    assert_eq!(json(port, &["teach", &support, "--clear"])["examples"], 5);

    // What the board prints for the same: see app/expected/adapt_head.txt.
    let report = json(port, &["adapt"]);
    let board = std::fs::read_to_string(firmware("app/expected/adapt_head.txt")).unwrap();
    for bits in report["loss_bits"].as_array().unwrap() {
        assert!(board.contains(bits.as_str().unwrap()), "{bits}");
    }
    let predicted = json(port, &["predict", &query]);
    let right = predicted["accuracy"].as_f64().unwrap() * 25.0;
    assert!(
        board.contains(&format!("right after: {right} of 25")),
        "{right}"
    );
    let statistics = json(port, &["statistics"]);
    assert_eq!(statistics["statistics"]["adaptations"], 1);
    assert_eq!(statistics["report"], report);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("learnt.mamweights");
    let file = file.to_str().unwrap();
    let saved = json(port, &["weights", "--output", file]);
    let crc = saved["weights_crc32"].as_str().unwrap();
    assert!(board.contains(&format!("adapted weights {crc}")), "{crc}");
    json(port, &["reset"]);
    assert_ne!(json(port, &["predict", &query]), predicted);
    assert_eq!(json(port, &["restore", file]), saved);
    assert_eq!(json(port, &["predict", &query]), predicted);

    for action in ["save", "restore"] {
        let (code, _, err) = device(port, &[action]);
        assert_eq!(code, Some(1));
        assert!(err.contains("keeps nothing in flash"), "{err}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let (code, _, err) = device("/dev/no-such-port", &["info"]);
    assert_eq!(code, Some(1));
    assert!(
        err.contains("/dev/no-such-port") && err.contains("plugged in"),
        "{err}"
    );
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = &format!("tcp:{}", silent.local_addr().unwrap());
    let (code, _, err) = device(port, &["info", "--timeout", "0.05"]);
    assert_eq!(code, Some(1));
    assert!(
        err.contains(port.as_str()) && err.contains("--timeout"),
        "{err}"
    );
    assert_eq!(device(port, &["info", "--timeout", "0"]).0, Some(1));
    assert_eq!(device(port, &["dance"]).0, Some(2));

    let port = &served("artifacts/sinusoid.mamlet");
    let wrong = firmware("data/waveforms_query.csv");
    let (code, _, err) = device(port, &["teach", wrong.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(err.contains("waveforms_query.csv, line 1"), "{err}");
}
