//! Builds the firmware and runs it in QEMU.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::project::{cargo, firmware_examples, is_there, output, run};

const TARGET: &str = "thumbv7em-none-eabihf";
const PACKAGE: &str = "mps2-an386";
/// Examples whose output does not depend on the compiler.
pub const GOLDEN: [&str; 4] = [
    "verify_golden",
    "adapt_sinusoid",
    "refuse_corrupt",
    "power_cut",
];

/// How to get `core` for a bare-metal target.
pub enum Toolchain {
    /// A rustup toolchain with the target installed.
    Rustup,
    /// Debian's rustc with its library source, from which `core` is built.
    Debian {
        /// `rust-lld`
        linker: PathBuf,
    },
}

impl Toolchain {
    /// Finds a toolchain, or installs the target if rustup can.
    ///
    /// # Errors
    /// Says how to get one.
    pub fn find() -> Result<Self> {
        let sysroot = sysroot_of("rustc")?;
        let installed = || sysroot.join("lib/rustlib").join(TARGET).is_dir();
        if installed() {
            return Ok(Toolchain::Rustup);
        }
        let library = Path::new("/usr/bin/rustc").exists()
            && sysroot_of("/usr/bin/rustc")
                .is_ok_and(|debian| debian.join("lib/rustlib/src/rust/library/core").is_dir());
        if library && let Some(linker) = linker(&sysroot) {
            return Ok(Toolchain::Debian { linker });
        }
        let added = Command::new("rustup")
            .args(["target", "add", TARGET])
            .status();
        if added.is_ok_and(|status| status.success()) && installed() {
            return Ok(Toolchain::Rustup);
        }
        bail!(
            "no core library for {TARGET}: run `rustup target add {TARGET}`, or on Debian \
             `apt-get install rustc-web rust-web-src lld`"
        );
    }

    /// A cargo command that builds the firmware with a profile.
    fn build(&self, profile: &str) -> Command {
        let mut command = cargo(&firmware_examples());
        command.args(["build", "--quiet", "--package", PACKAGE, "--target", TARGET]);
        command.args(["--profile", profile]);
        if let Toolchain::Debian { linker } = self {
            command
                .args(["-Z", "build-std=core"])
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_THUMBV7EM_NONE_EABIHF_LINKER", linker)
                .env_remove("RUSTUP_TOOLCHAIN");
        }
        command
    }
}

/// Says what is missing to run firmware.
///
/// # Errors
/// Where QEMU cannot be started.
pub fn check_qemu() -> Result<()> {
    if !is_there("qemu-system-arm") {
        bail!("no qemu-system-arm: on Debian `apt-get install qemu-system-arm`");
    }
    Ok(())
}

/// Builds all examples with a profile (`release`, or `small` for size).
pub fn build(toolchain: &Toolchain, profile: &str) -> Result<()> {
    run(&mut toolchain.build(profile))
}

/// The program of an example that has been built.
pub fn program(profile: &str, example: &str) -> PathBuf {
    let target = firmware_examples().join("target").join(TARGET);
    target.join(profile).join(example)
}

/// Runs a program on a Cortex-M4F and returns what it prints. One instruction
/// takes one virtual nanosecond.
pub fn emulate(program: &Path) -> Result<String> {
    let machine = ["-machine", "mps2-an386", "-cpu", "cortex-m4", "-nographic"];
    output(
        Command::new("timeout")
            .args(["60", "qemu-system-arm"])
            .args(machine)
            .args(["-icount", "shift=0"])
            .args(["-semihosting-config", "enable=on,target=native"])
            .arg("-kernel")
            .arg(program),
    )
}

/// Builds and runs one example.
pub fn run_example(example: &str) -> Result<()> {
    check_qemu()?;
    build(&Toolchain::find()?, "release")?;
    let program = program("release", example);
    if !program.exists() {
        bail!("there is no example {example:?}: see firmware-examples/{PACKAGE}/src/bin");
    }
    print!("{}", emulate(&program)?);
    Ok(())
}

/// What an example is expected to print.
pub fn expected(example: &str) -> PathBuf {
    let folder = firmware_examples().join(PACKAGE).join("expected");
    folder.join(format!("{example}.txt"))
}

/// Writes what the examples print.
pub fn bless() -> Result<()> {
    check_qemu()?;
    build(&Toolchain::find()?, "release")?;
    for example in GOLDEN {
        let path = expected(example);
        let printed = emulate(&program("release", example))?;
        fs::write(&path, printed).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
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
