//! `mamlet-sim serve` and the host that teaches it: what comes back over the line
//! is what a session on the host gives, whatever the line does to the bytes.
#![cfg(unix)]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mamlet_formats::protocol::{Refusal, Stored};
use mamlet_simulator::Model;
use mamlet_simulator::file::ArtifactFile;
use mamlet_simulator::serial::Client;
use mamlet_simulator::session::{SessionReport, run};
use mamlet_simulator::table::{Columns, Example, Target, read};

const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../firmware-examples");
const TIMEOUT: Duration = Duration::from_secs(60);

/// A simulator that serves until it is dropped.
struct Served {
    child: Child,
    port: String,
}

impl Served {
    fn start(artifact: &str, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mamlet-sim"))
            .arg("serve")
            .arg(Path::new(FIRMWARE).join("artifacts").join(artifact))
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command runs");
        let mut port = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut port).expect("a line");
        let port = port.trim().into();
        Served { child, port }
    }

    fn host(&self) -> Client {
        Client::connect(&self.port, TIMEOUT).expect("it answers")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An artifact's support and query examples, and what a session makes of them.
fn session(artifact: &str, [support, query]: [&str; 2]) -> (Vec<Example>, SessionReport) {
    let folder = Path::new(FIRMWARE);
    let file = ArtifactFile::read(&folder.join("artifacts").join(artifact)).expect("readable");
    let artifact = file.artifact().expect("sound");
    let model = Model::new(&artifact).expect("sound");
    let columns = Columns::of(&artifact, &model).expect("names");
    let table = |name| read(&folder.join("data").join(name), &columns, true).expect("examples");
    let support = table(support);
    let report = run(&model, &support, &table(query), Default::default());
    (support, report.expect("a session"))
}

/// Teaches, adapts, and compares losses, weights and predictions.
fn teach(board: &mut Client, support: &[Example], expected: &SessionReport) {
    for example in support {
        let target = example
            .target
            .as_ref()
            .map_or_else(Vec::new, Target::numbers);
        board.add(&example.input, &target).expect("an example");
    }
    let report = board.adapt(None, None).expect("examples");
    assert_eq!(report.outcome, expected.outcome);
    assert_eq!(report.loss_bits, expected.loss_bits);
    assert_eq!(board.report().expect("an answer"), Some(report));
    check(board, expected);
}

fn check(board: &mut Client, expected: &SessionReport) {
    for prediction in &expected.predictions {
        let output = board.predict(&prediction.input).expect("an input");
        assert_eq!(output, prediction.after);
    }
    let statistics = board.statistics().expect("an answer");
    let crc = statistics.weights_crc32.map(|crc| format!("{crc:08x}"));
    assert_eq!(crc, expected.adapted_crc32);
}

const SINUSOID: [&str; 2] = ["five_points.csv", "three_queries.csv"];

#[test]
fn a_taught_simulator_learns_what_a_session_learns() {
    let waveforms = ["waveforms_support.csv", "waveforms_query.csv"];
    for (artifact, data) in [
        ("sinusoid.mamlet", SINUSOID),
        // Inputs in several pieces, classes, and a body of integers.
        ("waveforms-head.mamlet", waveforms),
    ] {
        let (support, expected) = session(artifact, data);
        for line in [&[][..], &["--tcp", "127.0.0.1:0"]] {
            let served = Served::start(artifact, line);
            let mut board = served.host();
            assert_eq!(board.identity().capacity, 16);
            assert_eq!(board.identity().inputs, support[0].input.len());
            teach(&mut board, &support, &expected);
            // The next host finds what the first one left.
            drop(board);
            check(&mut served.host(), &expected);
        }
    }
}

#[test]
fn weights_survive_restarts_and_move_to_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let flash = folder.path().join("flash");
    let flash = flash.to_str().expect("text");
    let (support, expected) = session("sinusoid.mamlet", SINUSOID);
    let keeping = ["--flash-file", flash];
    let checkpoint = {
        let served = Served::start("sinusoid.mamlet", &keeping);
        let mut board = served.host();
        assert_eq!(board.restore().expect("an answer"), Stored::Nothing);
        teach(&mut board, &support, &expected);
        assert_eq!(board.save().expect("an answer"), Stored::Saved);
        assert_eq!(board.save().expect("an answer"), Stored::Unchanged);
        board.checkpoint().expect("adapted")
    };
    let served = Served::start("sinusoid.mamlet", &keeping);
    let mut board = served.host();
    let restored = board.restore().expect("an answer");
    assert_eq!(restored, Stored::Restored { steps: 5 });
    check(&mut board, &expected);
    board.reset(true).expect("an answer");
    assert_eq!(board.restore().expect("an answer"), Stored::Nothing);

    let other = Served::start("sinusoid.mamlet", &[]);
    let mut other = other.host();
    let refused = other.save().expect_err("nothing learnt");
    assert_eq!(refused.downcast_ref(), Some(&Refusal::NoStorage));
    other.take(&checkpoint).expect("the same artifact");
    check(&mut other, &expected);
    let stranger = Served::start("sinusoid-context.mamlet", &[]);
    let refused = stranger.host().take(&checkpoint).expect_err("another");
    assert!(
        refused.to_string().contains("belong to artifact"),
        "{refused}"
    );
}

