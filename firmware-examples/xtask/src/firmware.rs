//! The firmware of the boards: one package each, in `firmware-examples/emulated` for QEMU
//! and in `firmware-examples/boards` for the board itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use mamlet_boards::{BOARDS, Board};
use serde::Deserialize;

use crate::panics;
use crate::project::{boards, cargo, firmware_examples, output, run};
use crate::toolchain::Toolchain;

/// The firmware of a board.
#[derive(Debug)]
pub struct Firmware {
    /// The board. The package has its name.
    pub board: &'static Board,
    /// Its programs.
    pub programs: Vec<String>,
    /// Whether it runs in QEMU, and not on the board itself.
    pub is_emulated: bool,
    /// The folder of its workspace.
    workspace: PathBuf,
    /// What build scripts find in their environment besides.
    variables: Vec<(&'static str, PathBuf)>,
}

/// What `cargo metadata` says, as far as it matters here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

impl Firmware {
    /// All firmware: what is emulated, then that of the boards themselves.
    ///
    /// # Errors
    /// Where the packages cannot be listed.
    pub fn all() -> Result<Vec<Self>> {
        let mut all = Self::of(&firmware_examples(), true)?;
        all.extend(Self::of(&boards(), false)?);
        Ok(all)
    }

    /// The firmware in a workspace: the packages with the name of a board.
    fn of(workspace: &Path, is_emulated: bool) -> Result<Vec<Self>> {
        let query = ["metadata", "--format-version", "1", "--no-deps"];
        let text = output(cargo(workspace).args(query))?;
        let metadata: Metadata =
            serde_json::from_str(&text).context("cannot read what `cargo metadata` prints")?;
        let firmware = |package: Package| {
            let board = mamlet_boards::named(&package.name);
            let programs = package.targets.into_iter();
            let programs = programs.filter(|target| target.kind.iter().any(|kind| kind == "bin"));
            Some(Firmware {
                board: board.filter(|board| board.name == package.name)?,
                programs: programs.map(|target| target.name).collect(),
                is_emulated,
                workspace: workspace.to_owned(),
                variables: Vec::new(),
            })
        };
        Ok(metadata.packages.into_iter().filter_map(firmware).collect())
    }

    /// The firmware with which QEMU emulates a board, by the name of the board, of its chip
    /// or of QEMU's machine.
    ///
    /// # Errors
    /// Lists the boards that are emulated.
    pub fn emulated(name: &str) -> Result<Self> {
        let mut emulated = Self::of(&firmware_examples(), true)?;
        let is_machine = |it: &&Board| it.emulator.is_some_and(|it| it.machine_name() == name);
        let board = mamlet_boards::named(name).or_else(|| BOARDS.iter().find(is_machine));
        let position = emulated
            .iter()
            .position(|firmware| Some(firmware.board) == board);
        if let Some(index) = position {
            return Ok(emulated.swap_remove(index));
        }
        let names: Vec<_> = emulated.iter().map(|it| it.board.name).collect();
        let names = names.join(", ");
        match board {
            Some(Board { name, .. }) => bail!(
                "{name} is not emulated, but {names}. Connect it and run `cargo run --release` \
                 in firmware-examples/boards/{name}"
            ),
            None => bail!("there is no board {name:?} that is emulated, but {names}"),
        }
    }

