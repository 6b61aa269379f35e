//! Checks of what runs on this host.

use anyhow::{Context, Result, ensure};

use super::Check;
use crate::needs::Need;
use crate::project::{boards, cargo, firmware_examples, output, root, run};
use crate::{fuzz, host, mujoco};

/// The features of the runtime, and none.
const FEATURES: [&str; 7] = [
    "",
    "convolution",
    "normalisation",
    "integer",
    "policy",
    "micromath",
    "storage",
];

/// With CUDA the trainer has all of its code, and what is checked for one check need
/// not be checked for another.
const WITH_CUDA: [&str; 2] = ["--features", "mamlet-trainer/cuda"];

/// All of them, cheap ones first.
pub fn checks() -> Vec<Check> {
    vec![
        Check::new("formatting", [], formatting),
        Check::new("lints, with CUDA", [], lints),
        Check::new("formats without a heap", [], without_heap),
        Check::new("runtime with and without its features", [], features),
        Check::new("host tests", [], host_tests),
        Check::new("robots in MuJoCo", [Need::Mujoco], robots),
        Check::new("approximate maths", [], approximate_maths),
        Check::new("documentation", [], documentation),
        Check::new("help texts", [], help),
        Check::new("fuzz targets", [Need::Cpp], fuzz::test),
    ]
}

fn formatting() -> Result<()> {
    let fuzz = ["formats/fuzz", "runtime/fuzz"].map(|folder| root().join(folder));
    let workspaces = [root(), firmware_examples(), boards()];
    for folder in workspaces.into_iter().chain(fuzz) {
        run(cargo(&folder).args(["fmt", "--all", "--check"]))?;
    }
    Ok(())
}

fn lints() -> Result<()> {
    let deny = ["--", "--deny", "warnings"];
    let mut clippy = cargo(&root());
    clippy.args(["clippy", "--quiet", "--workspace", "--all-targets"]);
    run(clippy.args(WITH_CUDA).args(mujoco::features()).args(deny))?;
    let xtask = ["clippy", "--quiet", "--package", "xtask", "--all-targets"];
    run(cargo(&firmware_examples()).args(xtask).args(deny))
}

fn without_heap() -> Result<()> {
    let formats = ["--package", "mamlet-formats", "--no-default-features"];
    run(cargo(&root()).args(["check", "--quiet"]).args(formats))
}

/// Every feature by itself, and none, compiles without a warning.
fn features() -> Result<()> {
    let runtime = ["clippy", "--quiet", "--package", "mamlet-runtime"];
    for feature in FEATURES {
        let select = ["--all-targets", "--no-default-features", "--features"];
        let clippy = &mut cargo(&root());
        clippy.args(runtime).args(select).arg(feature);
        run(clippy.args(["--", "--deny", "warnings"]))
            .with_context(|| format!("with the feature {feature:?} alone"))?;
    }
    Ok(())
}

/// With MuJoCo where it is there: all that is built then is built once.
fn host_tests() -> Result<()> {
    let mut test = cargo(&root());
    run(test.args(["test", "--workspace"]).args(mujoco::features()))?;
    run(cargo(&firmware_examples()).args(["test", "--package", "xtask"]))
}

/// What the host tests have run with everything else: in a line of its own, so that it is
/// seen where it is missing.
fn robots() -> Result<()> {
    let mut test = cargo(&root());
    test.args(["test", "--quiet", "--workspace", "--lib"]);
    run(test.args(mujoco::features()).arg("environments::mujoco"))
}

fn approximate_maths() -> Result<()> {
    let runtime = [
        "--package",
        "mamlet-runtime",
        "--features",
        "micromath",
        "--lib",
        "--tests",
    ];
    run(cargo(&root()).args(["test", "--quiet"]).args(runtime))
}

fn documentation() -> Result<()> {
    let mut doc = cargo(&root());
    doc.args([
        "doc",
        "--quiet",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ]);
    doc.args(WITH_CUDA).args(mujoco::features());
    run(doc.env("RUSTDOCFLAGS", "--deny warnings"))
}

/// The commands start, and say what they are for.
fn help() -> Result<()> {
    for (name, mut program) in [
        ("mamlet", host::mamlet()?),
        ("mamlet-sim", host::simulator()?),
    ] {
        let text = output(program.arg("--help"))?;
        ensure!(text.contains("Usage:"), "{name} --help explains nothing");
    }
    Ok(())
}
