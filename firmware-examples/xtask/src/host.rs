//! The commands of the project, built for this host as its tests build them.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::mujoco;
use crate::project::{cargo, line, root};

/// What cargo says of something it has built, as far as it matters here.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}

/// `mamlet`, to be given arguments.
pub fn mamlet() -> Result<Command> {
    program("mamlet")
}

/// `mamlet-sim`, to be given arguments.
pub fn simulator() -> Result<Command> {
    program("mamlet-sim")
}

/// A program of the workspace, at the top of the project.
fn program(name: &str) -> Result<Command> {
    static BUILT: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let built = match BUILT.get() {
        Some(built) => built,
        None => {
            let programs = build()?;
            BUILT.get_or_init(|| programs)
        }
    };
    let is_it = |path: &&PathBuf| path.file_stem().is_some_and(|stem| stem == name);
    let path = built.iter().find(is_it);
    let mut command = Command::new(path.with_context(|| format!("cargo built no {name}"))?);
    command.current_dir(root());
    Ok(command)
}

/// Builds all programs at once, and a small test: of a package alone, or without any test,
/// cargo would choose fewer features of what they depend on, and build that again.
/// The first time takes minutes, so its progress is shown, as by `.cargo/config.toml`.
fn build() -> Result<Vec<PathBuf>> {
    let progress = ["term.progress.when='always'", "term.progress.width=79"];
    let select = [
        "build",
        "--quiet",
        "--workspace",
        "--bins",
        "--test",
        "serve",
    ];
    let format = "--message-format=json-render-diagnostics";
    let mut build = cargo(&root());
    build.args(select).args(mujoco::features()).arg(format);
    build.args(progress.iter().flat_map(|setting| ["--config", setting]));
    let built = build.stderr(Stdio::inherit()).output()?;
    // What went wrong has been printed; the messages say it again for machines.
    ensure!(built.status.success(), "{} failed", line(&build));
    let messages = String::from_utf8_lossy(&built.stdout);
    let executable = |line: &str| serde_json::from_str::<Message>(line).ok()?.executable;
    Ok(messages.lines().filter_map(executable).collect())
}
