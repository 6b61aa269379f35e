//! The example `serve`: a board in QEMU and the simulator, taught over their
//! lines by the same host, `mamlet device`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::example::Example;
use crate::firmware::{Firmware, working_folder};
use crate::host;
use crate::project::{firmware_examples, output};
use crate::reference;

/// The example, which somebody teaches over its UART.
pub const EXAMPLE: Example = Example {
    name: NAME,
    run: |firmware| Served::board(firmware)?.attend(),
};
const NAME: &str = "serve";
/// The artifact that it runs.
const ARTIFACT: &str = "artifacts/sinusoid.mamlet";
/// What the host says, one after the other. `WEIGHTS` stands for a file.
const SESSION: [&str; 15] = [
    "statistics",
    "predict data/three_queries.csv",
    "teach data/five_points.csv",
    "adapt --steps 2",
    "adapt",
    "predict data/three_queries.csv",
    "weights --output WEIGHTS",
    "save",
    "save",
    "reset",
    "predict data/three_queries.csv",
    "restore",
    "predict data/three_queries.csv",
    "restore WEIGHTS",
    "statistics",
];

/// A program that answers on a pseudo-terminal until this is dropped.
struct Served {
    child: Child,
    port: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Served {
    /// Starts a command whose output has a line with a port in it.
    fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let lines = child.stdout.take().map(BufReader::new);
        let mut served = Served {
            child,
            port: String::new(),
        };
        let is_port = |word: &str| word.starts_with("/dev/");
        for line in lines.context("it has an output")?.lines() {
            if let Some(port) = line?.split(' ').find(|word| is_port(word)) {
                served.port = port.into();
                return Ok(served);
            }
        }
        anyhow::bail!("{command:?} names no port")
    }

    /// A board in the emulator.
    fn board(firmware: &Firmware) -> Result<Self> {
        let program = firmware.program("release", NAME);
        Self::start(
            firmware
                .emulator(&program)?
                .args(["-display", "none", "-monitor", "none", "-serial", "pty"]),
        )
    }

    /// The simulator with the same artifact. It answers as the board does, but
    /// for its name.
    fn simulator(flash: &Path) -> Result<Self> {
        Self::start(
            host::simulator()?
                .arg("serve")
                .arg(firmware_examples().join(ARTIFACT))
                .arg("--flash-file")
                .arg(flash),
        )
    }

    /// Waits until it ends, which is when somebody ends it.
    fn attend(mut self) -> Result<()> {
        println!("the board's UART is {}; try", self.port);
        println!("  cargo mamlet device {} info", self.port);
        self.child.wait()?;
        Ok(())
    }

    /// What it answers to the whole session, and the weights that were read.
    fn session(&self, weights: &Path) -> Result<(Vec<Value>, Vec<u8>)> {
        let mut answers = Vec::new();
        for line in SESSION {
            let mut command = host::mamlet()?;
            command
                .args(["device", &self.port, "--json"])
                .args(["--timeout", "60"]);
            for word in line.split(' ') {
                match word {
                    "WEIGHTS" => command.arg(weights),
                    file if file.contains('/') => command.arg(firmware_examples().join(file)),
                    word => command.arg(word),
                };
            }
            let mut answer: Value = serde_json::from_str(&output(&mut command)?)?;
            if let Some(statistics) = answer.get_mut("statistics").and_then(Value::as_object_mut) {
                // How often the host had to ask depends on how busy the host is.
                for of_the_line in ["requests", "repeated", "damaged"] {
                    statistics.remove(of_the_line);
                }
            }
            answers.push(answer);
        }
        Ok((answers, fs::read(weights)?))
    }
}

/// Teaches both the same: every answer, every number and the weights that are
/// read at the end are the same, bit for bit.
pub fn simulator_and_board_agree() -> Result<()> {
    ensure!(
        reference::program("release", NAME).exists(),
        "{NAME} is not built"
    );
    let folder = working_folder()?.canonicalize()?;
    let flash = folder.join("serve.flash");
    if flash.exists() {
        fs::remove_file(&flash).with_context(|| format!("cannot remove {}", flash.display()))?;
    }
    let board = Served::board(&reference::firmware()?)?;
    let of_board = board.session(&folder.join("board.mamweights"))?;
    let simulator = Served::simulator(&flash)?;
    let of_simulator = simulator.session(&folder.join("simulator.mamweights"))?;
    for ((line, board), simulator) in SESSION.iter().zip(&of_board.0).zip(&of_simulator.0) {
        println!("{line}: {board}");
        ensure!(board == simulator, "{line}: the simulator says {simulator}");
    }
    ensure!(of_board.1 == of_simulator.1, "other weights");
    let last = of_board
        .0
        .last()
        .and_then(|it| it["statistics"]["weights_crc32"].as_u64());
    ensure!(last.is_some(), "nothing was learnt");
    Ok(())
}
