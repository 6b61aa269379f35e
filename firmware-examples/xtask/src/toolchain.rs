//! How to get `core` for a bare-metal target.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::machine::Machine;
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
    /// Finds a toolchain for all machines, or installs their targets if rustup
    /// can.
    ///
    /// # Errors
    /// Says how to get one.
    pub fn find() -> Result<Self> {
        let machines = Machine::all()?;
        let sysroot = sysroot_of("rustc")?;
        let libraries = sysroot.join("lib/rustlib");
        let mut targets: Vec<_> = machines.iter().map(Machine::target).collect();
        targets.retain(|target| !libraries.join(target).is_dir());
        targets.sort_unstable();
        targets.dedup();
        if targets.is_empty() {
            return Ok(Toolchain::Rustup);
        }
        let library = Path::new("/usr/bin/rustc").exists()
            && sysroot_of("/usr/bin/rustc")
                .is_ok_and(|debian| debian.join("lib/rustlib/src/rust/library/core").is_dir());
        if library && let Some(linker) = linker(&sysroot) {
            return Ok(Toolchain::Debian { linker });
        }
        let mut add = Command::new("rustup");
        if add
            .args(["target", "add"])
            .args(&targets)
            .status()
            .is_ok_and(|status| status.success())
        {
            return Ok(Toolchain::Rustup);
        }
        let targets = targets.join(" ");
        bail!(
            "no core library for {targets}: run `rustup target add {targets}`, or on Debian \
             `apt-get install rustc-web rust-web-src lld`"
        );
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
