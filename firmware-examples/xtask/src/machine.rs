//! The machines that firmware runs on: every package of the workspaces of firmware
//! and boards that has a table `[package.metadata.machine]`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::panics;
use crate::project::{boards, cargo, firmware_examples, is_there, output, run};
use crate::toolchain::Toolchain;

/// The machine that instructions are counted on and expectations written with.
pub const REFERENCE: &str = "mps2-an386";

/// A microcontroller, or QEMU's model of one.
#[derive(Debug)]
pub struct Machine {
    /// The package, which is also the folder.
    pub name: String,
    /// Its programs.
    pub programs: Vec<String>,
    /// The folder of its workspace.
    workspace: PathBuf,
    /// What build scripts find in their environment besides.
    variables: Vec<(&'static str, PathBuf)>,
    about: About,
}

/// The table `[package.metadata.machine]`.
#[derive(Debug, Deserialize)]
struct About {
    /// The processor core, for people.
    core: String,
    /// The target it is built for.
    target: String,
    /// The emulator and its options; a board without one has none.
    #[serde(default)]
    qemu: Vec<String>,
}

/// What `cargo metadata` says, as far as it matters here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    metadata: Option<PackageMetadata>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct PackageMetadata {
    machine: Option<About>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

impl Machine {
    /// All machines, by name.
    ///
    /// # Errors
    /// Where a machine's table cannot be read.
    pub fn all() -> Result<Vec<Self>> {
        let mut machines = Vec::new();
        for workspace in [firmware_examples(), boards()] {
            machines.extend(Self::of(&workspace)?);
        }
        Ok(machines)
    }

    /// The machines of a workspace.
    fn of(workspace: &Path) -> Result<Vec<Self>> {
        let query = ["metadata", "--format-version", "1", "--no-deps"];
        let text = output(cargo(workspace).args(query))?;
        let metadata: Metadata = serde_json::from_str(&text)
            .context("cannot read [package.metadata.machine] of a machine's Cargo.toml")?;
        let machine = |package: Package| {
            let programs = package.targets.into_iter();
            let programs = programs.filter(|target| target.kind.iter().any(|kind| kind == "bin"));
            Some(Machine {
                name: package.name,
                programs: programs.map(|target| target.name).collect(),
                workspace: workspace.to_owned(),
                variables: Vec::new(),
                about: package.metadata?.machine?,
            })
        };
        Ok(metadata.packages.into_iter().filter_map(machine).collect())
    }

    /// The machine of a name.
    ///
    /// # Errors
    /// Lists the machines there are.
    pub fn find(name: &str) -> Result<Self> {
        let mut machines = Self::all()?;
        match machines.iter().position(|machine| machine.name == name) {
            Some(index) => Ok(machines.swap_remove(index)),
            None => {
                let names: Vec<_> = machines.iter().map(|machine| &*machine.name).collect();
                bail!("there is no machine {name:?}, but {}", names.join(", "))
            }
        }
    }

    /// The machine that instructions are counted on.
    pub fn reference() -> Result<Self> {
        Self::find(REFERENCE)
    }

    /// The same, with an environment variable for build scripts.
    pub fn with_variable(mut self, name: &'static str, value: &Path) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Name and core, for people.
    pub fn title(&self) -> String {
        format!("{} ({})", self.name, self.about.core)
    }

    /// The target it is built for.
    pub fn target(&self) -> &str {
        &self.about.target
    }

    /// Builds some of its programs, or all, with a profile.
    ///
    /// # Errors
    /// Where that fails. Of a program that does not link because it can panic,
    /// names what panics and who calls it.
    pub fn build(&self, toolchain: &Toolchain, profile: &str, programs: &[&str]) -> Result<()> {
        let all: Vec<_> = self.programs.iter().map(String::as_str).collect();
        let programs = if programs.is_empty() { &all } else { programs };
        let mut command = toolchain.cargo(&self.workspace, "build", &self.about.target);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.arg("--target-dir").arg(target_folder());
        command.args([
            "--package",
            &self.name,
            "--profile",
            profile,
            "--keep-going",
        ]);
        command.args(programs.iter().flat_map(|program| ["--bin", program]));
        let built = command.stderr(Stdio::piped()).output()?;
        let messages = String::from_utf8_lossy(&built.stderr);
        if !built.status.success() {
            eprint!("{messages}");
            let panics = messages.contains(panics::SYMBOL);
            if panics {
                self.explain_panics(toolchain, profile, programs)?;
            }
            bail!("the firmware of {} does not build", self.name);
        }
        // Machines of one target would overwrite each other's programs.
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

    /// Links the programs all the same, and fails with what can panic.
    fn explain_panics(
        &self,
        toolchain: &Toolchain,
        profile: &str,
        programs: &[&str],
    ) -> Result<()> {
        let mut found = String::new();
        for program in programs {
            let mut command = toolchain.cargo(&self.workspace, "rustc", &self.about.target);
            command.arg("--target-dir").arg(target_folder());
            command.args(["--package", &self.name, "--profile", profile]);
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
            self.name,
            panics::SYMBOL
        )
    }

    /// Where cargo puts a program.
    fn output(&self, profile: &str, program: &str) -> PathBuf {
        let target = target_folder().join(&self.about.target);
        target.join(profile).join(program)
    }

    /// A program that has been built.
    pub fn program(&self, profile: &str, program: &str) -> PathBuf {
        self::program(&self.name, profile, program)
    }

    /// Whether it can be emulated at all.
    pub fn has_emulator(&self) -> bool {
        !self.about.qemu.is_empty()
    }

    /// Says what is missing to emulate it.
    pub fn check_emulator(&self) -> Result<()> {
        let Some(emulator) = self.about.qemu.first() else {
            bail!(
                "{0} is not emulated: connect it and run `cargo run --release` in \
                 firmware-examples/boards/{0}",
                self.name
            );
        };
        if !is_there(emulator) {
            let package = match emulator.as_str() {
                "qemu-system-arm" => "qemu-system-arm",
                _ => "qemu-system-misc",
            };
            bail!("no {emulator}: on Debian `apt-get install {package}`");
        }
        Ok(())
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
        self.check_emulator()?;
        let (emulator, options) = self.about.qemu.split_first().context("no emulator")?;
        let mut command = Command::new(emulator);
        command
            .current_dir(working_folder()?)
            .args(options)
            .args(["-semihosting-config", "enable=on,target=native"])
            .arg("-kernel")
            .arg(program.canonicalize()?);
        Ok(command)
    }
}

/// Where a program of a machine lies once it has been built.
pub fn program(machine: &str, profile: &str, program: &str) -> PathBuf {
    let machines = target_folder().join("machines");
    machines.join(machine).join(profile).join(program)
}

/// The folder that programs are run in, where they find files of the host.
pub fn working_folder() -> Result<PathBuf> {
    let folder = target_folder().join("machines");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Where cargo builds the firmware.
fn target_folder() -> PathBuf {
    firmware_examples().join("target")
}
