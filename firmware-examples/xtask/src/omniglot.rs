//! The example `adapt_omniglot`: its episodes, which the trainer writes where the
//! data set is.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::example::Example;
use crate::firmware::{Firmware, working_folder};
use crate::project::{data_folder, firmware_examples};
use crate::reference::program;
use crate::replay;

/// The example, which reads episodes of the data set.
pub const EXAMPLE: Example = Example {
    name: NAME,
    run: run_with_episodes,
};
const NAME: &str = "adapt_omniglot";

fn run_with_episodes(firmware: &Firmware) -> Result<()> {
    let data = data().context(
        "no Omniglot: put its images_background.zip and images_evaluation.zip into a folder \
         and name it in MAMLET_DATA",
    )?;
    write_episodes(&data)?;
    Example::just_run(firmware, NAME)
}

/// Where Omniglot's zips are, if they are anywhere.
pub fn data() -> Option<PathBuf> {
    let has_zip = |folder: &PathBuf| folder.join("images_background.zip").is_file();
    let folder = data_folder()?;
    let candidates = [folder.join("omniglot"), folder];
    candidates.into_iter().find(has_zip)
}

/// Writes the episodes where the program looks for them.
fn write_episodes(data: &Path) -> Result<PathBuf> {
    let path = working_folder()?.join("omniglot.episodes");
    replay::write_episodes("omniglot/omniglot-micro-int8", 20, &path, Some(data))?;
    Ok(path)
}

/// Replays the same episodes in the simulator and on the board.
pub fn simulator_and_board_agree(data: &Path) -> Result<()> {
    let episodes = write_episodes(data)?;
    let artifact = firmware_examples().join("artifacts/omniglot-micro-int8.mamlet");
    replay::agree(&artifact, &episodes, &program("release", NAME))
}
