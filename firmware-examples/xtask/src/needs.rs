//! What checks need of a machine besides Rust, and how it is installed.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write, stdin, stdout};
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use mamlet_boards::Board;

use crate::mujoco;
use crate::project::{is_there, line};
use crate::toolchain::{self, Toolchain};

/// Something to be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// A compiler of C++, which builds libFuzzer.
    Cpp,
    /// MuJoCo's library, by Python's pip.
    Mujoco,
    /// `core` for the targets of all boards.
    Targets,
    /// This program of QEMU.
    Qemu(&'static str),
}

/// What installs packages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manager {
    /// Debian's and Ubuntu's, which asks for root.
    Apt,
    Homebrew,
}

impl Need {
    /// What emulates a board.
    pub fn emulator(board: &Board) -> Self {
        Self::Qemu(board.core.qemu())
    }

    /// Whether it is there.
    pub fn is_met(self) -> bool {
        match self {
            Self::Cpp => is_there("c++"),
            Self::Mujoco => mujoco::is_met(),
            Self::Targets => Toolchain::find().is_ok(),
            Self::Qemu(program) => is_there(program),
        }
    }

    /// What is missing where it is not.
    pub fn missing(self) -> String {
        match self {
            Self::Cpp => "no C++ compiler".into(),
            Self::Mujoco => "no MuJoCo: `cargo xtask mujoco` fetches it".into(),
            Self::Targets => match Toolchain::find() {
                Ok(_) => String::new(),
                Err(why) => format!("{why:#}"),
            },
            Self::Qemu(program) => format!("no {program}"),
        }
    }

    /// The packages that have it.
    fn packages(self, manager: Manager) -> &'static [&'static str] {
        match (manager, self) {
            (Manager::Apt, Self::Cpp) => &["g++"],
            (Manager::Apt, Self::Mujoco) if has_pip() => &[],
            (Manager::Apt, Self::Mujoco) => &["python3-pip"],
            (Manager::Apt, Self::Targets) => &["rustc-web", "rust-web-src", "lld"],
            (Manager::Apt, Self::Qemu("qemu-system-arm")) => &["qemu-system-arm"],
            (Manager::Apt, Self::Qemu(_)) => &["qemu-system-misc"],
            (Manager::Homebrew, Self::Qemu(_)) => &["qemu"],
            // They come with what compiles Rust there.
            (Manager::Homebrew, Self::Cpp | Self::Targets | Self::Mujoco) => &[],
        }
    }
}

impl Manager {
    /// That of this machine.
    fn here() -> Option<Self> {
        if Path::new("/etc/debian_version").exists() && is_there("apt-get") {
            return Some(Self::Apt);
        }
        is_there("brew").then_some(Self::Homebrew)
    }

    /// The command that installs packages.
    fn install(self, packages: &[&str]) -> Command {
        match self {
            Self::Apt => {
                let install = ["install", "--yes", "--no-install-recommends"];
                as_root(&[&["apt-get"], &install[..], packages].concat())
            }
            Self::Homebrew => command(&[&["brew", "install"], packages].concat()),
        }
    }

    /// Learns which packages there are.
    fn update(self) {
        if self == Self::Apt {
            attempt(&mut as_root(&["apt-get", "update", "--quiet"]));
        }
    }
}

/// Fails with all that is missing of `needs`, and the command that installs it. First
/// installs what may be installed: with `install` or the consent of somebody at the
/// terminal anything, as root on Debian too, and targets where rustup is there. MuJoCo is
/// fetched where packages may be installed unasked, and in CI.
pub fn provide(needs: &BTreeSet<Need>, install: bool) -> Result<()> {
    let unmet = || -> Vec<Need> {
        let needs = needs.iter().copied();
        needs.filter(|need| !need.is_met()).collect()
    };
    let mut missing = unmet();
    if missing.is_empty() {
        return Ok(());
    }
    let manager = Manager::here();
    let is_debian_root = is_root() && manager == Some(Manager::Apt);
    let may_fetch = install || is_debian_root || std::env::var_os("CI").is_some();
    if missing.contains(&Need::Mujoco) && may_fetch && has_pip() {
        fetch_mujoco();
        missing = unmet();
    }
    if missing.contains(&Need::Targets) && !is_debian_root {
        attempt(&mut command(&toolchain::add_targets()));
        missing = unmet();
    }
    if let Some(manager) = manager {
        let packages = packages(manager, &missing);
        let may = || install || is_debian_root || is_agreed(&manager.install(&packages));
        if !packages.is_empty() && may() {
            manager.update();
            // One by one: a release may lack some of them.
            for package in packages {
                attempt(&mut manager.install(&[package]));
            }
            missing = unmet();
            if missing.contains(&Need::Mujoco) && may_fetch && has_pip() {
                fetch_mujoco();
            }
            if missing.contains(&Need::Targets) {
                attempt(&mut command(&toolchain::add_targets()));
            }
            missing = unmet();
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let words: Vec<_> = missing.iter().map(|need| need.missing()).collect();
    let words = words.join(", ");
    match manager.map(|manager| (manager, packages(manager, &missing))) {
        Some((manager, packages)) if !packages.is_empty() => bail!(
            "{words}. This installs it:\n  {}",
            line(&manager.install(&packages))
        ),
        _ => bail!("{words}. Install QEMU, a C++ compiler, the targets of rustup and pip."),
    }
}

/// All packages that have what is missing.
fn packages(manager: Manager, missing: &[Need]) -> Vec<&'static str> {
    let packages = missing.iter().flat_map(|need| need.packages(manager));
    let packages: BTreeSet<_> = packages.copied().collect();
    packages.into_iter().collect()
}

/// Whether pip is there, which fetches MuJoCo.
fn has_pip() -> bool {
    let pip = Command::new("python3")
        .args(["-m", "pip", "--version"])
        .output();
    pip.is_ok_and(|pip| pip.status.success())
}

/// What it leaves undone is looked at later.
fn fetch_mujoco() {
    eprintln!("== MuJoCo");
    if let Err(error) = mujoco::fetch(None) {
        eprintln!("{error:#}");
    }
}

/// Whether somebody at the terminal wants a command to be run.
fn is_agreed(install: &Command) -> bool {
    let is_ci = std::env::var_os("CI").is_some();
    if is_ci || !stdin().is_terminal() || !stdout().is_terminal() {
        return false;
    }
    print!("Something is missing. Run `{}`? [y/N] ", line(install));
    let mut answer = String::new();
    let asked = stdout()
        .flush()
        .and_then(|()| stdin().read_line(&mut answer));
    asked.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// Runs a command. What it leaves undone is looked at later.
fn attempt(command: &mut Command) {
    eprintln!("== {}", line(command));
    if let Err(error) = command.status() {
        eprintln!("{}: {error}", line(command));
    }
}

fn command(words: &[&str]) -> Command {
    let mut words = words.iter();
    let mut command = Command::new(words.next().copied().unwrap_or_default());
    command.args(words);
    command
}

/// The same, with `sudo` where this is not root.
fn as_root(words: &[&str]) -> Command {
    let sudo: &[&str] = if is_root() { &[] } else { &["sudo"] };
    command(&[sudo, words].concat())
}

/// Whether this is root, who may install packages.
fn is_root() -> bool {
    let user = Command::new("id").arg("-u").output();
    user.is_ok_and(|user| user.stdout.trim_ascii() == b"0")
}