/// A line that loses, changes and adds bytes: the host asks again, and nothing
/// is done twice.
struct Noisy {
    line: TcpStream,
    count: u32,
}

impl Noisy {
    fn disturb(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut disturbed = Vec::new();
        for byte in bytes {
            self.count += 1;
            match self.count % 1009 {
                7 => {}
                400 => disturbed.push(byte ^ 0x10),
                900 => disturbed.extend([*byte, 0x55]),
                _ => disturbed.push(*byte),
            }
        }
        disturbed
    }
}

impl Write for Noisy {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let disturbed = self.disturb(bytes);
        self.line.write_all(&disturbed)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.line.flush()
    }
}

impl Read for Noisy {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = [0; 16];
        let count = self.line.read(&mut bytes)?;
        if count == 0 {
            return Ok(0);
        }
        let disturbed = self.disturb(&bytes[..count]);
        // A read of no bytes would be the end of the line.
        match disturbed.len() {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            length => {
                buffer[..length].copy_from_slice(&disturbed);
                Ok(length)
            }
        }
    }
}

#[test]
fn a_noisy_line_costs_time_and_nothing_else() {
    let (support, expected) = session("sinusoid.mamlet", SINUSOID);
    let served = Served::start("sinusoid.mamlet", &["--tcp", "127.0.0.1:0"]);
    let address = served.port.strip_prefix("tcp:").expect("an address");
    let line = TcpStream::connect(address).expect("it listens");
    line.set_read_timeout(Some(Duration::from_millis(20)))
        .expect("a time");
    let noisy = Noisy { line, count: 0 };
    let mut board = Client::on("noise", Box::new(noisy), TIMEOUT).expect("it answers");
    teach(&mut board, &support, &expected);
    board.checkpoint().expect("whole in the end");
    let statistics = board.statistics().expect("an answer");
    assert_eq!((statistics.added, statistics.examples), (5, 5));
    assert_eq!(statistics.adaptations, 1);
    assert!(statistics.damaged > 0, "the noise did nothing");
}

#[test]
fn nobody_at_the_other_end_is_said_so() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let name = format!("tcp:{}", listener.local_addr().expect("an address"));
    let silent = Client::connect(&name, Duration::from_millis(50)).expect_err("silence");
    let words = format!("{silent:#}");
    assert!(
        words.contains(&name) && words.contains("no answer within"),
        "{words}"
    );
    let missing = Client::connect("/dev/no-such-port", TIMEOUT).expect_err("no port");
    let words = format!("{missing:#}");
    assert!(
        words.contains("/dev/no-such-port") && words.contains("plugged in"),
        "{words}"
    );
}

#[test]
fn what_does_not_fit_the_board_does_not_serve() {
    let output = Command::new(env!("CARGO_BIN_EXE_mamlet-sim"))
        .arg("serve")
        .arg(Path::new(FIRMWARE).join("artifacts/sinusoid.mamlet"))
        .args(["--ram", "4"])
        .output()
        .expect("the command runs");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(output.stdout, b"");
    assert!(String::from_utf8_lossy(&output.stderr).contains("DOES NOT FIT"));
}
