//! `mamlet quickstart`.

use clap::Args;

/// Not there yet
#[derive(Debug, Args)]
pub(super) struct Arguments {}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        anyhow::bail!("`mamlet quickstart` is not there yet")
    }
}
