//! MuJoCo's library, which the feature `mujoco` of the trainer is linked with.
//!
//! It is taken from a Python package, which has it for every system. What pip is told of
//! indexes and proxies holds for it too.

use std::env;
use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::project::{is_there, root, run};

/// The version that the crate `mujoco-rs` of the trainer is for.
const VERSION: &str = "3.17.0";

/// SHA-256 of the library in the packages of Linux. All packages of a processor have the same.
const LIBRARIES: [(&str, &str); 2] = [
    (
        "x86_64",
        "23496b023ee80fb61ab71167e94bc649f9941710fde96b18bb8204fb332523ad",
    ),
    (
        "aarch64",
        "e2edd0204fb9229f75f332a4fcd1a32345bb9f90651dc0fddfa20ec0670db789",
    ),
];

/// Names the folder of the library, for `mujoco-rs` too.
const FOLDER: &str = "MUJOCO_DYNAMIC_LINK_DIR";

/// Where it is taken from.
#[derive(clap::Args)]
pub struct Options {
    /// A folder with the library or its Python package (mujoco-3.17.0-*.whl), instead of the
    /// package index
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

/// The features with which the trainer is checked: MuJoCo's where it is there.
pub fn features() -> &'static [&'static str] {
    if is_met() {
        &["--features", "mamlet-trainer/mujoco"]
    } else {
        &[]
    }
}

/// Whether the trainer can be linked with it.
pub fn is_met() -> bool {
    let folder = folder();
    library_in(&folder).is_some() && folder.join(UNVERSIONED).is_file()
}

/// Finds the library, or fetches it, and says how to build with it.
pub fn set_up(options: &Options) -> Result<()> {
    if !is_met() || options.data.is_some() {
        fetch(options.data.as_deref())?;
    }
    let folder = folder();
    ensure!(
        is_met(),
        "MuJoCo {VERSION} is in {}, but {FOLDER} names {}, where it is not",
        own_folder().display(),
        folder.display()
    );
    println!("MuJoCo {VERSION} is in {}", folder.display());
    println!(
        "`cargo mamlet-mujoco` is `cargo mamlet` with it; builds have it with \
         `--features mamlet-trainer/mujoco`."
    );
    Ok(())
}

/// Puts the library where `.cargo/config.toml` says it is.
pub fn fetch(data: Option<&Path>) -> Result<()> {
    let expected = expected()?;
    let folder = own_folder();
    let beside = folder.with_extension("unpacked");
    remove(&beside)?;
    let source = match data.and_then(library_in) {
        Some(library) => library,
        None => unpack(data, &beside)?,
    };
    let bytes = fs::read(&source).with_context(|| source.display().to_string())?;
    let given = hex(&Sha256::digest(&bytes));
    ensure!(
        given == expected,
        "{} is not what it should be: its SHA-256 is {given}, not {expected}",
        source.display()
    );
    let complete = folder.with_extension("new");
    remove(&complete)?;
    fs::create_dir_all(&complete)?;
    fs::write(complete.join(versioned()), bytes)?;
    fs::hard_link(complete.join(versioned()), complete.join(UNVERSIONED))?;
    remove(&folder)?;
    fs::rename(&complete, &folder)?;
    remove(&beside)
}

/// What the linker looks for.
const UNVERSIONED: &str = "libmujoco.so";

/// What programs look for.
fn versioned() -> String {
    format!("{UNVERSIONED}.{VERSION}")
}

/// The library of the Python package, in a folder that it is unpacked into.
fn unpack(data: Option<&Path>, folder: &Path) -> Result<PathBuf> {
    ensure!(is_there("python3"), "no python3, whose pip fetches MuJoCo");
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-compile",
    ]);
    // Of any Python: the library is the same, and no Python is going to load it.
    pip.args(["--only-binary=:all:", "--python-version=3.12", "--target"]);
    pip.arg(folder);
    // Nothing is installed into the system, where root should not do so.
    pip.env("PIP_ROOT_USER_ACTION", "ignore");
    if let Some(data) = data {
        pip.args(["--no-index", "--find-links"]).arg(data);
    }
    run(pip.arg(format!("mujoco=={VERSION}")))?;
    let library = folder.join("mujoco").join(versioned());
    ensure!(library.is_file(), "the package has no {}", versioned());
    Ok(library)
}

/// The SHA-256 of the library for this machine.
fn expected() -> Result<&'static str> {
    let own = LIBRARIES.iter().find(|(processor, _)| *processor == ARCH);
    match own {
        Some((_, hash)) if cfg!(target_os = "linux") => Ok(hash),
        _ => bail!(
            "MuJoCo is fetched for Linux on x86-64 and aarch64 alone. Elsewhere, name in {FOLDER} the \
             folder of its library of version {VERSION}"
        ),
    }
}

/// The folder that `.cargo/config.toml` names.
fn own_folder() -> PathBuf {
    let root = root();
    let plain = root.canonicalize();
    plain.unwrap_or(root).join("target/mujoco")
}

/// The folder that the trainer is linked from.
fn folder() -> PathBuf {
    env::var_os(FOLDER).map_or_else(own_folder, PathBuf::from)
}

/// The library of the right version in a folder.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let library = folder.join(versioned());
    library.is_file().then_some(library)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Removes a folder, if it is there.
fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}
