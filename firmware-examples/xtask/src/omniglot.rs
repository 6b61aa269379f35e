//! The example `adapt_omniglot`: its episodes, which the trainer writes where the
//! data set is, and what the simulator makes of them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::firmware::{emulate, program};
use crate::machine::working_folder;
use crate::project::{cargo, data_folder, firmware_examples, output, root, run};

/// The program.
pub const EXAMPLE: &str = "adapt_omniglot";

/// Where Omniglot's zips are, if they are anywhere.
pub fn data() -> Option<PathBuf> {
    let has_zip = |folder: &PathBuf| folder.join("images_background.zip").is_file();
    let folder = data_folder()?;
    let candidates = [folder.join("omniglot"), folder];
    candidates.into_iter().find(has_zip)
}

/// Writes the episodes where the program looks for them.
pub fn write_episodes(data: &Path) -> Result<PathBuf> {
    let path = working_folder()?.join("omniglot.episodes");
    let select = ["run", "--quiet", "--package", "mamlet-trainer", "--bin"];
    let episode = ["mamlet", "--", "episode", "--shots", "1", "--tasks", "20"];
    run(cargo(&root())
        .args(select)
        .args(episode)
        .arg("trainer/configs/omniglot-micro-int8.toml")
        .arg("--output")
        .arg(&path)
        .arg("--data")
        .arg(data))?;
    Ok(path)
}

/// Replays the same episodes in the simulator and on the board: each adaptation
/// must lead to the same weights and get as many queries right.
pub fn simulator_and_board_agree(data: &Path) -> Result<()> {
    let episodes = write_episodes(data)?;
    let select = ["run", "--quiet", "--package", "mamlet-simulator", "--bin"];
    let artifact = firmware_examples().join("artifacts/omniglot-micro-int8.mamlet");
    let simulated = output(
        cargo(&root())
            .args(select)
            .args([
                "mamlet-sim",
                "--",
                "replay",
                "--json",
                "--board",
                "nrf52840",
            ])
            .args([&artifact, &episodes]),
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
    let printed = emulate(&program("release", EXAMPLE))?;
    print!("{printed}");
    let of_board = printed.lines().filter(|line| line.starts_with("episode"));
    let of_board: String = of_board.map(|line| format!("{line}\n")).collect();
    ensure!(
        of_board == simulated,
        "board\n{of_board}simulator\n{simulated}"
    );
    Ok(())
}
