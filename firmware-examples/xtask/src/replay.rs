//! Episodes on the board and in the simulator, with any artifact.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::firmware::working_folder;
use crate::host;
use crate::needs;
use crate::project::{firmware_examples, output, run};
use crate::reference::{self, emulate, program};
use crate::toolchain::Toolchain;

/// The program.
const EXAMPLE: &str = "replay";
/// Names the artifact while it is built.
const ARTIFACT: &str = "MAMLET_ARTIFACT";

/// `cargo xtask replay`.
#[derive(Args)]
pub struct Options {
    /// The artifact, which `mamlet export` writes
    artifact: PathBuf,
    /// Episodes for it, which `mamlet episode CONFIG --output FILE` writes
    episodes: PathBuf,
}

/// Runs an artifact of anybody's on the board with episodes of its tasks, and tells
/// whether the simulator agrees.
pub fn replay(options: &Options) -> Result<()> {
    needs::provide(&reference::needs().into(), false)?;
    let artifact = existing(&options.artifact)?;
    let episodes = working_folder()?.join("replay.episodes");
    fs::copy(existing(&options.episodes)?, &episodes)
        .with_context(|| format!("cannot copy {}", options.episodes.display()))?;
    let firmware = reference::firmware()?.with_variable(ARTIFACT, &artifact);
    let built = firmware.build(&Toolchain::find()?, "release", &[EXAMPLE]);
    built.context(
        "where it says that a region overflows, the artifact is larger than the board's flash",
    )?;
    agree(&artifact, &episodes, &program("release", EXAMPLE))
}

fn existing(path: &Path) -> Result<PathBuf> {
    path.canonicalize()
        .with_context(|| format!("cannot read {}", path.display()))
}

/// What the program `replay` runs where no artifact is named, with episodes that need
/// no data.
pub fn example() -> Result<()> {
    let episodes = working_folder()?.join("replay.episodes");
    write_episodes("waveforms/waveforms-head", 4, &episodes, None)?;
    let artifact = firmware_examples().join("artifacts/waveforms-head.mamlet");
    agree(&artifact, &episodes, &program("release", EXAMPLE))
}

/// Writes one-shot test episodes of a config, named as in `trainer/configs`.
pub fn write_episodes(config: &str, tasks: u32, to: &Path, data: Option<&Path>) -> Result<()> {
    let mut command = host::mamlet()?;
    command
        .args(["episode", "--shots", "1", "--tasks"])
        .arg(tasks.to_string())
        .arg(format!("trainer/configs/{config}.toml"))
        .arg("--output")
        .arg(to);
    if let Some(data) = data {
        command.arg("--data").arg(data);
    }
    run(&mut command)
}

/// Replays the same episodes in the simulator and on the board: each adaptation
/// must lead to the same weights and get as many queries right.
pub fn agree(artifact: &Path, episodes: &Path, program: &Path) -> Result<()> {
    let simulated = output(
        host::simulator()?
            .args(["replay", "--json", "--board", reference::BOARD])
            .args([artifact, episodes]),
    )?;
    let simulated: Value = serde_json::from_str(&simulated)?;
    let simulated = simulated["episodes"].as_array().context("no episodes")?;
    let line = |(index, episode): (usize, &Value)| {
        let queries = episode["queries"].as_u64()?;
        let right = (episode["accuracy"]["after"].as_f64()? * queries as f64).round();
        let weights = episode["adapted_crc32"].as_str()?;
        Some(format!(
            "episode {index}: {right} of {queries} right, weights {weights}\n"
        ))
    };
    let simulated: Option<String> = simulated.iter().enumerate().map(line).collect();
    let simulated = simulated.context("an episode without accuracy or weights")?;
    let printed = emulate(program)?;
    print!("{printed}");
    let of_board = printed.lines().filter(|line| line.starts_with("episode"));
    let of_board: String = of_board.map(|line| format!("{line}\n")).collect();
    ensure!(
        of_board == simulated,
        "board\n{of_board}simulator\n{simulated}"
    );
    Ok(())
}
