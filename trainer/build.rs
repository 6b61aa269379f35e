//! Records the source revision, `unknown` outside a git checkout, and links to MuJoCo where
//! its feature is on.

use std::env;
use std::path::Path;
use std::process::Command;

/// The version that `mujoco-rs` is for.
const MUJOCO: &str = "3.17.0";

/// Where `mujoco-rs` looks for the library.
const FOLDER: &str = "MUJOCO_DYNAMIC_LINK_DIR";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    revision();
    if env::var_os("CARGO_FEATURE_MUJOCO").is_some() {
        mujoco();
    }
}

fn revision() {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"]);
    // HEAD's log changes with every commit, checkout and reset.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
    println!(
        "cargo::rustc-env=MAMLET_COMMIT={}",
        commit.as_deref().unwrap_or("unknown")
    );
}

/// Programs find the library in the folder that they were linked from, or beside themselves.
fn mujoco() {
    println!("cargo::rerun-if-env-changed={FOLDER}");
    // Without it `mujoco-rs` asks the system, which finds the library at run time too.
    let Some(folder) = env::var_os(FOLDER) else {
        println!("cargo::rustc-env=MAMLET_MUJOCO=no folder of its own");
        return;
    };
    let folder = Path::new(&folder);
    println!("cargo::rustc-env=MAMLET_MUJOCO={}", folder.display());
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system != "linux") {
        return;
    }
    let library = folder.join(format!("libmujoco.so.{MUJOCO}"));
    println!("cargo::rerun-if-changed={}", library.display());
    if !library.is_file() {
        println!(
            "cargo::error=no MuJoCo {MUJOCO}: looked for {} ({FOLDER} says where), {}. `cargo xtask \
             mujoco` fetches it.",
            library.display(),
            others(folder)
        );
    }
    for place in ["$ORIGIN", &folder.to_string_lossy()] {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{place}");
    }
}

/// Other versions in a folder, in a sentence.
fn others(folder: &Path) -> String {
    let files = folder.read_dir().into_iter().flatten().flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    let libraries: Vec<String> = names.filter(|name| name.starts_with("libmujoco")).collect();
    match &libraries[..] {
        [] => "and there is no other".into(),
        some => format!("and there is {}", some.join(", ")),
    }
}