    /// The same, with an environment variable for build scripts.
    pub fn with_variable(mut self, name: &'static str, value: &Path) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Name and core of the board, for people.
    pub fn title(&self) -> String {
        format!("{} ({})", self.board.name, self.board.core.name())
    }

    /// Builds some of its programs, or all, with a profile.
    ///
    /// # Errors
    /// Where that fails. Of a program that does not link because it can panic,
    /// names what panics and who calls it.
    pub fn build(&self, toolchain: &Toolchain, profile: &str, programs: &[&str]) -> Result<()> {
        let all: Vec<_> = self.programs.iter().map(String::as_str).collect();
        let programs = if programs.is_empty() { &all } else { programs };
        let mut command = self.cargo(toolchain, "build", profile);
        command.arg("--keep-going");
        command.args(programs.iter().flat_map(|program| ["--bin", program]));
        let built = command.stderr(Stdio::piped()).output()?;
        let messages = String::from_utf8_lossy(&built.stderr);
        if !built.status.success() {
            eprint!("{messages}");
            let panics = messages.contains(panics::SYMBOL);
            if panics {
                self.explain_panics(toolchain, profile, programs)?;
            }
            bail!("the firmware of {} does not build", self.board.name);
        }
        // Boards of one target would overwrite each other's programs.
        for program in programs {
            let (from, to) = (
                self.output(profile, program),
                self.program(profile, program),
            );
            let folder = to.parent().context("a program lies in a folder")?;
            fs::create_dir_all(folder)
                .and_then(|()| fs::copy(&from, &to))
                .with_context(|| format!("cannot copy {}", from.display()))?;
        }
        Ok(())
    }

    /// A command of cargo for the package and its target.
    fn cargo(&self, toolchain: &Toolchain, subcommand: &str, profile: &str) -> Command {
        let target = self.board.core.target();
        let mut command = toolchain.cargo(&self.workspace, subcommand, target);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.arg("--target-dir").arg(target_folder());
        command.args(["--package", self.board.name, "--profile", profile]);
        command
    }

    /// Links the programs all the same, and fails with what can panic.
    fn explain_panics(
        &self,
        toolchain: &Toolchain,
        profile: &str,
        programs: &[&str],
    ) -> Result<()> {
        let mut found = String::new();
        for program in programs {
            let mut command = self.cargo(toolchain, "rustc", profile);
            command.args(["--bin", program, "--"]);
            let arguments = panics::LINK_ARGUMENTS.into_iter();
            command.args(arguments.map(|argument| format!("-Clink-arg={argument}")));
            run(&mut command)?;
            for caller in panics::callers(&self.output(profile, program))? {
                found += &format!("\n  {program}: {caller}");
            }
        }
        bail!(
            "at {profile}, these programs of {} can panic:{found}\nUse what returns an Option \
             or a Result instead (`get`, `checked_div`, `split_at_checked`), or let the compiler \
             see that it cannot happen. A program that may panic defines {}.",
            self.board.name,
            panics::SYMBOL
        )
    }

    /// Where cargo puts a program.
    fn output(&self, profile: &str, program: &str) -> PathBuf {
        let target = target_folder().join(self.board.core.target());
        target.join(profile).join(program)
    }

    /// A program that has been built.
    pub fn program(&self, profile: &str, program: &str) -> PathBuf {
        self::program(self.board.name, profile, program)
    }

    /// Emulates a program and returns what it prints.
    ///
    /// # Errors
    /// Where it fails, or does not end within two minutes.
    pub fn emulate(&self, program: &Path) -> Result<String> {
        let emulator = self.emulator(program)?;
        output(
            Command::new("timeout")
                .arg("120")
                .current_dir(working_folder()?)
                .arg(emulator.get_program())
                .args(emulator.get_args())
                .arg("-nographic"),
        )
    }

    /// The command that emulates a program, in the folder where it finds files of
    /// the host.
    pub fn emulator(&self, program: &Path) -> Result<Command> {
        let emulator = self.board.emulator;
        let emulator = emulator.with_context(|| format!("{} has no emulator", self.board.name))?;
        let qemu = self.board.core.qemu();
        let mut command = Command::new(qemu);
        command
            .current_dir(working_folder()?)
            .args(["-machine", emulator.machine])
            .args(emulator.options)
            .args(["-semihosting-config", "enable=on,target=native"])
            .arg("-kernel")
            .arg(program.canonicalize()?);
        Ok(command)
    }
}

/// Where a program of a board lies once it has been built.
pub fn program(board: &str, profile: &str, program: &str) -> PathBuf {
    let boards = target_folder().join("boards");
    boards.join(board).join(profile).join(program)
}

/// The folder that programs are run in, where they find files of the host.
pub fn working_folder() -> Result<PathBuf> {
    let folder = target_folder().join("boards");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Where cargo builds the firmware.
fn target_folder() -> PathBuf {
    firmware_examples().join("target")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::root;

    /// What `trainer/docs/adding.md` says under "A board": a description, a package in each
    /// workspace that it has firmware in, and no memory or target that says otherwise.
    #[test]
    fn every_board_has_its_firmware_and_all_firmware_its_board() {
        let emulated = Firmware::of(&firmware_examples(), true).unwrap();
        let real = Firmware::of(&boards(), false).unwrap();
        for board in BOARDS {
            let has = |firmware: &[Firmware]| firmware.iter().any(|it| it.board == board);
            let (name, is_emulated) = (board.name, board.emulator.is_some());
            assert_eq!(has(&emulated), is_emulated, "emulated/{name}");
            assert_eq!(has(&real), !board.kept().is_empty(), "boards/{name}");
        }
        for (folder, firmware) in [("emulated", emulated), ("boards", real)] {
            for entry in fs::read_dir(firmware_examples().join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                if !path.join("src/main.rs").is_file() && folder == "boards" {
                    continue;
                }
                let found = firmware.iter().find(|it| it.board.name == name);
                let found = found.unwrap_or_else(|| {
                    panic!("{folder}/{name} is no package of the workspace and of a board")
                });
                assert!(!found.programs.is_empty(), "{name} has no program");
                let manifest = fs::read_to_string(path.join("Cargo.toml")).unwrap();
                assert!(manifest.contains("build = \"../../board.rs\""), "{name}");
                assert!(!path.join("memory.x").exists(), "{name} has a memory.x");
                if let Ok(config) = fs::read_to_string(path.join(".cargo/config.toml")) {
                    let target = format!("target = \"{}\"", found.board.core.target());
                    assert!(config.contains(&target), "{name}: no {target}");
                }
            }
        }
    }

    /// The page sends nobody to a file that is not there.
    #[test]
    fn what_the_page_about_boards_names_exists() {
        let page = fs::read_to_string(root().join("trainer/docs/adding.md")).unwrap();
        let section = page.split("## A board\n").nth(1).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let words = section.split('`').skip(1).step_by(2);
        let is_path = |word: &&str| word.starts_with("runtime/") || word.starts_with("firmware-");
        let paths: Vec<_> = words.filter(is_path).collect();
        assert!(paths.len() > 4, "{paths:?}");
        for path in paths {
            assert!(root().join(path).exists(), "{path}");
        }
    }

    #[test]
    fn firmware_is_found_by_board_and_by_chip() {
        for name in ["nrf52840-dk", "nRF52840", "mps2-an386"] {
            assert_eq!(Firmware::emulated(name).unwrap().board.name, "nrf52840-dk");
        }
        let error = Firmware::emulated("pico2").unwrap_err().to_string();
        assert!(error.contains("firmware-examples/boards/pico2"), "{error}");
        let error = Firmware::emulated("arduino").unwrap_err().to_string();
        assert!(
            error.contains("arduino") && error.contains("hifive1"),
            "{error}"
        );
    }
}
