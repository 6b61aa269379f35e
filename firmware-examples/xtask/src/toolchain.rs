//! How to get `core` for a bare-metal target.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use mamlet_boards::BOARDS;

use crate::project::{cargo, is_there, output};

/// What builds firmware.
pub enum Toolchain {
    /// A rustup toolchain, to which targets are added.
    Rustup,
    /// Debian's rustc with its library source, from which `core` is built.
    Debian {
        /// `rust-lld`
        linker: PathBuf,
    },
}

impl Toolchain {
    /// Finds a toolchain for all boards.
    ///
    /// # Errors
    /// Where there is none.
    pub fn find() -> Result<Self> {
        let sysroot = sysroot_of("rustc")?;
        let targets = missing_targets(&sysroot);
        if targets.is_empty() {
            return Ok(Toolchain::Rustup);
        }
        let library = Path::new("/usr/bin/rustc").exists()
            && sysroot_of("/usr/bin/rustc")
                .is_ok_and(|debian| debian.join("lib/rustlib/src/rust/library/core").is_dir());
        if library && let Some(linker) = linker(&sysroot) {
            return Ok(Toolchain::Debian { linker });
        }
        bail!("no core library for {}", targets.join(", "));
    }

    /// A command of cargo for firmware of a target, of a workspace.
    pub fn cargo(&self, workspace: &Path, subcommand: &str, target: &str) -> Command {
        let mut command = cargo(workspace);
        command.args([subcommand, "--quiet", "--target", target]);
        if let Toolchain::Debian { linker } = self {
            let variable = target.to_uppercase().replace(['-', '.'], "_");
            command
                .args(["-Z", "build-std=core"])
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTC_BOOTSTRAP", "1")
                .env(format!("CARGO_TARGET_{variable}_LINKER"), linker)
                .env_remove("RUSTUP_TOOLCHAIN");
        }
        command
    }
}

/// The command with which rustup adds the targets of all boards.
pub fn add_targets() -> Vec<&'static str> {
    let add = ["rustup", "target", "add"];
    add.into_iter().chain(targets()).collect()
}

/// The targets of all boards.
fn targets() -> BTreeSet<&'static str> {
    BOARDS.iter().map(|board| board.core.target()).collect()
}

/// Those that a compiler has no `core` for.
fn missing_targets(sysroot: &Path) -> Vec<&'static str> {
    let libraries = sysroot.join("lib/rustlib");
    let missing = |target: &&str| !libraries.join(target).is_dir();
    targets().into_iter().filter(missing).collect()
}

/// The folder of a compiler's libraries.
fn sysroot_of(rustc: &str) -> Result<PathBuf> {
    let path = output(Command::new(rustc).args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(path.trim()))
}

/// `rust-lld` of the rustup toolchain, else Debian's `lld`.
fn linker(sysroot: &Path) -> Option<PathBuf> {
    let hosts = fs::read_dir(sysroot.join("lib/rustlib")).ok()?;
    let shipped = hosts
        .flatten()
        .map(|host| host.path().join("bin/rust-lld"))
        .find(|path| path.exists());
    let debian = || is_there("ld.lld").then(|| PathBuf::from("ld.lld"));
    shipped.or_else(debian)
}
