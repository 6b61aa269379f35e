//! The example `control_servo`: what it prints is what the simulator computes.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::host;
use crate::project::{firmware_examples, output};
use crate::reference::{emulate, program};

/// The program, which names the units.
const EXAMPLE: &str = "control_servo";

/// Returns before learning and after every step, verdicts and weights of all units are the
/// same on the board and in the simulator, bit for bit.
pub fn simulator_and_board_agree() -> Result<()> {
    let printed = emulate(&program("release", EXAMPLE))?;
    print!("{printed}");
    let simulated = output(
        host::simulator()?
            .args(["act", "--json", "--plant", "servo"])
            .arg(firmware_examples().join("artifacts/servo.mamlet")),
    )?;
    let simulated: Value = serde_json::from_str(&simulated)?;
    let units = simulated["units"].as_array().context("no units")?;
    let of_simulator: Option<Vec<String>> = units.iter().map(lines).collect();
    let of_simulator = of_simulator.context("a unit without stages")?.concat();
    let of_board = printed.lines().filter(|line| line.starts_with("unit"));
    let of_board: String = of_board.map(|line| format!("{}\n", bits(line))).collect();
    ensure!(
        of_board == of_simulator,
        "board\n{of_board}simulator\n{of_simulator}"
    );
    Ok(())
}

/// A line of the board, without the decimals.
fn bits(line: &str) -> String {
    let (title, numbers) = line.split_once(": ").unwrap_or((line, ""));
    let words = numbers.split(['(', ')']).skip(1).step_by(2);
    let words: String = words.map(|word| format!(" {word}")).collect();
    format!("{title}:{words}")
}

/// What the board must print of a unit.
fn lines(unit: &Value) -> Option<String> {
    let seed = unit["unit"].as_u64()?;
    let mut lines = String::new();
    for stage in unit["stages"].as_array()? {
        let steps = stage["steps"].as_u64()?;
        let [drawn, likeliest] = [0, 1].map(|at| stage["bits"][at].as_str());
        lines += &format!(
            "unit {seed}, after {steps} steps: {} {}\n",
            drawn?, likeliest?
        );
    }
    let verdict = match unit["kept"].as_bool()? {
        true => "kept",
        false => "gone back",
    };
    let weights = unit["weights_crc32"].as_str().unwrap_or("00000000");
    let likeliest = unit["likeliest_bits"].as_str()?;
    lines += &format!("unit {seed}, {verdict}: {likeliest} {weights}\n");
    Some(lines)
}
