//! Trainings as an array job of Slurm.

use std::process::Command;

use anyhow::Context;

use super::Plan;
use crate::cli::{exit, output};
use crate::run::write_atomically;
use crate::shell;

/// The script of an array job, a task for each run.
fn script(plan: &Plan, lines: &[String]) -> String {
    let options = lines.iter().map(|line| format!("#SBATCH {line}\n"));
    let words = ["sweep".to_owned(), shell::word(&plan.file)].into_iter();
    let words = words.chain(["--run".to_owned(), shell::word(&plan.folder)]);
    let words = words.chain(["--device".to_owned(), plan.device.clone()]);
    format!(
        "#!/bin/sh\n#SBATCH --job-name={}\n#SBATCH --array=0-{}\n#SBATCH --output={}\n{}\n\
         # A job that is to be ended leaves a checkpoint, and the same array goes on.\n\
         exec {} --cell \"$SLURM_ARRAY_TASK_ID\"\n",
        plan.sweep.name(),
        plan.cells.len() - 1,
        shell_words::quote(&plan.folder.join("slurm-%A-%a.out").display().to_string()),
        options.collect::<String>(),
        shell::command(words)
    )
}

/// Writes the script and gives it to `sbatch`.
pub(super) fn submit(plan: &Plan, lines: &[String]) -> anyhow::Result<u8> {
    std::fs::create_dir_all(&plan.folder)
        .with_context(|| format!("cannot create {}", plan.folder.display()))?;
    let path = plan.folder.join("array.sh");
    write_atomically(&path, script(plan, lines).as_bytes())?;
    let status = Command::new("sbatch")
        .arg(&path)
        .status()
        .with_context(|| {
            format!(
                "{} is written, but sbatch cannot be started here",
                path.display()
            )
        })?;
    anyhow::ensure!(
        status.success(),
        "sbatch refused {}: {status}",
        path.display()
    );
    let show = [
        "sweep".to_owned(),
        shell::word(&plan.file),
        "--show".to_owned(),
    ];
    output::line(format!("how far they are\n  {}", shell::command(show)))?;
    Ok(exit::SUCCESS)
}
