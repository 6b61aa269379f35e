//! The example `adapt_omniglot`: its episodes, which the trainer writes where the
//! data set is.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::firmware::program;
use crate::machine::working_folder;
use crate::project::{data_folder, firmware_examples};
use crate::replay;

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
    replay::write_episodes("omniglot/omniglot-micro-int8", 20, &path, Some(data))?;
    Ok(path)
}

/// Replays the same episodes in the simulator and on the board.
pub fn simulator_and_board_agree(data: &Path) -> Result<()> {
    let episodes = write_episodes(data)?;
    let artifact = firmware_examples().join("artifacts/omniglot-micro-int8.mamlet");
    replay::agree(&artifact, &episodes, &program("release", EXAMPLE))
}
